// HDF5 through its C API: handles that close themselves, errors as c2l::Error, sizes checked before memory is taken. Private
// to core/spatial. One lock serialises the library, which is not thread-safe everywhere.
#pragma once

#include <hdf5.h>

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace c2l::h5 {

class Handle {
public:
    Handle(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
    Handle(Handle&& other) noexcept : id_(other.id_), close_(other.close_) { other.id_ = -1; }
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    Handle& operator=(Handle&&) = delete;
    ~Handle() {
        if (id_ >= 0) close_(id_);
    }
    operator hid_t() const { return id_; }
    bool valid() const { return id_ >= 0; }

private:
    hid_t id_;
    herr_t (*close_)(hid_t);
};

std::unique_lock<std::recursive_mutex> lock();  // also silences HDF5's own error printing on this thread

enum class Kind { None, Group, Integer, Float, Boolean, String, Records, Other };

// One field of a table that is kept as one dataset of records (pandas' to_records).
struct RecordColumn {
    std::string name;
    Kind kind = Kind::Other;  // Integer, Float and Boolean have numbers, String has texts, others have neither
    std::size_t width = 1;    // numbers in each row, one after another
    std::vector<double> numbers;
    std::vector<std::string> texts;
};

// Paths are absolute within the file. Every failure names the file and the path in it.
class Reader {
public:
    // A stop that is asked for is heeded while numbers are read by chunk: Error(Stopped).
    explicit Reader(std::filesystem::path path, std::stop_token stop = {});

    Kind kind(const std::string& at) const;  // None when there is nothing, or a link that leaves the file
    std::vector<std::string> children(const std::string& group) const;
    std::vector<std::uint64_t> shape(const std::string& dataset) const;
    std::uint64_t size(const std::string& dataset) const;  // number of values, product checked

    std::vector<float> floats(const std::string& dataset) const;
    std::vector<double> doubles(const std::string& dataset) const;
    std::vector<std::int64_t> integers(const std::string& dataset) const;
    std::vector<std::int32_t> column_numbers(const std::string& dataset, std::uint64_t limit) const;  // each from 0 to below limit ≤ 2³¹
    std::vector<std::string> strings(const std::string& dataset) const;
    std::vector<RecordColumn> records(const std::string& dataset) const;
    std::optional<std::string> text_attribute(const std::string& at, const std::string& name) const;
    std::vector<std::int64_t> integer_attribute(const std::string& at, const std::string& name) const;  // empty when absent

    const std::filesystem::path& path() const { return path_; }
    [[noreturn]] void fail(const std::string& text) const;

private:
    Handle dataset(const std::string& at) const;
    template <class T>
    std::vector<T> numbers(const std::string& at, hid_t type) const;
    void check_numbers(hid_t dataset, hid_t stored, const std::string& at, std::uint64_t count, std::size_t bytes) const;
    // Of references that lie `begin` bytes from the start of each of `count` rows of `stride` bytes in the file.
    void check_text_references(hid_t dataset, const std::string& at, std::uint64_t count, std::uint64_t begin = 0, std::uint64_t stride = 16) const;
    void check_storage(hid_t dataset, const std::string& at, std::uint64_t count, std::size_t bytes, std::size_t bytes_in_file) const;

    void check_heaps() const;  // before any text of variable length is read

    mutable bool heaps_checked_ = false;
    std::filesystem::path path_;
    std::stop_token stop_;
    std::unique_lock<std::recursive_mutex> lock_;
    Handle file_;
};

bool is_sound_number(hid_t type);    // its bits all lie in its bytes: HDF5 copies those of a damaged type from beyond its buffers
bool has_sound_letters(hid_t type);  // of text of variable length: one byte each
std::string trimmed(const char* text, std::size_t most);  // without the blanks that fill up a fixed width
Kind kind_of_type(hid_t type);

// The allocator of variable-length strings: HDF5 fails cleanly once the budget is spent.
struct TextBudget {
    std::uint64_t left = std::uint64_t{1} << 30;  // of all strings of one dataset
    static void* take(std::size_t bytes, void* self);
    static void give(void* memory, void* self);
    Handle transfer();  // the property list to read with; the budget must outlive it
};

// Fills `out`, as long as the dataset, on several threads; false where HDF5 has to do it (h5_chunks.h).
template <class T>
bool read_numbers_by_chunk(hid_t dataset, hid_t stored, std::vector<T>& out, const std::stop_token& stop);

}  // namespace c2l::h5
