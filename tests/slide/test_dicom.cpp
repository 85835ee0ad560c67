// DICOM whole-slide images through the reader plug-in: every pixel known, several files to a slide, and files that break the rules.
#include <QTemporaryDir>
#include <QTest>
#include <algorithm>
#include <atomic>
#include <cmath>
#include <thread>

#include "base/random.h"
#include "slide/dicom_writer.h"
#include "slide/identifying.h"
#include "slide/jp2k_encoder.h"
#include "slide/readers.h"
#include "slide/slide.h"
#include "slide/synthetic.h"
#include "slide/tile_encoder.h"

using namespace c2l;
using namespace c2l::test;
namespace fs = std::filesystem;

namespace {

constexpr int kWidth = 331, kHeight = 237, kTile = 64;

// Level pixel (x, y): the synthetic image taken at every `step`-th pixel.
std::uint8_t shade_at(int step, int x, int y, int c) { return static_cast<std::uint8_t>(std::clamp(std::lround(synthetic(double(x) * step, double(y) * step, c)), 0L, 255L)); }

std::vector<std::uint8_t> tile_rgb(int step, int x0, int y0) {
    std::vector<std::uint8_t> out;
    for (int y = 0; y < kTile; ++y)
        for (int x = 0; x < kTile; ++x)
            for (int c = 0; c < 3; ++c) out.push_back(shade_at(step, x0 + x, y0 + y, c));
    return out;
}

std::string as_string(const std::vector<std::uint8_t>& bytes) { return std::string(bytes.begin(), bytes.end()); }

using Encode = std::function<std::string(const std::vector<std::uint8_t>& rgb)>;

std::vector<std::string> grid(const DicomKind& kind, int step, const Encode& encode = as_string) {
    std::vector<std::string> frames;
    for (int y = 0; y < kind.height; y += kTile)
        for (int x = 0; x < kind.width; x += kTile) frames.push_back(encode(tile_rgb(step, x, y)));
    return frames;
}

DicomKind level_kind(int step) {
    DicomKind kind;
    kind.width = (kWidth + step - 1) / step;
    kind.height = (kHeight + step - 1) / step;
    kind.instance += "." + std::to_string(step);
    kind.mm_per_pixel = 0.0005 * step;
    return kind;
}

int worst(const Image& image, int step, int x0 = 0, int y0 = 0) {
    int most = 0;
    for (int y = 0; y < image.height; ++y)
        for (int x = 0; x < image.width; ++x)
            for (int c = 0; c < 3; ++c) most = std::max(most, std::abs(image.at(x, y)[c] - shade_at(step, x0 + x, y0 + y, c)));
    return most;
}

Image whole_level(const Slide& slide, std::size_t level) {
    const Level& l = slide.info().levels[level];
    return slide.read({0, 0, double(l.width) * l.downsample, double(l.height) * l.downsample}, int(l.width), int(l.height));
}

std::string planes_of(const std::vector<std::uint8_t>& rgb) {
    std::string out;
    for (std::size_t c = 0; c < 3; ++c)
        for (std::size_t i = c; i < rgb.size(); i += 3) out += static_cast<char>(rgb[i]);
    return out;
}

std::vector<std::uint8_t> to_ycbcr(const std::vector<std::uint8_t>& rgb) {
    std::vector<std::uint8_t> out;
    const auto put = [&](double v) { out.push_back(static_cast<std::uint8_t>(std::clamp(std::lround(v), 0L, 255L))); };
    for (std::size_t i = 0; i < rgb.size(); i += 3) {
        const double r = rgb[i], g = rgb[i + 1], b = rgb[i + 2];
        put(0.299 * r + 0.587 * g + 0.114 * b);
        put(128 - 0.168736 * r - 0.331264 * g + 0.5 * b);
        put(128 + 0.5 * r - 0.418688 * g - 0.081312 * b);
    }
    return out;
}

std::string halved_chroma(const std::vector<std::uint8_t>& rgb) {  // Y Y Cb Cr
    const auto ycc = to_ycbcr(rgb);
    std::string out;
    for (std::size_t i = 0; i < ycc.size(); i += 6)
        for (const std::size_t at : {i, i + 3, i + 1, i + 2}) out += static_cast<char>(ycc[at]);
    return out;
}

std::string jpeg(const std::vector<std::uint8_t>& rgb) { return as_string(encode_jpeg_tile(rgb.data(), kTile, kTile, kTile * 3, 95)); }
std::string jpeg2000(const std::vector<std::uint8_t>& rgb) { return as_string(encode_jp2k(rgb.data(), kTile)); }
std::string rle(const std::vector<std::uint8_t>& rgb) { return encode_rle(rgb, 3); }

}  // namespace

