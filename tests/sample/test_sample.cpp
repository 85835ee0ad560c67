// The simulated section: the same for the same seed, readable by the ordinary readers, and with expression that follows its cells.
#include <QTemporaryDir>
#include <QTest>
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "sample/painter.h"
#include "sample/sample.h"
#include "sample/section.h"
#include "slide/slide.h"
#include "slide/tissue.h"
#include "spatial/read.h"

using namespace c2l;

namespace {

constexpr double kSmallMm = 2.0;

double pearson(const std::vector<double>& a, const std::vector<double>& b) {
    const auto n = static_cast<double>(a.size());
    double ma = 0, mb = 0, ab = 0, aa = 0, bb = 0;
    for (std::size_t i = 0; i < a.size(); ++i) ma += a[i] / n, mb += b[i] / n;
    for (std::size_t i = 0; i < a.size(); ++i) {
        ab += (a[i] - ma) * (b[i] - mb);
        aa += (a[i] - ma) * (a[i] - ma);
        bb += (b[i] - mb) * (b[i] - mb);
    }
    return ab / std::sqrt(aa * bb);
}

}  // namespace

class TestSample : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void sameSeedSameFiles();
    void otherSeedOtherSection();
    void pixelsDoNotDependOnBands();
    void everySectionHasEveryCellType();
    void slideOpens();
    void spotsLieOnTissue();
    void tissueMaskFindsIt();
    void markersFollowTheirCells();
    void callsItselfSimulated();
    void refusesSillySizes();
    void stops();

private:
    std::filesystem::path folder(const char* name) const { return std::filesystem::path(dir_.path().toStdString()) / name; }
    QTemporaryDir dir_;
    SampleFiles files_;
    std::vector<std::string> steps_;
};

void TestSample::initTestCase() {
    JobContext ctx;
    ctx.on_progress = [this](const Progress& p) { steps_.push_back(p.step); };
    files_ = write_sample(folder("a"), 7, ctx, kSmallMm);
    QVERIFY(!steps_.empty());
    QVERIFY(std::all_of(steps_.begin(), steps_.end(), [](const std::string& s) { return s == "sample"; }));
}

void TestSample::sameSeedSameFiles() {
    const SampleFiles again = write_sample(folder("b"), 7, {}, kSmallMm);
    QCOMPARE(sha256_file(again.slide), sha256_file(files_.slide));
    QCOMPARE(sha256_file(again.counts), sha256_file(files_.counts));
    QCOMPARE(sha256_file(again.spots), sha256_file(files_.spots));
    QCOMPARE(sha256_file(again.truth), sha256_file(files_.truth));
}

void TestSample::otherSeedOtherSection() {
    const SampleFiles other = write_sample(folder("c"), 8, {}, 1.2);
    const SampleFiles more = write_sample(folder("d"), 9, {}, 1.2);
    QVERIFY(sha256_file(other.slide) != sha256_file(more.slide));
    QVERIFY(sha256_file(other.counts) != sha256_file(more.counts));
}

void TestSample::pixelsDoNotDependOnBands() {
    const Section section(3, 700, 600);
    Painter painter(section, kSampleMpp, 3);
    const std::size_t line = static_cast<std::size_t>(painter.width()) * 3;
    std::vector<std::uint8_t> whole(line * painter.height()), parts(whole.size());
    painter.paint(0, painter.height(), whole.data());
    const int bands[] = {1, 37, 256, 5};
    for (int row = 0, i = 0; row < painter.height(); ++i) {
        const int rows = std::min(bands[i % 4], painter.height() - row);
        painter.paint(row, rows, parts.data() + line * row);
        row += rows;
    }
    QVERIFY(whole == parts);
}

void TestSample::everySectionHasEveryCellType() {
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
        const Section section(seed, 2600, 2200);
        std::array<int, 6> n{};
        for (const Cell& c : section.cells()) {
            ++n[static_cast<std::size_t>(c.type)];
            QVERIFY(c.a > 0 && c.b > 0 && c.a < 25);
            QVERIFY(c.x >= 0 && c.x <= section.width() && c.y >= 0 && c.y <= section.height());
        }
        QVERIFY2(n[0] + n[1] > 800, qPrintable(QString("seed %1: %2 epithelial cells").arg(seed).arg(n[0] + n[1])));
        QVERIFY2(n[2] > 800 && n[3] > 400 && n[4] > 30, qPrintable(QString("seed %1: %2 %3 %4").arg(seed).arg(n[2]).arg(n[3]).arg(n[4])));
    }
}

