// Space Ranger's layout for Visium HD: which bins are chosen of several sizes, and what their scale factors say.
#include "base/file.h"
#include "refusal.h"
#include "spatial/read.h"

using namespace c2l;

namespace {

namespace fs = std::filesystem;

// A grid of bins, the last of them off the tissue; each has as many molecules of one gene as the bins are wide.
void write_bins(const fs::path& folder, int um, int side, const std::string& factors) {
    const auto name = [&](int i) {
        char text[64];
        std::snprintf(text, sizeof text, "s_%03dum_%05d_%05d-1", um, i / side, i % side);
        return std::string(text);
    };
    const double pitch = um / 0.25;
    const int n = side * side;
    std::string positions = "barcode,in_tissue,array_row,array_col,pxl_row_in_fullres,pxl_col_in_fullres\n", barcodes, entries;
    for (int i = 0; i < n; ++i)
        positions += name(i) + (i + 1 < n ? ",1," : ",0,") + std::to_string(i / side) + "," + std::to_string(i % side) + "," + std::to_string(100 + pitch * (i / side)) + "," +
                     std::to_string(200 + pitch * (i % side)) + "\n";
    for (int i = 0; i + 1 < n; ++i) {
        barcodes += name(i) + "\n";
        entries += "1 " + std::to_string(i + 1) + " " + std::to_string(um) + "\n";
    }
    write_file(folder / "spatial" / "tissue_positions.csv", positions);
    if (!factors.empty()) write_file(folder / "spatial" / "scalefactors_json.json", factors);
    const fs::path matrix = folder / "filtered_feature_bc_matrix";
    write_file(matrix / "barcodes.tsv", barcodes);
    write_file(matrix / "features.tsv", "E1\tACTB\tGene Expression\nE2\tKRT5\tGene Expression\n");
    write_file(matrix / "matrix.mtx", "%%MatrixMarket matrix coordinate integer general\n2 " + std::to_string(n - 1) + " " + std::to_string(n - 1) + "\n" + entries);
}

std::string factors(int um) {
    return "{\"spot_diameter_fullres\": 1.5, \"bin_size_um\": " + std::to_string(um) + ".0, \"microns_per_pixel\": 0.25, \"tissue_hires_scalef\": 0.1}";
}

}  // namespace

class TestVisiumHd : public QObject {
    Q_OBJECT
    test::Folder folder;
    fs::path sample, bins;

private Q_SLOTS:
    void initTestCase() {
        sample = folder / "sample";
        bins = sample / "outs" / "binned_outputs";
        for (const int um : {2, 8, 16}) write_bins(bins / ("square_0" + std::string(um < 10 ? "0" : "") + std::to_string(um) + "um"), um, 64 / um, factors(um));
        write_file(sample / "outs" / "segmented_outputs" / "filtered_feature_cell_matrix.h5", "not looked at");
    }

    void outer_folders_give_8_um_and_say_so() {
        for (const auto& given : {sample, sample / "outs", bins}) {
            QCOMPARE(recognise_spot_file(given), std::string("visium_hd"));
            const auto d = read_spot_data({given, {}}, {});
            QCOMPARE(d.format, std::string("visium_hd"));
            QVERIFY(d.spots.square);
            QCOMPARE(d.spots.size(), std::size_t(63));
            QCOMPARE(*d.spots.diameter_um, 8.0);
            QCOMPARE(*d.spots.um_per_px, 0.25);
            QCOMPARE(*d.spots.diameter_px, 32.0);  // the bin, not what the file calls its spot
            QCOMPARE(d.spots.pitch_px(), 32.0);
            QCOMPARE(d.spots.x[9], 232.0);
            QCOMPARE(d.spots.y[9], 132.0);
            QCOMPARE(d.expression.row_sums(), std::vector<float>(63, 8));
            QCOMPARE(d.issues.size(), std::size_t(2));  // one bin off the tissue; the choice
            const auto& choice = d.issues.back();
            QVERIFY(choice.severity == Severity::Info);
            for (const char* part : {"8 µm", "square_002um", "square_016um"}) QVERIFY2(test::has(choice.text, part), choice.text.c_str());
            QVERIFY2(!test::has(choice.text, "square_008um"), choice.text.c_str());
        }
    }