class TestDicom : public QObject {
    Q_OBJECT

    QTemporaryDir folder_;
    fs::path root_;
    OpenOptions options_;

    std::shared_ptr<const Slide> open(const std::string& name) { return Slide::open(root_ / name, options_, {}); }
    void write(const std::string& name, const DicomKind& kind, int step, const Encode& encode = as_string) { spill(root_ / name, dicom_file(kind, grid(kind, step, encode))); }
    // Refused with one sentence, by the reader's own words.
    void refused(const std::string& bytes, const std::string& says = "") {
        spill(root_ / "bad.dcm", bytes);
        const auto error = error_of([&] { open("bad.dcm"); });
        QVERIFY(error && is_one_sentence(*error));
        QVERIFY2(error->code() != ErrorCode::Internal, error->line().c_str());
        QVERIFY2(error->line().find(says) != std::string::npos, error->line().c_str());
    }

private Q_SLOTS:
    void init() {
        root_ = fs::path(folder_.path().toStdString()) / "slide";
        fs::remove_all(root_);
        fs::create_directories(root_);
        options_.pyramid_cache = root_.parent_path() / "cache";
    }

    void isFoundInTheBuildTree() {
        const auto readers = list_reader_plugins();
        QVERIFY(std::any_of(readers.begin(), readers.end(), [](const ReaderPlugin& reader) { return reader.name == "dicom" && reader.problem.empty(); }));
    }

    void levelsOfASeries() {
        for (const int step : {4, 1, 2}) write("level" + std::to_string(step) + ".dcm", level_kind(step), step);
        DicomKind label = level_kind(1);
        label.width = 70;
        label.height = 40;
        for (const char* flavour : {"LABEL", "OVERVIEW", "THUMBNAIL"}) {
            label.flavour = label.instance = flavour;
            write(std::string(flavour) + ".dcm", label, 3);
        }
        DicomKind other = level_kind(1);
        other.series = "9.9";
        other.width = 500;
        other.height = 400;
        spill(root_ / "another.dcm", dicom_file(other, grid(other, 1)));
        spill(root_ / "notes.txt", "no slide");
        for (const char* name : {"level1.dcm", "level4.dcm", "LABEL.dcm"}) {  // whichever is chosen
            const auto slide = open(name);
            const SlideInfo& info = slide->info();
            QCOMPARE(info.vendor, std::string("dicom"));
            QCOMPARE(info.width, kWidth);
            QCOMPARE(info.height, kHeight);
            QCOMPARE(info.mpp.value(), 0.5);
            QCOMPARE(info.levels.size(), std::size_t{3});
            QVERIFY(info.issues.empty());
            QVERIFY(info.associated == (std::vector<std::string>{"label", "macro", "thumbnail"}) || name == std::string("LABEL.dcm"));
            for (std::size_t level = 0; level < 3; ++level) {
                QCOMPARE(info.levels[level].downsample, double(1 << level));
                for (std::int64_t ty = 0; ty * Slide::kTilePx < info.levels[level].height; ++ty)
                    for (std::int64_t tx = 0; tx * Slide::kTilePx < info.levels[level].width; ++tx)
                        QCOMPARE(worst(slide->read_tile(int(level), tx, ty), 1 << level, int(tx * Slide::kTilePx), int(ty * Slide::kTilePx)), 0);
            }
            const Image picture = slide->associated("label");
            QVERIFY(picture.width == 70 && picture.height == 40);
            QCOMPARE(worst(picture, 3), 0);
        }
    }

