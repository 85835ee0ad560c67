#include <zlib.h>

#include "base/file.h"
#include "base/job.h"
#include "refusal.h"
#include "spatial/parts.h"
#include "spatial/read.h"

using namespace c2l;

namespace {

const std::string kCounts = "\tA\tB\tC\n1x1\t0\t5\t12\n2x1\t3\t0\t0\n3x1\t1\t1\t1\n";

void write_gz(const std::filesystem::path& path, const std::string& text) {
    gzFile f = gzopen(path.c_str(), "wb");
    gzwrite(f, text.data(), static_cast<unsigned>(text.size()));
    gzclose(f);
}

}  // namespace

class TestRead : public QObject {
    Q_OBJECT
    test::Folder folder;

    SpotData read(const std::string& spots, const std::string& counts) {
        write_file(folder / "spots.tsv", spots);
        write_file(folder / "counts.tsv", counts);
        return read_spot_data({folder / "spots.tsv", folder / "counts.tsv"}, {});
    }

    std::filesystem::path space_ranger(bool header, bool gz) {
        const auto root = folder / (std::string("sr") + (header ? "h" : "") + (gz ? "z" : ""));
        const std::string rows = "AAAC-1,1,0,0,100,200\nAAAG-1,0,0,2,100,300\nAAAT-1,1,1,1,180,250\n";
        const std::string head = "barcode,in_tissue,array_row,array_col,pxl_row_in_fullres,pxl_col_in_fullres\n";
        write_file(root / "spatial" / (header ? "tissue_positions.csv" : "tissue_positions_list.csv"), (header ? head : "") + rows);
        write_file(root / "spatial" / "scalefactors_json.json", "{\"spot_diameter_fullres\": 64.5, \"tissue_hires_scalef\": 0.1}");
        const auto m = root / "filtered_feature_bc_matrix";
        const std::string mtx = "%%MatrixMarket matrix coordinate integer general\n%note\n4 3 5\n1 1 7\n3 1 9\n4 2 1\n1 3 2\n2 3 4\n";
        const std::string features = "E1\tA\tGene Expression\nE2\tA\tGene Expression\nE3\tCD3\tAntibody Capture\nE4\tB\tGene Expression\n";
        const std::string barcodes = "AAAC-1\nAAAG-1\nAAAT-1\n";
        std::filesystem::create_directories(m);
        const auto put = [&](const char* name, const std::string& text) {
            if (gz) write_gz(m / (std::string(name) + ".gz"), text);
            else write_file(m / name, text);
        };
        put("matrix.mtx", mtx);
        put("features.tsv", features);
        put("barcodes.tsv", barcodes);
        return root;
    }

private Q_SLOTS:
    void st_selection() {
        const auto d = read("x\ty\tnew_x\tnew_y\tpixel_x\tpixel_y\tselected\n1\t1\t1\t1\t10.5\t20\t1\n2\t1\t2\t1\t30\t20\t0\n3\t1\t3\t1\t50\t20\t1\n9\t9\t9\t9\t1\t2\t1\n", kCounts);
        QCOMPARE(d.format, std::string("st_tsv"));
        QCOMPARE(d.spots.barcodes, (std::vector<std::string>{"1x1", "3x1"}));
        QCOMPARE(d.spots.x, (std::vector<double>{10.5, 50}));
        QCOMPARE(d.spots.array_col, (std::vector<int>{1, 3}));
        QCOMPARE(*d.spots.diameter_um, 100.0);
        QCOMPARE(d.expression.row_sums(), (std::vector<float>{17, 3}));
        QCOMPARE(d.expression.unit, ExpressionUnit::Counts);
        QCOMPARE(d.issues.size(), std::size_t(3));  // one not selected, one without counts, one without position
    }

