#include "project/database.h"

#include <sqlite3.h>

#include <memory>

#include "base/error.h"

namespace c2l {

namespace fs = std::filesystem;

namespace {

// RFC 3986: only what may not stand in the path of a file: URI.
std::string file_uri(const fs::path& path) {
    static const char* digits = "0123456789ABCDEF";
    std::string uri = "file:";
    for (const unsigned char c : path.string()) {
        if (c == '%' || c == '?' || c == '#') {
            uri += '%';
            uri += digits[c >> 4];
            uri += digits[c & 15];
        } else {
            uri += static_cast<char>(c);
        }
    }
    return uri;
}

}  // namespace

Database::Database(const fs::path& path, Mode mode) : path_(path) {
    const int flags = mode == Mode::Read     ? SQLITE_OPEN_READONLY
                      : mode == Mode::Create ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                                             : SQLITE_OPEN_READWRITE;
    int rc = sqlite3_open_v2(path.c_str(), &handle_, flags | SQLITE_OPEN_NOMUTEX, nullptr);
    if (rc == SQLITE_OK) {
        sqlite3_busy_timeout(handle_, 5000);
        rc = sqlite3_exec(handle_, "PRAGMA schema_version", nullptr, nullptr, nullptr);
    }
    // A write-ahead log cannot be shared on read-only media; nobody can be writing there either.
    if (mode == Mode::Read && (rc == SQLITE_CANTOPEN || rc == SQLITE_READONLY)) {
        sqlite3_close(handle_);
        handle_ = nullptr;
        rc = sqlite3_open_v2((file_uri(path) + "?immutable=1").c_str(), &handle_, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI, nullptr);
    }
    if (rc == SQLITE_OK) {
        // A project may come from anybody: its schema runs no functions, and damaged pages are noticed before they are used.
        sqlite3_db_config(handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
        sqlite3_db_config(handle_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
        sqlite3_db_config(handle_, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
        sqlite3_db_config(handle_, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
        rc = sqlite3_exec(handle_, "PRAGMA cell_size_check = ON", nullptr, nullptr, nullptr);
    }
    if (rc != SQLITE_OK) {
        const std::string cause = handle_ ? sqlite3_errmsg(handle_) : sqlite3_errstr(rc);
        sqlite3_close(handle_);
        throw Error(rc == SQLITE_NOTADB ? ErrorCode::BadInput : ErrorCode::Io,
                    "cannot be opened as a project; check the file and the permissions", path, cause);
    }
}

Database::~Database() { sqlite3_close(handle_); }

void Database::fail() const {
    const int rc = sqlite3_errcode(handle_);
    const std::string cause = sqlite3_errmsg(handle_);
    switch (rc & 0xff) {
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB: throw Error(ErrorCode::BadInput, "the project file is damaged; restore a backup", path_, cause);
        case SQLITE_BUSY:
        case SQLITE_LOCKED: throw Error(ErrorCode::Io, "another program is writing to the project; wait for it and try again", path_, cause);
        case SQLITE_READONLY: throw Error(ErrorCode::Io, "the project cannot be written; check the permissions", path_, cause);
        case SQLITE_FULL: throw Error(ErrorCode::Io, "the disk is full; make room and try again", path_, cause);
        default: throw Error(ErrorCode::Io, "the project cannot be read or written; check the disk", path_, cause);
    }
}

void Database::execute(const std::string& sql) {
    if (sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) fail();
}

std::int64_t Database::number(const std::string& sql) {
    Statement statement(*this, sql);
    return statement.step() ? statement.integer(0) : 0;
}

std::int64_t Database::last_id() const { return sqlite3_last_insert_rowid(handle_); }

void Database::copy_to(const fs::path& backup) {
    Database target(backup, Mode::Create);
    sqlite3_backup* copy = sqlite3_backup_init(target.handle_, "main", handle_, "main");
    if (!copy) target.fail();
    sqlite3_backup_step(copy, -1);
    if (sqlite3_backup_finish(copy) != SQLITE_OK) target.fail();
}

Statement::Statement(Database& database, const std::string& sql) : database_(database) {
    if (sqlite3_prepare_v2(database_.handle_, sql.c_str(), static_cast<int>(sql.size()), &handle_, nullptr) != SQLITE_OK) database_.fail();
}

Statement::~Statement() { sqlite3_finalize(handle_); }

Statement& Statement::bind(const std::string& text) {
    if (sqlite3_bind_text(handle_, ++bound_, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT) != SQLITE_OK) database_.fail();
    return *this;
}

Statement& Statement::bind(std::int64_t value) {
    if (sqlite3_bind_int64(handle_, ++bound_, value) != SQLITE_OK) database_.fail();
    return *this;
}

Statement& Statement::bind(const std::optional<double>& value) {
    const int rc = value ? sqlite3_bind_double(handle_, ++bound_, *value) : sqlite3_bind_null(handle_, ++bound_);
    if (rc != SQLITE_OK) database_.fail();
    return *this;
}

bool Statement::step() {
    const int rc = sqlite3_step(handle_);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) database_.fail();
    return rc == SQLITE_ROW;
}

std::string Statement::text(int column) const {
    const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(handle_, column));
    return data ? std::string(data, static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))) : std::string();
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(handle_, column); }

std::optional<double> Statement::real(int column) const {
    if (sqlite3_column_type(handle_, column) == SQLITE_NULL) return std::nullopt;
    return sqlite3_column_double(handle_, column);
}

Transaction::~Transaction() {
    if (!open_) return;
    try {
        database_.execute("ROLLBACK");
    } catch (...) {  // the failure that brought us here is the one to report
    }
}

void Transaction::commit() {
    database_.execute("COMMIT");
    open_ = false;
}

}  // namespace c2l