    void kindsOfPixels_data() {
        QTest::addColumn<QString>("syntax");
        QTest::addColumn<QString>("photometric");
        QTest::addColumn<int>("planar");
        QTest::addColumn<int>("encoding");
        QTest::addColumn<int>("allowed");
        QTest::newRow("raw") << syntax::kExplicit << "RGB" << 0 << 0 << 0;
        QTest::newRow("implicit VR") << syntax::kImplicit << "RGB" << 0 << 0 << 0;
        QTest::newRow("raw planar") << syntax::kExplicit << "RGB" << 1 << 1 << 0;
        QTest::newRow("raw YBR_FULL") << syntax::kExplicit << "YBR_FULL" << 0 << 2 << 2;
        QTest::newRow("raw YBR_FULL_422") << syntax::kExplicit << "YBR_FULL_422" << 0 << 3 << 12;
        QTest::newRow("RLE") << syntax::kRle << "RGB" << 0 << 4 << 0;
        QTest::newRow("JPEG") << syntax::kJpeg << "YBR_FULL_422" << 0 << 5 << 5;
        QTest::newRow("JPEG tagged RGB") << syntax::kJpeg << "RGB" << 0 << 5 << 5;
        QTest::newRow("JPEG 2000") << syntax::kJpeg2000 << "RGB" << 0 << 6 << 0;
        QTest::newRow("JPEG 2000, RCT") << syntax::kJpeg2000 << "YBR_RCT" << 0 << 6 << 0;
        QTest::newRow("JPEG 2000, YCbCr inside") << syntax::kJpeg2000 << "YBR_FULL" << 0 << 7 << 2;
    }
    void kindsOfPixels() {
        QFETCH(QString, syntax);
        QFETCH(QString, photometric);
        QFETCH(int, planar);
        QFETCH(int, encoding);
        QFETCH(int, allowed);
        const std::vector<Encode> encodings{as_string, planes_of, [](const auto& rgb) { return as_string(to_ycbcr(rgb)); }, halved_chroma, rle, jpeg, jpeg2000,
                                            [](const auto& rgb) { return jpeg2000(to_ycbcr(rgb)); }};
        DicomKind kind = level_kind(1);
        kind.syntax = syntax.toStdString();
        kind.photometric = photometric.toStdString();
        kind.planar = planar;
        write("a.dcm", kind, 1, encodings[std::size_t(encoding)]);
        const auto slide = open("a.dcm");
        const int most = worst(whole_level(*slide, 0), 1);
        QVERIFY2(most <= allowed, qPrintable(QString::number(most)));
    }

    void grey() {
        for (const char* photometric : {"MONOCHROME2", "MONOCHROME1"}) {
            DicomKind kind = level_kind(1);
            kind.photometric = photometric;
            kind.channels = 1;
            const bool inverted = kind.photometric == "MONOCHROME1";
            write("a.dcm", kind, 1, [&](const std::vector<std::uint8_t>& rgb) {
                std::string one;
                for (std::size_t i = 1; i < rgb.size(); i += 3) one += static_cast<char>(inverted ? 255 - rgb[i] : rgb[i]);
                return one;
            });
            const Image image = whole_level(*open("a.dcm"), 0);
            for (int y = 0; y < kHeight; ++y)
                for (int x = 0; x < kWidth; ++x)
                    for (int c = 0; c < 3; ++c) QCOMPARE(image.at(x, y)[c], shade_at(1, x, y, 1));
        }
    }

    // In any order, some left out, some of another focal plane.
    void sparseTiles() {
        DicomKind kind = level_kind(1);
        kind.sparse = true;
        std::vector<std::string> frames;
        const auto add = [&](int x, int y, double z, int step) {
            kind.positions.emplace_back(x, y);
            kind.z.push_back(z);
            frames.push_back(as_string(tile_rgb(step, x, y)));
        };
        for (int y = 192; y >= 0; y -= kTile)
            for (int x = 320; x >= 0; x -= kTile)
                if (x != 64 || y != 128) {
                    add(x, y, 0, 1);
                    if (x < 200) add(x, y, 0.004, 7);
                }
        spill(root_ / "a.dcm", dicom_file(kind, frames));
        const auto slide = open("a.dcm");
        QCOMPARE(slide->info().issues.size(), std::size_t{1});
        QVERIFY(slide->info().issues[0].text.find("focal planes") != std::string::npos);
        const Image image = whole_level(*slide, 0);
        for (int y = 0; y < kHeight; ++y)
            for (int x = 0; x < kWidth; ++x) {
                const bool out = x >= 64 && x < 128 && y >= 128 && y < 192;
                for (int c = 0; c < 3; ++c) QCOMPARE(image.at(x, y)[c], out ? std::uint8_t{255} : shade_at(1, x, y, c));
            }
        kind.positions[3].first += 5;
        refused(dicom_file(kind, frames), "overlap");
        kind.positions[3] = {5000, 0};
        refused(dicom_file(kind, frames));
        kind.positions[3] = {-65, 0};
        refused(dicom_file(kind, frames));
        kind.positions.pop_back();
        refused(dicom_file(kind, frames));
    }