    void a_named_folder_is_taken() {
        for (const auto& [name, um] : {std::pair{"square_002um", 2}, {"square_008um", 8}, {"square_016um", 16}}) {
            QCOMPARE(recognise_spot_file(bins / name), std::string("visium_hd"));
            const auto d = read_spot_data({bins / name, {}}, {});
            QCOMPARE(*d.spots.diameter_um, static_cast<double>(um));
            QCOMPARE(d.expression.values[0], static_cast<float>(um));
            QCOMPARE(d.issues.size(), std::size_t(1));  // nothing about other bins
        }
    }

    void without_8_um_the_next_coarser() {
        const auto other = folder / "other";
        write_bins(other / "binned_outputs" / "square_002um", 2, 4, factors(2));
        QCOMPARE(*read_spot_data({other, {}}, {}).spots.diameter_um, 2.0);
        write_bins(other / "binned_outputs" / "square_016um", 16, 4, factors(16));
        QCOMPARE(*read_spot_data({other, {}}, {}).spots.diameter_um, 16.0);
        for (const std::string name : {"square_um", "square_-8um", "square_8.5um", "square_99999999999um", "square_012um_old"}) write_bins(other / "binned_outputs" / name, 8, 4, factors(8));
        QCOMPARE(*read_spot_data({other, {}}, {}).spots.diameter_um, 16.0);
    }

    void a_renamed_folder_is_known_by_its_scale_factors() {
        write_bins(folder / "renamed", 8, 4, factors(8));
        QCOMPARE(recognise_spot_file(folder / "renamed"), std::string("visium_hd"));
        QVERIFY(read_spot_data({folder / "renamed", {}}, {}).spots.square);
    }

    void without_scale_factors_the_name_tells() {
        write_bins(folder / "square_016um", 16, 4, "");
        const auto d = read_spot_data({folder / "square_016um", {}}, {});
        QVERIFY(d.spots.square);
        QCOMPARE(*d.spots.diameter_um, 16.0);
        QVERIFY(!d.spots.diameter_px);
        QVERIFY(test::has(d.issues.back().text, "16 µm"));
    }

    void wrong_scale_factors_are_refused() {
        for (const char* bad : {"{\"bin_size_um\": -8}", "{\"bin_size_um\": 8, \"microns_per_pixel\": 0}", "[1]", "{"}) {
            write_bins(folder / "square_008um", 8, 4, bad);
            const auto said = test::refusal([&] { read_spot_data({folder / "square_008um", {}}, {}); });
            QVERIFY2(test::has(said, "impossible") || test::has(said, "not valid JSON"), said.c_str());
        }
    }

    void segmented_cells_are_refused_with_the_way_round() {
        const auto cells = sample / "outs" / "segmented_outputs";
        QCOMPARE(recognise_spot_file(cells), std::string("visium_hd_cells"));
        C2L_REFUSED("square_008um", read_spot_data({cells, {}}, {}));
    }

    void parquet_positions_are_read_or_the_way_round_is_told() {
        const auto parquet = folder / "parquet" / "square_008um";
        write_bins(parquet, 8, 4, factors(8));
        fs::remove(parquet / "spatial" / "tissue_positions.csv");
        write_file(parquet / "spatial" / "tissue_positions.parquet", "PAR1 and no more");
        QCOMPARE(recognise_spot_file(folder / "parquet"), std::string("visium_hd"));
        C2L_REFUSED("Parquet file", read_spot_data({folder / "parquet", {}}, {}));
    }
};

QTEST_APPLESS_MAIN(TestVisiumHd)
#include "test_visium_hd.moc"
