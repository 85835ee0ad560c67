// Space Ranger's positions in Parquet, by Apache's own reader; parquet_absent.cpp stands in for it where that is not installed. Its plain
// column readers are used, which have kept their form over many versions.
#include <parquet/api/reader.h>

#include <cmath>

#include "base/error.h"
#include "spatial/parts.h"

namespace c2l {
namespace {

class ParquetColumns {
public:
    explicit ParquetColumns(const std::filesystem::path& path) : path_(path), file_(parquet::ParquetFileReader::OpenFile(path.string(), false)) {
        if (file_->metadata()->num_rows() > static_cast<std::int64_t>(kMostSpots)) fail("has more spots than any array");
    }

    bool has(const char* name) const { return find(name) >= 0; }

    std::vector<double> numbers(const char* name) {
        std::vector<double> out;
        const auto take = [&](auto value) {
            const auto v = static_cast<double>(value);
            if (!std::isfinite(v) || std::abs(v) > 1e8) fail("has a value in '" + std::string(name) + "' that is no position");
            out.push_back(v);
        };
        each_row_group(name, [&](parquet::ColumnReader& column) {
            switch (column.type()) {
                case parquet::Type::BOOLEAN: return read<parquet::BoolReader>(column, name, out, take);
                case parquet::Type::INT32: return read<parquet::Int32Reader>(column, name, out, take);
                case parquet::Type::INT64: return read<parquet::Int64Reader>(column, name, out, take);
                case parquet::Type::FLOAT: return read<parquet::FloatReader>(column, name, out, take);
                case parquet::Type::DOUBLE: return read<parquet::DoubleReader>(column, name, out, take);
                default: fail("has something other than numbers in '" + std::string(name) + "'");
            }
        });
        return out;
    }

    std::vector<std::string> texts(const char* name) {
        std::vector<std::string> out;
        each_row_group(name, [&](parquet::ColumnReader& column) {
            if (column.type() != parquet::Type::BYTE_ARRAY) fail("has no text in '" + std::string(name) + "'");
            read<parquet::ByteArrayReader>(column, name, out, [&](const parquet::ByteArray& text) { out.emplace_back(reinterpret_cast<const char*>(text.ptr), text.len); });
        });
        return out;
    }

    [[noreturn]] void fail(const std::string& text) const { throw Error(ErrorCode::BadInput, text, path_); }

private:
    int find(const char* name) const {
        const auto* schema = file_->metadata()->schema();
        for (int i = 0; i < schema->num_columns(); ++i)
            if (schema->Column(i)->path()->ToDotString() == name && schema->Column(i)->max_repetition_level() == 0) return i;
        return -1;
    }

    template <class F>
    void each_row_group(const char* name, F&& read_column) {
        const int column = find(name);
        if (column < 0) fail("lacks the column '" + std::string(name) + "'; give Space Ranger's tissue_positions.parquet");
        for (int group = 0; group < file_->metadata()->num_row_groups(); ++group) read_column(*file_->RowGroup(group)->Column(column));
    }

    template <class Reader, class Out, class Take>
    void read(parquet::ColumnReader& column, const char* name, const Out& out, Take&& take) {
        constexpr std::int64_t kBatch = 4096;
        auto& reader = static_cast<Reader&>(column);
        const auto values = std::make_unique<typename Reader::T[]>(kBatch);
        std::vector<std::int16_t> defined(kBatch);
        while (reader.HasNext()) {
            std::int64_t got = 0;
            const std::int64_t rows = reader.ReadBatch(kBatch, defined.data(), nullptr, values.get(), &got);
            if (got != rows) fail("has empty places in '" + std::string(name) + "'");
            if (rows == 0) break;
            if (out.size() + static_cast<std::size_t>(got) > kMostSpots) fail("has more spots than any array");
            for (std::int64_t i = 0; i < got; ++i) take(values[static_cast<std::size_t>(i)]);
        }
    }

    std::filesystem::path path_;
    std::unique_ptr<parquet::ParquetFileReader> file_;
};

PositionTable read(const std::filesystem::path& path) {
    ParquetColumns file(path);
    PositionTable table;
    table.path = path;
    auto names = file.texts("barcode");
    const std::size_t n = names.size();
    const auto column = [&](const char* name) {
        auto values = file.numbers(name);
        if (values.size() != n) file.fail("has " + std::to_string(values.size()) + " values in '" + name + "' for " + std::to_string(n) + " spots");
        return values;
    };
    const auto optional = [&](const char* name, double otherwise) { return file.has(name) ? column(name) : std::vector<double>(n, otherwise); };
    const auto x = column("pxl_col_in_fullres"), y = column("pxl_row_in_fullres");
    const auto in_tissue = optional("in_tissue", 1), row = optional("array_row", -1), col = optional("array_col", -1);
    SpotTable& s = table.spots;
    for (std::size_t i = 0; i < n; ++i) {
        if (in_tissue[i] == 0) {
            ++table.left_out;
            continue;
        }
        if (names[i].empty()) file.fail("has a spot without a name");
        s.barcodes.push_back(std::move(names[i]));
        s.x.push_back(x[i]);
        s.y.push_back(y[i]);
        s.array_row.push_back(static_cast<int>(std::lround(row[i])));
        s.array_col.push_back(static_cast<int>(std::lround(col[i])));
        s.in_tissue.push_back(1);
    }
    if (s.size() == 0) file.fail("has no spot that is selected or in tissue");
    return table;
}

}  // namespace

PositionTable read_parquet_positions(const std::filesystem::path& path) try {
    return read(path);
} catch (const parquet::ParquetException& failed) {
    throw Error(ErrorCode::BadInput, "is a Parquet file that is damaged or cut short; fetch it again", path, failed.what());
}

}  // namespace c2l