    void focalPlanesOneAfterAnother() {
        DicomKind kind = level_kind(1);
        kind.focal_planes = 2;
        auto frames = grid(kind, 1);
        for (const std::string& frame : grid(kind, 5)) frames.push_back(frame);
        spill(root_ / "a.dcm", dicom_file(kind, frames));
        const auto slide = open("a.dcm");
        QCOMPARE(slide->info().issues.size(), std::size_t{1});
        QCOMPARE(worst(whole_level(*slide, 0), 1), 0);
    }

    void concatenation() {
        DicomKind kind = level_kind(1);
        kind.concatenation = "1.2.3.9";
        const auto frames = grid(kind, 1);
        const auto part = [&](std::size_t from, std::size_t to) {
            kind.first_frame = int(from);
            kind.instance = "1.2.3.9." + std::to_string(from);
            return dicom_file(kind, {frames.begin() + std::ptrdiff_t(from), frames.begin() + std::ptrdiff_t(to)});
        };
        spill(root_ / "b.dcm", part(0, 5));
        spill(root_ / "a.dcm", part(5, 17));
        const auto early = error_of([&] { open("a.dcm"); });
        QVERIFY(early && is_one_sentence(*early));
        spill(root_ / "c.dcm", part(17, frames.size()));
        QCOMPARE(worst(whole_level(*open("a.dcm"), 0), 1), 0);
    }

    void framesInFragments() {
        DicomKind kind = level_kind(1);
        kind.syntax = syntax::kJpeg;
        kind.photometric = "YBR_FULL_422";
        const auto frames = grid(kind, 1, jpeg);
        const DicomItem header = dicom_header(kind, frames.size());
        for (const auto& [fragments, table] : {std::pair{1, false}, {3, true}}) {
            spill(root_ / "a.dcm", dicom_file(kind, header, dicom_pixels(kind, frames, fragments, table)));
            QVERIFY(worst(whole_level(*open("a.dcm"), 0), 1) <= 5);
        }
        refused(dicom_file(kind, header, dicom_pixels(kind, frames, 2, false)), "fragments");
        std::string wrong = dicom_pixels(kind, frames, 2, true);
        wrong[12 + 8 + 4] = static_cast<char>(wrong[12 + 8 + 4] + 2);  // the second frame begins elsewhere
        refused(dicom_file(kind, header, wrong));
    }

    void severalImagesOfOneSize() {
        write("a.dcm", level_kind(1), 1);
        DicomKind again = level_kind(1);
        again.instance = "7";
        write("b.dcm", again, 5);
        for (const auto& [name, step] : {std::pair{"a.dcm", 1}, {"b.dcm", 5}}) {  // the one that was chosen
            const auto slide = open(name);
            QCOMPARE(slide->info().levels.size(), std::size_t{1});
            QCOMPARE(slide->info().issues.size(), std::size_t{1});
            QCOMPARE(worst(whole_level(*slide, 0), step), 0);
        }
    }

