// What of dropped files and folders becomes the slide, the spots and the counts of an import.
#include <QDir>
#include <QTemporaryDir>
#include <QTest>

#include "base/file.h"
#include "ui/document/dropped.h"

using namespace c2l;

class TestDropped : public QObject {
    Q_OBJECT
    QTemporaryDir home_;

    QString write(const QString& name, const std::string& text) {
        const QString path = home_.filePath(name);
        write_file(path.toStdString(), text);
        return path;
    }
    void write_bins(const QString& folder) {
        write(folder + "/spatial/tissue_positions.csv", "barcode,in_tissue,array_row,array_col,pxl_row_in_fullres,pxl_col_in_fullres\ns_1-1,1,0,0,1,2\n");
        write(folder + "/spatial/scalefactors_json.json", "{\"bin_size_um\": 8.0, \"microns_per_pixel\": 0.25}");
        write(folder + "/analysis/clusters.csv", "Barcode,Cluster\ns_1-1,1\n");
    }

private Q_SLOTS:
    void visium_hd_goes_in_as_a_whole() {
        for (const char* um : {"002", "008", "016"}) write_bins(QStringLiteral("hd/outs/binned_outputs/square_%1um").arg(um));
        // The outermost folder, whose reader chooses the bins; not the first by name, which has those of 2 µm.
        QCOMPARE(ui::recognise_dropped({home_.filePath("hd")}).spots, home_.filePath("hd"));
        QCOMPARE(ui::recognise_dropped({home_.filePath("hd/outs/binned_outputs")}).spots, home_.filePath("hd/outs/binned_outputs"));
        const auto named = ui::recognise_dropped({home_.filePath("hd/outs/binned_outputs/square_016um")});
        QCOMPARE(named.spots, home_.filePath("hd/outs/binned_outputs/square_016um"));
        QVERIFY(named.counts.isEmpty());
    }

    void pairs_of_tables_and_matrix_folders() {
        const QString spots = write("st/C4_selection.tsv", "x\ty\tnew_x\tnew_y\tpixel_x\tpixel_y\n1\t1\t1\t1\t10\t20\n");
        const QString counts = write("st/C4.tsv", "\tA\tB\n1x1\t1\t2\n");
        auto guess = ui::recognise_dropped({home_.filePath("st")});
        QCOMPARE(guess.spots, spots);
        QCOMPARE(guess.counts, counts);
        write("mtx/matrix/matrix.mtx", "%%MatrixMarket matrix coordinate integer general\n");
        const QString positions = write("mtx/positions.csv", "barcode,x,y\nA-1,1,2\n");
        guess = ui::recognise_dropped({home_.filePath("mtx")});
        QCOMPARE(guess.spots, positions);
        QCOMPARE(guess.counts, home_.filePath("mtx/matrix"));
    }

    // Taken for a slide, so that the reader's words are heard when it is none.
    void dicom_files_are_slides() {
        const QString slide = write("scan.DCM", std::string(128, '\0') + "DICM, and no more");
        const auto guess = ui::recognise_dropped({slide});
        QVERIFY(guess.slide.isEmpty());
        QVERIFY2(guess.note.contains("DICOM"), qPrintable(guess.note));
    }
};

QTEST_APPLESS_MAIN(TestDropped)
#include "test_dropped.moc"
