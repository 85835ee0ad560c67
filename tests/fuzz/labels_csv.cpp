// Tables of labels and values as spreadsheets write them: read as such, as labels of spots, and joined to placed spots.
#include "annotation/csv.h"
#include "annotation/placed_spots.h"
#include "annotation/spot_labels.h"
#include "fuzz/fuzz.h"

using namespace c2l;

namespace {

void require(bool kept) {
    if (!kept) std::abort();
}

PlacedSpots placed() {
    PlacedSpots spots;
    spots.names = {"S1", "S2", "a,b"};
    spots.at = {{1, 2}, {3, 4}, {5, 6}};
    spots.labels = {"Tumour", "", "Stroma"};
    return spots;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const fuzz::Folder folder;
    const auto file = folder.write("labels.csv", fuzz::view(data, size));
    fuzz::refused_or_read([&] {
        const CsvTable table = read_csv(file);
        require(table.rows.size() == table.lines.size());
        for (const auto& row : table.rows) require(row.size() == table.header.size());
        for (std::size_t i = 1; i < table.lines.size(); ++i) require(table.lines[i] > table.lines[i - 1]);
    });
    fuzz::refused_or_read([&] {  // labels survive their own writing
        const SpotLabels labels = read_spot_labels(file);
        const auto again = folder.path() / "again.csv";
        write_spot_labels(again, labels);
        const SpotLabels read = read_spot_labels(again);
        require(read.size() == labels.size());
        for (const auto& [barcode, label] : labels) require(read.count(barcode) == 1 && read.at(barcode).name == label.name);
    });
    fuzz::refused_or_read([&] {
        const PlacedSpots spots = with_values(placed(), file);
        const auto n = static_cast<std::size_t>(spots.values.rows);
        require(n == spots.size() && spots.at.size() == n && spots.values.values.size() == n * spots.columns.size());
    });
    return 0;
}
