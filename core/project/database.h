// A thin RAII layer over SQLite's C interface; private to core/project. Every failure becomes c2l::Error with the file's name.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

struct sqlite3;
struct sqlite3_stmt;

namespace c2l {

class Database {
public:
    enum class Mode { Read, Write, Create };
    Database(const std::filesystem::path& path, Mode mode);
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    void execute(const std::string& sql);
    std::int64_t number(const std::string& sql);  // the first column of the first row
    std::int64_t last_id() const;
    void copy_to(const std::filesystem::path& backup);  // a consistent copy, whatever other connections do
    const std::filesystem::path& path() const { return path_; }
    [[noreturn]] void fail() const;

private:
    friend class Statement;
    std::filesystem::path path_;
    sqlite3* handle_ = nullptr;
};

// One prepared statement: bind in order, then step() until false.
class Statement {
public:
    Statement(Database& database, const std::string& sql);
    ~Statement();
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;

    Statement& bind(const std::string& text);
    Statement& bind(std::int64_t value);
    Statement& bind(const std::optional<double>& value);
    bool step();  // true while there is a row
    std::string text(int column) const;
    std::int64_t integer(int column) const;
    std::optional<double> real(int column) const;  // nothing for NULL

private:
    Database& database_;
    sqlite3_stmt* handle_ = nullptr;
    int bound_ = 0;
};

// Rolls back unless commit() was reached.
class Transaction {
public:
    explicit Transaction(Database& database) : database_(database) { database_.execute("BEGIN IMMEDIATE"); }
    ~Transaction();
    void commit();

private:
    Database& database_;
    bool open_ = true;
};

}  // namespace c2l