    void every_header_and_order_gives_the_same() {
        const std::string transposed = "\t1x1\t2x1\t3x1\nA\t0\t3\t1\nB\t5\t0\t1\nC\t12\t0\t1\n";
        const std::string r_style = "A\tB\tC\n1x1\t0\t5\t12\n2x1\t3\t0\t0\n3x1\t1\t1\t1\n";
        const std::string csv = ",A,B,C\r\n1x1,0,5,12\r\n2x1,3.0,0,0\r\n3x1,1,1e0,1";
        const std::string quoted = "\"\"\t\"A\"\t\"B\"\t\"C\"\n\"1x1\"\t0\t5\t12\n\"2x1\"\t3\t0\t0\n\"3x1\"\t1\t1\t1\n";
        const std::string dotted = "\tA\tB\tC\nX1.02x0.99\t0\t5\t12\nX2.1x1\t3\t0\t0\nX3x0.8\t1\t1\t1\n";
        const std::string spots[] = {
            "x\ty\tnew_x\tnew_y\tpixel_x\tpixel_y\n1\t1\t1\t1\t10\t20\n2\t1\t2\t1\t30\t20\n3\t1\t3\t1\t50\t20\n",
            "1\t1\t1.1\t1\t10\t20\n2\t1\t2\t1\t30\t20\n3\t1\t3\t1\t50\t20\n",
            "barcode\tpixel_x\tpixel_y\r\n1x1\t10\t20\r\n2x1\t30\t20\r\n3x1\t50\t20\r\n",
            "1x1\t10\t20\n2x1\t30\t20\n3x1\t50\t20\n",
            ",X,Y\n1x1,10,20\n2x1,30,20\n3x1,50,20\n",
            "spot,y,x\n1x1,20,10\n2x1,20,30\n3x1,20,50\n",
        };
        for (const auto& s : spots)
            for (const auto& c : {kCounts, transposed, r_style, csv, quoted, dotted}) {
                const auto d = read(s, c);
                QCOMPARE(d.spots.x, (std::vector<double>{10, 30, 50}));
                QCOMPARE(d.spots.y, (std::vector<double>{20, 20, 20}));
                QCOMPARE(d.spots.array_col, (std::vector<int>{1, 2, 3}));
                QCOMPARE(d.expression.genes, (std::vector<std::string>{"A", "B", "C"}));
                QCOMPARE(d.expression.values, (std::vector<float>{5, 12, 3, 1, 1, 1}));
                QCOMPARE(d.expression.indices, (std::vector<std::int32_t>{1, 2, 0, 0, 1, 2}));
                QVERIFY(d.issues.empty());
            }
    }

    void swapped_arguments_and_gzip() {
        write_file(folder / "spots.tsv", "1x1\t10\t20\n2x1\t30\t20\n");
        write_gz(folder / "counts.gz", kCounts);
        const auto d = read_spot_data({folder / "counts.gz", folder / "spots.tsv"}, {});
        QCOMPARE(d.spots.size(), std::size_t(2));
    }

    void duplicate_genes_become_unique() {
        const auto d = read("1x1\t10\t20\n", "\tA\tA\tA-1\tA\n1x1\t1\t2\t3\t4\n");
        QCOMPARE(d.expression.genes, (std::vector<std::string>{"A", "A-2", "A-1", "A-3"}));
    }

    void space_ranger_folders() {
        for (const bool header : {false, true})
            for (const bool gz : {false, true}) {
                const auto root = space_ranger(header, gz);
                QCOMPARE(recognise_spot_file(root), std::string("space_ranger"));
                const auto d = read_spot_data({root, {}}, {});
                QCOMPARE(d.format, std::string("space_ranger_mtx"));
                QCOMPARE(d.spots.barcodes, (std::vector<std::string>{"AAAC-1", "AAAT-1"}));
                QCOMPARE(d.spots.x, (std::vector<double>{200, 250}));
                QCOMPARE(d.spots.y, (std::vector<double>{100, 180}));
                QCOMPARE(d.spots.array_row, (std::vector<int>{0, 1}));
                QCOMPARE(d.expression.genes, (std::vector<std::string>{"A", "A-1", "B"}));  // no antibodies
                QCOMPARE(d.expression.row_sums(), (std::vector<float>{7, 6}));
                QCOMPARE(*d.spots.diameter_px, 64.5);
                QCOMPARE(*d.spots.diameter_um, 55.0);
            }
    }

