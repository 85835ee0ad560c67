// Tables that are one dataset of records: numbers, text and short rows of numbers side by side.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "spatial/h5.h"

namespace c2l::h5 {
namespace {

// In memory, where HDF5 puts a pointer for a text of variable length; in the file its reference takes 16 bytes.
constexpr std::size_t kPointerBytes = sizeof(char*), kReferenceBytes = 16;

struct Field {
    RecordColumn column;
    std::size_t offset = 0, bytes = 0;  // of one value, in memory
    bool pointer = false, fraction = false, is_signed = false;
};

bool is_little_endian(hid_t type) { return H5Tget_size(type) == 1 || H5Tget_order(type) == H5T_ORDER_LE; }

// False for what would not be safe to read: text of odd letters, and what is neither text nor numbers.
bool describe(hid_t type, Field& field) {
    RecordColumn& column = field.column;
    const auto kind = H5Tget_class(type);
    if (kind == H5T_ARRAY) {
        hsize_t n = 0;
        const Handle element(H5Tget_super(type), H5Tclose);
        if (H5Tget_array_ndims(type) != 1 || H5Tget_array_dims2(type, &n) < 0 || n == 0 || n > 4096 || H5Tget_class(element) == H5T_ARRAY || !describe(element, field) || field.pointer) return false;
        column.width = n;
        if (column.kind == Kind::String) column.kind = Kind::Other;
        return field.bytes * n == H5Tget_size(type);
    }
    field.bytes = H5Tget_size(type);
    column.kind = kind_of_type(type);
    if (column.kind == Kind::String) {
        field.pointer = H5Tis_variable_str(type) > 0;
        return !field.pointer || (has_sound_letters(type) && field.bytes == kPointerBytes);
    }
    if (kind != H5T_INTEGER && kind != H5T_FLOAT && kind != H5T_ENUM) return false;
    const bool read = is_sound_number(type) && is_little_endian(type) && (kind != H5T_ENUM || (column.kind == Kind::Boolean && field.bytes == 1)) &&
                      (kind != H5T_FLOAT || field.bytes >= 4);
    if (!read) column.kind = Kind::Other;
    field.fraction = kind == H5T_FLOAT;
    field.is_signed = kind == H5T_INTEGER && H5Tget_sign(type) != H5T_SGN_NONE;
    return is_sound_number(type);
}

template <class T>
double value(const char* at) {
    T v;
    std::memcpy(&v, at, sizeof v);
    return static_cast<double>(v);
}

double number(const char* at, const Field& field) {
    if (field.fraction) return field.bytes == 4 ? value<float>(at) : value<double>(at);
    switch (field.bytes) {
        case 1: return field.is_signed ? value<std::int8_t>(at) : value<std::uint8_t>(at);
        case 2: return field.is_signed ? value<std::int16_t>(at) : value<std::uint16_t>(at);
        case 4: return field.is_signed ? value<std::int32_t>(at) : value<std::uint32_t>(at);
        default: return field.is_signed ? value<std::int64_t>(at) : value<std::uint64_t>(at);
    }
}

char* pointer(const char* at) {
    char* text = nullptr;
    std::memcpy(&text, at, sizeof text);
    return text;
}

void take(Field& field, const char* row) {
    RecordColumn& column = field.column;
    const char* at = row + field.offset;
    if (field.pointer) column.texts.emplace_back(pointer(at) ? pointer(at) : "");
    else if (column.kind == Kind::String) column.texts.push_back(trimmed(at, field.bytes));
    else if (column.kind != Kind::Other)
        for (std::size_t i = 0; i < column.width; ++i) column.numbers.push_back(number(at + i * field.bytes, field));
}

}  // namespace

std::vector<RecordColumn> Reader::records(const std::string& at) const {
    if (kind(at) != Kind::Records) fail("has no records at '" + at + "'");
    const Handle set = dataset(at), type(H5Dget_type(set), H5Tclose);
    const std::uint64_t rows = size(at), row_bytes = H5Tget_size(type);
    const int members = H5Tget_nmembers(type);
    if (shape(at).size() != 1 || members < 1 || members > 10'000 || row_bytes > (1 << 20)) fail("has records of an odd shape at '" + at + "'");
    std::vector<Field> fields(static_cast<std::size_t>(members));
    for (std::size_t i = 0; i < fields.size(); ++i) {
        const auto number = static_cast<unsigned>(i);
        char* name = H5Tget_member_name(type, number);
        fields[i].column.name = name ? name : "";
        H5free_memory(name);
        fields[i].offset = H5Tget_member_offset(type, number);
        const Handle member(H5Tget_member_type(type, number), H5Tclose);
        if (!member.valid() || !describe(member, fields[i])) fail("has a kind of column in '" + at + "' that is not read: '" + fields[i].column.name + "'");
    }
    std::sort(fields.begin(), fields.end(), [](const Field& a, const Field& b) { return a.offset < b.offset; });
    std::uint64_t end = 0, pointers = 0;
    for (const Field& field : fields) {
        if (field.offset < end || field.offset > row_bytes || field.bytes * field.column.width > row_bytes - field.offset) fail("has overlapping columns in '" + at + "'; the file is damaged");
        end = field.offset + field.bytes * field.column.width;
        pointers += field.pointer;
    }
    const std::uint64_t stored_row = row_bytes + pointers * (kReferenceBytes - kPointerBytes);
    check_storage(set, at, rows, stored_row, stored_row);
    if (pointers > 0) check_heaps();
    std::uint64_t before = 0;  // pointers so far
    for (const Field& field : fields)
        if (field.pointer) check_text_references(set, at, rows, field.offset + before++ * (kReferenceBytes - kPointerBytes), stored_row);

    std::vector<char> data(rows * row_bytes);
    TextBudget budget;
    const Handle transfer = budget.transfer();
    const bool read = rows == 0 || H5Dread(set, type, H5S_ALL, H5S_ALL, transfer, data.data()) >= 0;
    for (std::uint64_t r = 0; r < rows; ++r)
        for (Field& field : fields) {
            const char* row = data.data() + r * row_bytes;
            if (read) take(field, row);
            if (field.pointer) std::free(pointer(row + field.offset));
        }
    if (!read) fail("cannot be read at '" + at + "'; the file is damaged or its text is too large");
    std::vector<RecordColumn> columns;
    for (Field& field : fields) columns.push_back(std::move(field.column));
    return columns;
}

}  // namespace c2l::h5