    void threads() {
        DicomKind kind = level_kind(1);
        kind.syntax = syntax::kJpeg2000;
        write("a.dcm", kind, 1, jpeg2000);
        const auto slide = open("a.dcm");
        std::atomic<int> wrong{0};
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; ++t)
            threads.emplace_back([&, t] {
                for (int i = 0; i < 30; ++i) {
                    const int x = (t * 97 + i * 41) % 230, y = (t * 53 + i * 31) % 150;
                    wrong += worst(slide->read({double(x), double(y), 80, 70}, 80, 70), 1, x, y) != 0;
                }
            });
        threads.clear();
        QCOMPARE(wrong.load(), 0);
    }

    void whatCannotBeReadIsSaid() {
        DicomKind kind = level_kind(1);
        const auto frames = grid(kind, 1);
        const auto with = [&](const std::function<void(DicomItem&)>& spoil) {
            DicomItem header = dicom_header(kind, frames.size());
            spoil(header);
            return dicom_file(kind, header, dicom_pixels(kind, frames));
        };
        refused(with([](DicomItem& h) { h.set(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2"); }), "no whole-slide image");
        refused(with([](DicomItem& h) { h.set(0x00280004, "CS", "PALETTE COLOR"); }), "PALETTE COLOR");
        refused(with([](DicomItem& h) { h.u16(0x00280100, 16); }), "8 bits");
        refused(with([](DicomItem& h) { h.u16(0x00280002, 4); }));
        refused(with([](DicomItem& h) { h.u16(0x00280010, 0); }));
        refused(with([](DicomItem& h) { h.u16(0x00280010, 65535).u16(0x00280011, 65535); }));
        refused(with([](DicomItem& h) { h.u32(0x00480006, 0xFFFFFFFF).u32(0x00480007, 0xFFFFFFFF); }));
        refused(with([](DicomItem& h) { h.u32(0x00480006, 2000000).u32(0x00480007, 2000000); }));
        refused(with([](DicomItem& h) { h.remove(0x00480006); }));
        refused(with([](DicomItem& h) { h.set(0x00280008, "IS", "-3"); }));
        refused(with([](DicomItem& h) { h.set(0x00280008, "IS", "2147483647"); }));
        refused(with([](DicomItem& h) { h.set(0x00280008, "IS", "3"); }), "lacks");
        refused(with([](DicomItem& h) { h.set(0x00080008, "CS", "ORIGINAL\\PRIMARY\\LABEL\\NONE"); }), "section is missing");
        refused(with([](DicomItem& h) { h.set(0x00081140, "ZZ", "unknown"); }));
        kind.syntax = syntax::kJpegLs;
        refused(dicom_file(kind, frames), "JPEG-LS");
        kind.syntax = syntax::kBigEndian;
        refused(dicom_file(kind, frames), "big-endian");
        kind.syntax = "1.2.840.10008.1.2.4.999";
        refused(dicom_file(kind, frames), "transfer syntax");
        kind.syntax = syntax::kJpeg;
        refused(dicom_file(kind, frames), "decoded");  // no JPEG at all
    }

    // DCMTK reads nested sequences by recursion, which ends the process at some ten thousand.
    void moreThanDcmtkCanBear() {
        DicomKind kind = level_kind(1);
        std::string deep;
        for (int i = 0; i < 200000; ++i) deep += std::string("\x40\x00\x30\xA7SQ\0\0\xFF\xFF\xFF\xFF\xFE\xFF\x00\xE0\xFF\xFF\xFF\xFF", 20);
        spill(root_ / "bad.dcm", dicom_file(kind, dicom_header(kind, 1), deep));
        const auto error = error_of([&] { open("bad.dcm"); });
        QVERIFY(error && error->line().find("deeply") != std::string::npos);
        QVERIFY_THROWS_EXCEPTION(Error, list_identifying(root_ / "bad.dcm"));
        std::string many;  // empty ones, of which DCMTK would make an object each
        for (int i = 0; i < 250000; ++i) many += std::string("\x09\x00\x01\x10LO\0\0", 8);
        refused(dicom_file(kind, DicomItem(), many), "too many");
        kind.syntax = syntax::kImplicit;
        std::string inside;
        for (int i = 0; i < 300; ++i) {  // lengths that are defined, and no VR that says "sequence"
            const auto length = [](std::size_t n) { return std::string{char(n & 255), char(n >> 8 & 255), char(n >> 16 & 255), char(n >> 24 & 255)}; };
            inside = std::string("\x40\x00\x30\xA7", 4) + length(inside.size() + 8) + std::string("\xFE\xFF\x00\xE0", 4) + length(inside.size()) + inside;
        }
        refused(dicom_file(kind, DicomItem(), inside), "deeply");
    }

    void cutAndSpoiltFiles() {
        DicomKind kind = level_kind(1);
        kind.syntax = syntax::kRle;
        kind.sparse = true;
        std::vector<std::string> frames;
        for (int y = 0; y < kHeight; y += kTile)
            for (int x = 0; x < kWidth; x += kTile) {
                kind.positions.emplace_back(x, y);
                frames.push_back(rle(tile_rgb(1, x, y)));
            }
        const std::string whole = dicom_file(kind, frames);
        const std::size_t header = dicom_file(kind, dicom_header(kind, frames.size()), "").size();
        for (std::size_t bytes = 140; bytes + 8 < whole.size(); bytes += bytes < header ? 41 : 9973) {
            spill(root_ / "bad.dcm", whole.substr(0, bytes));
            const auto error = error_of([&] { open("bad.dcm"); });
            QVERIFY2(error && is_one_sentence(*error), std::to_string(bytes).c_str());
        }
        Random random(7);
        int opened = 0;
        for (int i = 0; i < 400; ++i) {  // any outcome but a crash, and never a sentence that blames the reader
            std::string spoilt = whole;
            for (int k = 0; k < 3; ++k) spoilt[132 + random.below(header + 64 - 132)] = static_cast<char>(random.below(256));
            spill(root_ / "bad.dcm", spoilt);
            try {
                open("bad.dcm")->overview(50);
                ++opened;
            } catch (const Error& error) {
                QVERIFY2(error.code() != ErrorCode::Internal, error.line().c_str());
            }
        }
        QVERIFY(opened > 0 && opened < 400);
    }

    void aDamagedSiblingIsNamed() {
        write("a.dcm", level_kind(1), 1);
        DicomKind second = level_kind(2);
        const std::string bytes = dicom_file(second, grid(second, 2));
        spill(root_ / "half.dcm", bytes.substr(0, bytes.size() / 2));
        const auto error = error_of([&] { open("a.dcm"); });
        QVERIFY(error && error->line().find("half.dcm") != std::string::npos);
    }

    void tellsWhatIdentifies() {
        DicomKind kind = level_kind(1);
        const auto frames = grid(kind, 1);
        DicomItem header = dicom_header(kind, frames.size());
        header.set(0x00080005, "CS", "ISO_IR 100").set(0x00100010, "PN", "M\xFCller^Anna").set(0x00100030, "DA", "19501224").set(0x00181000, "LO", "SN-4711");
        header.set(0x00090010, "LO", "ACME").set(0x00091001, "LO", "secret").set(0x00100040, "CS", "F").set(0x00280301, "CS", "NO").set(0x00080090, "PN", "^^^^");
        header.set(0x60011001, "LO", "behind the frames");
        header.sequence(0x00400560, {DicomItem().set(0x00400551, "LO", "S17-1234 A").sequence(0x0040A043, {DicomItem().set(0x00080104, "LO", "a word of the standard")})});
        spill(root_ / "a.dcm", dicom_file(kind, header, dicom_pixels(kind, frames)));
        DicomKind label = kind;
        label.flavour = "LABEL";
        label.instance = "8";
        write("b.dcm", label, 1);
        const auto found = list_identifying(root_ / "a.dcm");
        const auto holds = [&](const std::string& where, const std::string& key, const std::string& value) {
            return std::any_of(found.begin(), found.end(), [&](const Identifying& each) { return each.where == where && each.key == key && each.value.find(value) != std::string::npos; });
        };
        QVERIFY(holds("file", "name", "a.dcm"));
        QVERIFY(holds("DICOM", "PatientName", "M\xC3\xBCller^Anna"));
        QVERIFY(holds("DICOM", "PatientBirthDate", "19501224"));
        QVERIFY(holds("DICOM", "PatientSex", "F"));
        QVERIFY(holds("DICOM", "DeviceSerialNumber", "SN-4711"));
        QVERIFY(holds("DICOM SpecimenDescriptionSequence", "SpecimenIdentifier", "S17-1234 A"));
        QVERIFY(holds("DICOM", "private (0009,1001)", "6 bytes"));
        QVERIFY(holds("DICOM", "private (6001,1001)", "not looked into"));
        QVERIFY(holds("image", "label", "handwriting"));
        for (const Identifying& each : found) QVERIFY2(each.key != "CodeMeaning" && each.key != "BurnedInAnnotation" && each.value.find("^^") == std::string::npos, each.key.c_str());
    }
};

QTEST_GUILESS_MAIN(TestDicom)
#include "test_dicom.moc"