    void kinds() {
        write_file(folder / "a.tsv", kCounts);
        QCOMPARE(recognise_spot_file(folder / "a.tsv"), std::string("st_tsv_counts"));
        write_file(folder / "b.csv", "barcode,x,y\nA,1,2\n");
        QCOMPARE(recognise_spot_file(folder / "b.csv"), std::string("csv"));
        write_file(folder / "c.tsv", "x\ty\tnew_x\tnew_y\tpixel_x\tpixel_y\tselected\n");
        QCOMPARE(recognise_spot_file(folder / "c.tsv"), std::string("st_tsv_spots"));
        QCOMPARE(recognise_spot_file(space_ranger(true, true) / "filtered_feature_bc_matrix"), std::string("mtx"));
        for (const std::string text : {"", "\n", "{\"type\": \"FeatureCollection\"}", "a,b\n1,2\n", "\x89PNG\r\n\x1a\n"}) {
            write_file(folder / "d", text);
            QCOMPARE(recognise_spot_file(folder / "d"), std::string());
        }
        QCOMPARE(recognise_spot_file(folder / "absent"), std::string());
        write_file(folder / "e.csv", "PAR1");
        QCOMPARE(recognise_spot_file(folder / "e.csv"), std::string("parquet"));
        QVERIFY(recognise_spots(folder / "e.csv")->role == SpotRole::Positions);
        QVERIFY(recognise_spots(folder / "a.tsv")->role == SpotRole::Counts);
        QVERIFY(recognise_spots(space_ranger(true, true))->role == SpotRole::Both);
        QVERIFY(is_spot_container(folder / "e.csv") && !is_spot_container(folder / "a.tsv") && !is_spot_container(folder / "absent"));
    }

    void refusals() {
        const std::string spots = "1x1\t10\t20\n2x1\t30\t20\n3x1\t50\t20\n";
        C2L_REFUSED("none of the 3 spots", read(spots, "\tA\tB\n8x8\t1\t2\n"));
        C2L_REFUSED("line 3: has 2 values", read(spots, "\tA\tB\tC\n1x1\t1\t2\t3\n2x1\t1\t2\n"));
        C2L_REFUSED("line 3: has more values", read(spots, "\tA\tB\tC\n1x1\t1\t2\t3\n2x1\t1\t2\t3\t4\n"));
        C2L_REFUSED("'nan' in column 'B'", read(spots, "\tA\tB\n1x1\t1\tnan\n"));
        C2L_REFUSED("'-2' in column 'B' cannot be a count", read(spots, "\tA\tB\n1x1\t1\t-2\n"));
        C2L_REFUSED("'' in column 'A' is not a number", read(spots, "\tA\tB\n1x1\t\t2\n"));
        C2L_REFUSED("twice", read(spots, "\tA\tB\n1x1\t1\t2\n1x1\t1\t2\n"));
        C2L_REFUSED("twice", read("1x1\t10\t20\n1x1\t30\t20\n", kCounts));
        C2L_REFUSED("has no spot that is selected", read("x\ty\tpixel_x\tpixel_y\tselected\n1\t1\t3\t4\t0\n", kCounts));
        C2L_REFUSED("is not a position", read("barcode\tpixel_x\tpixel_y\n1x1\tten\t20\n", kCounts));
        C2L_REFUSED("line 2: has 2 columns", read("barcode\tpixel_x\tpixel_y\n1x1\t10\n", kCounts));
        C2L_REFUSED("is not a spot table", read("foo\tbar\n1\t2\n", kCounts));
        C2L_REFUSED("is empty", read("", kCounts));
        C2L_REFUSED("is empty", read(spots, ""));
        C2L_REFUSED("is not there", read_spot_data({folder / "absent", {}}, {}));
        C2L_REFUSED("no counts", read_spot_data({folder / "spots.tsv", {}}, {}));
        write_file(folder / "spots.tsv", spots);
        C2L_REFUSED("no counts", read_spot_data({folder / "spots.tsv", {}}, {}));
        write_file(folder / "p", "PAR1 and no more");  // by content, whatever its name
        C2L_REFUSED("Parquet file", read_spot_data({folder / "p", folder / "counts.tsv"}, {}));
        write_file(folder / "named.h5ad", "text");
        C2L_REFUSED("is not an HDF5 file", read_spot_data({folder / "named.h5ad", {}}, {}));
        JobContext stopped;
        std::stop_source source;
        source.request_stop();
        stopped.stop = source.get_token();
        write_file(folder / "counts.tsv", kCounts);
        QVERIFY_EXCEPTION_THROWN(read_spot_data({folder / "spots.tsv", folder / "counts.tsv"}, stopped), Error);
    }

