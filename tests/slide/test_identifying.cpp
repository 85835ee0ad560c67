// What `c2l info --phi` finds: everything that was put in, and nothing of what says nothing.
#include <QImage>
#include <QTemporaryDir>
#include <QTest>
#include <algorithm>

#include "base/random.h"
#include "real_data.h"
#include "slide/identifying.h"
#include "slide/synthetic.h"
#include "slide/tiff_writer.h"

using namespace c2l;
using namespace c2l::test;
namespace fs = std::filesystem;

namespace {

bool holds(const std::vector<Identifying>& found, const std::string& key, const std::string& value) {
    return std::any_of(found.begin(), found.end(),
                       [&](const Identifying& each) { return each.key == key && each.value.find(value) != std::string::npos; });
}

}  // namespace

class TestIdentifying : public QObject {
    Q_OBJECT

    QTemporaryDir folder_;
    fs::path root_;

    void write(const fs::path& path, TiffKind kind) {
        write_tiff(path, 80, 70, kind, [](int, int x, int y, int) { return (x + y) & 255; });
    }

private Q_SLOTS:
    void init() { root_ = folder_.path().toStdString(); }

    void tiffTags() {
        write(root_ / "PAT-0017 Miller.tif",
              {.description = "case 4711\nseen by \x1b[31mDr. Grey", .date = "2019:03:02 11:12:13", .artist = "A. Technician"});
        const auto found = list_identifying(root_ / "PAT-0017 Miller.tif");
        QVERIFY(holds(found, "name", "PAT-0017 Miller.tif"));
        QVERIFY(holds(found, "DateTime", "2019:03:02 11:12:13"));
        QVERIFY(holds(found, "Artist", "A. Technician"));
        QVERIFY(holds(found, "ImageDescription", "case 4711 seen by"));
        for (const Identifying& each : found)
            QVERIFY(std::none_of(each.value.begin(), each.value.end(),
                                 [](char c) { return static_cast<unsigned char>(c) < 32; }));  // nothing steers the terminal
    }

    void omeXml() {
        write(root_ / "o.ome.tif", {.description = "<?xml version=\"1.0\"?><OME xmlns=\"x\"><Experimenter ID=\"Experimenter:0\" "
                                                   "FirstName=\"Ann\" LastName=\"Lee &amp; Co\" Email=\"a@b.c\"/>"
                                                   "<Instrument><Microscope SerialNumber=\"SN99\"/></Instrument><Image ID=\"Image:0\" "
                                                   "Name=\"Block B7\"><AcquisitionDate>2020-01-02T03:04:05</AcquisitionDate>"
                                                   "<Pixels SizeX=\"80\" PhysicalSizeX=\"0.5\" ID=\"Pixels:0\"/></Image></OME>"});
        const auto found = list_identifying(root_ / "o.ome.tif");
        QVERIFY(holds(found, "FirstName", "Ann"));
        QVERIFY(holds(found, "LastName", "Lee & Co"));
        QVERIFY(holds(found, "Email", "a@b.c"));
        QVERIFY(holds(found, "SerialNumber", "SN99"));
        QVERIFY(holds(found, "Name", "Block B7"));
        QVERIFY(holds(found, "AcquisitionDate", "2020-01-02"));
        QVERIFY(!holds(found, "PhysicalSizeX", "") && !holds(found, "ID", "Image:0"));
    }

    void pngAndJpegTexts() {
        QImage image(40, 30, QImage::Format_RGB888);
        image.fill(Qt::red);
        image.setText("Author", "A. Technician");
        QVERIFY(image.save(QString::fromStdString((root_ / "a.png").string())));
        QVERIFY(holds(list_identifying(root_ / "a.png"), "Author", "A. Technician"));
        QVERIFY(image.save(QString::fromStdString((root_ / "a.jpg").string())));
        std::string data = slurp(root_ / "a.jpg");
        const char directory[] =
            "Exif\0\0II*\0\x08\0\0\0\x01\0\x32\x01\x02\0\x14\0\0\0\x1a\0\0\0\0\0\0\0";  // one entry: DateTime, 20 bytes at 26
        const std::string exif = std::string(directory, 6 + 26) + std::string("2018:01:02 03:04:05", 20);
        spill(root_ / "a.jpg",
              data.substr(0, 2) + std::string("\xff\xe1\0", 3) + static_cast<char>(exif.size() + 2) + exif + data.substr(2));
        QVERIFY(holds(list_identifying(root_ / "a.jpg"), "DateTime", "2018:01:02"));
    }

    void damagedFilesNeverCrash() {
        write(
            root_ / "d.tif",
            {.levels = 2, .sub_ifds = true, .description = "<OME><Experimenter FirstName=\"Ann\"/></OME>", .date = "2019:03:02 11:12:13"});
        const std::string good = slurp(root_ / "d.tif");
        Random random(4);
        for (int k = 0; k < 60; ++k) {
            std::string data = good;
            for (int i = 0; i < 10; ++i)
                data[data.size() - 1 - static_cast<std::size_t>(random.below(800))] = static_cast<char>(random.below(256));
            spill(root_ / "e.tif", data);
            error_of([&] { list_identifying(root_ / "e.tif"); });
        }
        spill(root_ / "t.txt", "no image");
        QVERIFY(error_of([&] { list_identifying(root_ / "t.txt"); }).has_value());
    }

    void realSlide() {
        C2L_REAL_DATA(path, "data/slides/aperio/CMU-1-Small-Region.svs");
        const auto found = list_identifying(path);
        QVERIFY(holds(found, "label", "hidden"));
        QVERIFY(holds(found, "macro", "hidden"));
        QVERIFY(holds(found, "ScanScope ID", "CPAPERIOCS"));
        QVERIFY(holds(found, "Date", "12/29/09"));
        QVERIFY(holds(found, "User", ""));
        QVERIFY(!holds(found, "MPP", "") && !holds(found, "StripeWidth", "") && !holds(found, "AppMag", ""));
    }
};

QTEST_GUILESS_MAIN(TestIdentifying)
#include "test_identifying.moc"