void TestSample::slideOpens() {
    const auto slide = Slide::open(files_.slide, {}, {});
    QCOMPARE(QString::fromStdString(slide->info().vendor), QString("generic-tiff"));
    QVERIFY(slide->info().mpp.has_value());
    QVERIFY2(std::abs(*slide->info().mpp - kSampleMpp) < 1e-4, qPrintable(QString::number(*slide->info().mpp, 'g', 9)));
    const auto truth = nlohmann::json::parse(read_file(files_.truth));
    QCOMPARE(slide->info().width, truth["width"].get<std::int64_t>());
    QCOMPARE(slide->info().height, truth["height"].get<std::int64_t>());

    // Bright, nearly grey glass at the corner; stained, purple-pink tissue (green lowest) in the middle.
    const auto mean = [&](double x, double y, double side) {
        const Image image = slide->read({x, y, side, side}, 64, 64);
        std::array<double, 3> sum{};
        for (std::size_t i = 0; i < image.rgb.size(); ++i) sum[i % 3] += image.rgb[i] / (64.0 * 64.0);
        return sum;
    };
    const auto glass = mean(10, 10, 150);
    QVERIFY(glass[1] > 215 && glass[0] - glass[1] < 15);
    const auto tissue = mean(0.3 * slide->info().width, 0.3 * slide->info().height, 0.4 * slide->info().width);
    QVERIFY(tissue[1] < 210 && tissue[1] < tissue[0] - 10 && tissue[1] < tissue[2] - 10);
}

void TestSample::spotsLieOnTissue() {
    const SpotData data = read_spot_data({files_.spots, files_.counts}, {});
    QVERIFY(data.spots.size() >= 20);
    QCOMPARE(data.expression.rows(), static_cast<std::int64_t>(data.spots.size()));
    QCOMPARE(data.expression.cols(), std::int64_t{600});
    QVERIFY(std::abs(data.spots.pitch_px() * kSampleMpp - kSamplePitchUm) < 8);
    const Section section(7, kSmallMm * 1000, kSmallMm * 840);
    for (std::size_t i = 0; i < data.spots.size(); ++i)
        QVERIFY(section.at(static_cast<float>(data.spots.x[i] * kSampleMpp), static_cast<float>(data.spots.y[i] * kSampleMpp)).tissue > 0);
    for (const float depth : data.expression.row_sums()) QVERIFY(depth > 200);
}

void TestSample::tissueMaskFindsIt() {
    const auto slide = Slide::open(files_.slide, {}, {});
    const TissueMask mask = find_tissue(*slide, {});
    const SpotData data = read_spot_data({files_.spots, files_.counts}, {});
    std::size_t covered = 0;
    for (std::size_t i = 0; i < data.spots.size(); ++i)
        covered += mask.coverage(data.spots.x[i], data.spots.y[i], kSampleSpotUm / kSampleMpp) > 0.25;
    QVERIFY2(covered >= 0.9 * static_cast<double>(data.spots.size()), qPrintable(QString("%1 of %2").arg(covered).arg(data.spots.size())));
    const auto w = static_cast<double>(slide->info().width), h = static_cast<double>(slide->info().height);
    for (const double x : {60.0, w - 60})
        for (const double y : {60.0, h - 60}) QVERIFY(mask.coverage(x, y, 100) < 0.05);
}

// Share of a programme's counts in a spot against the share of its cells: the model's promise, read back from the files.
void TestSample::markersFollowTheirCells() {
    const SpotData data = read_spot_data({files_.spots, files_.counts}, {});
    const auto truth = nlohmann::json::parse(read_file(files_.truth));
    const auto depth = data.expression.row_sums();
    for (std::size_t type = 0; type < truth["markers"].size(); ++type) {
        const std::string prefix = truth["markers"][type];
        std::vector<double> counts(data.spots.size(), 0), cells;
        for (std::int64_t g = 0; g < data.expression.cols(); ++g) {
            if (data.expression.genes[static_cast<std::size_t>(g)].rfind(prefix, 0) != 0) continue;
            const auto column = data.expression.column(g);
            for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += column[i] / depth[i];
        }
        for (const std::string& spot : data.spots.barcodes) {
            const auto under = truth["spots"].at(spot).get<std::vector<double>>();
            double sum = 1e-9;
            for (const double n : under) sum += n;
            cells.push_back(under[type] / sum);
        }
        const double r = pearson(counts, cells);
        QVERIFY2(r > 0.7, qPrintable(QString("%1: r = %2").arg(QString::fromStdString(prefix)).arg(r)));
    }
}

void TestSample::callsItselfSimulated() {
    const auto truth = nlohmann::json::parse(read_file(files_.truth));
    QCOMPARE(QString::fromStdString(truth["description"]), QString("simulated section"));
    QCOMPARE(truth["seed"].get<int>(), 7);
    for (const auto& file : {files_.slide, files_.counts, files_.spots, files_.truth})
        QVERIFY(file.filename().string().find("simulated") != std::string::npos);
}

void TestSample::refusesSillySizes() {
    for (const double size : {0.0, -1.0, 0.1, 1000.0, std::nan("")}) {
        try {
            write_sample(folder("silly"), 1, {}, size);
            QFAIL("accepted");
        } catch (const Error& e) {
            QCOMPARE(e.code(), ErrorCode::BadInput);
        }
    }
    QVERIFY(!std::filesystem::exists(folder("silly")));
}

void TestSample::stops() {
    std::stop_source source;
    JobContext ctx;
    ctx.stop = source.get_token();
    ctx.on_progress = [&](const Progress&) { source.request_stop(); };
    try {
        write_sample(folder("stopped"), 1, ctx, kSmallMm);
        QFAIL("ran to the end");
    } catch (const Error& e) {
        QCOMPARE(e.code(), ErrorCode::Stopped);
    }
    QVERIFY(std::filesystem::is_empty(folder("stopped")));
}

QTEST_GUILESS_MAIN(TestSample)
#include "test_sample.moc"