    void damaged_gzip_is_refused() {
        std::string text = "\tA\tB\n";
        for (int i = 0; i < 20000; ++i) text += std::to_string(i) + "x1\t" + std::to_string(i * 7919 % 100) + "\t3\n";
        write_gz(folder / "whole.gz", text);
        const std::string bytes = read_file(folder / "whole.gz");
        write_file(folder / "spots.tsv", "1x1\t10\t20\n");
        write_file(folder / "cut.gz", bytes.substr(0, bytes.size() / 2));
        C2L_REFUSED("damaged or cut short", read_spot_data({folder / "spots.tsv", folder / "cut.gz"}, {}));
        std::string flipped = bytes;
        for (std::size_t i = 200; i < 260; ++i) flipped[i] = static_cast<char>(~flipped[i]);
        write_file(folder / "flipped.gz", flipped);
        QVERIFY(test::refusal([&] { read_spot_data({folder / "spots.tsv", folder / "flipped.gz"}, {}); }) != "accepted");
    }

    void gzip_bomb_is_refused() {
        gzFile f = gzopen((folder / "bomb.gz").c_str(), "wb9");
        const std::string row = "1x1" + std::string(1 << 20, '\t') + "\n";
        for (int i = 0; i < 400; ++i) gzwrite(f, row.data(), static_cast<unsigned>(row.size()));
        gzclose(f);
        write_file(folder / "spots.tsv", "1x1\t10\t20\n");
        const auto said = test::refusal([&] { read_spot_data({folder / "spots.tsv", folder / "bomb.gz"}, {}); });
        QVERIFY2(said != "accepted" && !test::has(said, "wrong type"), said.c_str());
    }

    // Visium's samples share their barcodes: the first of several files would pair with any sample's spots.
    void counts_of_several_samples_are_not_chosen_from() {
        const auto root = space_ranger(true, true);
        std::filesystem::remove_all(root / "filtered_feature_bc_matrix");
        for (const char* sample : {"GSM1_A", "GSM2_B"}) write_file(root / (std::string(sample) + "_filtered_feature_bc_matrix.h5"), "not looked into");
        C2L_REFUSED("counts of several samples (GSM1_A_filtered_feature_bc_matrix.h5, GSM2_B", read_spot_data({root, {}}, {}));
    }

    void pixels_win_over_array_indices() {
        const auto d = read("barcode,array_row,array_col,x,y\n1x1,0,0,100,200\n2x1,0,1,300,200\n3x1,1,0,100,400\n", kCounts);
        QCOMPARE(d.spots.x, (std::vector<double>{100, 300, 100}));
        QCOMPARE(d.spots.y, (std::vector<double>{200, 200, 400}));
    }

    // Sixteen kilobytes of tabs, unpacked, are not split into millions of fields to be looked at.
    void a_line_of_tabs_takes_no_memory() {
        write_gz(folder / "tabs.gz", std::string(40 << 20, '\t') + "\n");
        const auto before = peak_memory_bytes();
        QVERIFY(!is_position_table(folder / "tabs.gz"));
        C2L_REFUSED("more columns than there are genes", read_spot_data({folder / "spots.tsv", folder / "tabs.gz"}, {}));
        QVERIFY2(peak_memory_bytes() < before + (std::uint64_t{400} << 20), qPrintable(QString::number(static_cast<double>(peak_memory_bytes()))));
    }

    void truncated_and_wild_mtx() {
        const auto root = space_ranger(true, false);
        const auto mtx = root / "filtered_feature_bc_matrix" / "matrix.mtx";
        const auto with = [&](const std::string& body) {
            write_file(mtx, "%%MatrixMarket matrix coordinate integer general\n" + body);
            read_spot_data({root, {}}, {});
        };
        C2L_REFUSED("ends after 1 of 2", with("4 3 2\n1 1 7\n"));
        C2L_REFUSED("more entries than the 1", with("4 3 1\n1 1 7\n2 1 7\n"));
        C2L_REFUSED("does not exist", with("4 3 1\n5 1 7\n"));
        C2L_REFUSED("does not exist", with("4 3 1\n0 1 7\n"));
        C2L_REFUSED("does not fit 4 features", with("4000000000 3 1\n1 1 7\n"));
        C2L_REFUSED("negative", with("4 3 1\n1 1 -7\n"));
        C2L_REFUSED("above 1,000,000,000", with("4 3 1\n1 1 1e38\n"));
        C2L_REFUSED("twice", with("4 3 2\n1 1 7\n1 1 7\n"));
    }
};

QTEST_APPLESS_MAIN(TestRead)
#include "test_read.moc"
