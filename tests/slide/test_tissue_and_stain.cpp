// Masks and statistics on drawn tissue, where the truth is known.
#include <QTest>
#include <array>
#include <cmath>

#include "base/error.h"
#include "base/random.h"
#include "slide/stain.h"
#include "slide/tissue.h"

using namespace c2l;

namespace {

void paint(Image& image, int x, int y, const int (&rgb)[3], Random& random, int noise) {
    const int n = noise > 0 ? static_cast<int>(random.below(2 * noise + 1)) - noise : 0;
    for (int c = 0; c < 3; ++c) image.at(x, y)[c] = static_cast<std::uint8_t>(std::clamp(rgb[c] + n, 0, 255));
}

constexpr int kGlass[3] = {238, 234, 240}, kPink[3] = {236, 214, 226}, kTissue[3] = {190, 130, 175};
constexpr int kNucleus[3] = {70, 50, 130}, kStroma[3] = {225, 170, 205};

// Glass, a smooth pink smear on the left, textured tissue in a disc on the right.
Image overview(int size) {
    Random random(1);
    Image image(size, size);
    for (int y = 0; y < size; ++y)
        for (int x = 0; x < size; ++x) {
            const double dx = x - 0.65 * size, dy = y - 0.5 * size;
            const bool tissue = dx * dx + dy * dy < 0.0625 * size * size, pink = x < 0.3 * size && y > 0.2 * size && y < 0.8 * size;
            paint(image, x, y, tissue ? kTissue : pink ? kPink : kGlass, random, tissue ? 30 : 1);
        }
    return image;
}

Image nuclei_tile(int size, const std::vector<std::array<double, 4>>& ellipses) {  // x, y, radii
    Random random(2);
    Image image(size, size);
    for (int y = 0; y < size; ++y)
        for (int x = 0; x < size; ++x) {
            bool in = false;
            for (const auto& e : ellipses) in |= std::pow((x + 0.5 - e[0]) / e[2], 2) + std::pow((y + 0.5 - e[1]) / e[3], 2) < 1;
            paint(image, x, y, in ? kNucleus : kStroma, random, 4);
        }
    return image;
}

std::size_t feature(const std::string& name) {
    const auto& names = stain_feature_names();
    return static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
}

}  // namespace

class TestTissueAndStain : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void tissueNotPinkGlass() {
        for (const int size : {300, 900, 1500}) {
            const TissueMask mask = find_tissue(overview(size), 4);
            QVERIFY(std::abs(mask.area_fraction() - 0.0625 * M_PI) < 0.02);
            QVERIFY(mask.coverage(0.65 * size * 4, 0.5 * size * 4, 100) > 0.99);
            QCOMPARE(mask.coverage(0.15 * size * 4, 0.5 * size * 4, 100), 0.0);
            QCOMPARE(mask.coverage(0.5 * size * 4, 0.05 * size * 4, 50), 0.0);
        }
    }

    void glassAloneHasNoTissue() {
        Random random(3);
        Image image(400, 300);
        for (int y = 0; y < 300; ++y)
            for (int x = 0; x < 400; ++x) paint(image, x, y, kGlass, random, 1);
        QCOMPARE(find_tissue(image, 1).area_fraction(), 0.0);
        QCOMPARE(find_tissue(Image(400, 300), 1).area_fraction(), 0.0);  // pure white
        QCOMPARE(find_tissue(Image(1, 1), 1).area_fraction(), 0.0);
    }

    void tissueEverywhereIsTissue() {
        Random random(4);
        Image image(400, 300);
        for (int y = 0; y < 300; ++y)
            for (int x = 0; x < 400; ++x) paint(image, x, y, kTissue, random, 30);
        QVERIFY(find_tissue(image, 1).area_fraction() > 0.98);
    }

    void coverageIsAnAreaShare() {
        TissueMask mask;
        mask.width = 4;
        mask.height = 2;
        mask.downsample = 10;
        mask.tissue = {1, 0, 0, 0, 1, 1, 0, 0};
        QCOMPARE(mask.area_fraction(), 3.0 / 8);
        QCOMPARE(mask.coverage(5, 5, 10), 1.0);
        QCOMPARE(mask.coverage(10, 10, 20), 0.75);
        QVERIFY(std::abs(mask.coverage(10, 5, 4) - 0.5) < 1e-12);
        QCOMPARE(mask.coverage(0, 0, 10), 0.25);  // three quarters of the square lie outside
        QCOMPARE(mask.coverage(-500, 0, 10), 0.0);
        QCOMPARE(mask.coverage(1e300, 0, 10), 0.0);
        QCOMPARE(mask.coverage(5, 5, 0), 0.0);
        QCOMPARE(mask.coverage(std::nan(""), 5, 3), 0.0);
    }

    void deconvolutionIsLinearInStain() {
        Image tile(3, 1);
        // Haematoxylin alone at 1.0 optical density along its own direction; white; black.
        const double h[3] = {0.651, 0.701, 0.290}, norm = std::sqrt(0.651 * 0.651 + 0.701 * 0.701 + 0.290 * 0.290);
        for (int c = 0; c < 3; ++c) {
            tile.at(0, 0)[c] = static_cast<std::uint8_t>(std::lround(256 * std::pow(10, -h[c] / norm) - 1));
            tile.at(2, 0)[c] = 0;
        }
        const StainDensities d = deconvolve(tile);
        QVERIFY(std::abs(d.haematoxylin[0] - 1) < 0.02 && std::abs(d.eosin[0]) < 0.03 && std::abs(d.residual[0]) < 0.02);
        QCOMPARE(d.haematoxylin[1], 0.f);
        QVERIFY(std::isfinite(d.haematoxylin[2]) && d.haematoxylin[2] > 1);
    }

    void nucleiAreFoundAndMeasured() {
        const double mpp = 0.5;
        const auto nuclei = find_nuclei(nuclei_tile(200, {{40, 40, 8, 8}, {120, 50, 12, 7}, {60, 140, 9, 9}, {150, 150, 6, 14}}), mpp);
        QCOMPARE(nuclei.size(), std::size_t{4});
        for (const auto& [x, y, a, b] : {std::array<double, 4>{40, 40, 8, 8}, {120, 50, 12, 7}, {60, 140, 9, 9}, {150, 150, 6, 14}}) {
            const auto found = std::find_if(nuclei.begin(), nuclei.end(), [x = x, y = y](const Nucleus& n) { return std::hypot(n.x - x, n.y - y) < 1.5; });
            QVERIFY(found != nuclei.end());
            const double area = M_PI * a * b * mpp * mpp, e = std::sqrt(1 - std::pow(std::min(a, b) / std::max(a, b), 2));
            QVERIFY2(std::abs(found->area_um2 / area - 1) < 0.2, qPrintable(QString("%1 for %2").arg(found->area_um2).arg(area)));
            QVERIFY(std::abs(found->eccentricity - e) < (e > 0 ? 0.1 : 0.35));
            QVERIFY(found->haematoxylin > 0.4);
        }
    }

    void touchingNucleiPart() { QCOMPARE(find_nuclei(nuclei_tile(120, {{50, 60, 10, 10}, {68, 60, 10, 10}}), 0.5).size(), std::size_t{2}); }

    void noNucleiWhereThereAreNone() {
        QVERIFY(find_nuclei(nuclei_tile(128, {}), 0.5).empty());
        QVERIFY(find_nuclei(Image(128, 128), 0.5).empty());
        QVERIFY(find_nuclei(Image(128, 128, 0), 0.5).empty());
        QVERIFY(find_nuclei(Image(2, 3), 0.5).empty());
    }

    void featuresHaveOneLength() {
        const auto& names = stain_feature_names();
        QCOMPARE(names.size(), std::size_t{47});
        Random random(8);
        Image noise(97, 61);
        for (auto& v : noise.rgb) v = static_cast<std::uint8_t>(random.below(256));
        for (const Image& tile : {Image(128, 128), Image(224, 224, 0), Image(1, 1, 40), Image(5, 300, 130), noise, nuclei_tile(128, {{40, 40, 8, 8}})})
            for (const double mpp : {0.1, 0.5, 0.687, 4.0}) {
                const auto features = stain_features(tile, mpp);
                QCOMPARE(features.size(), names.size());
                for (const float f : features) QVERIFY(std::isfinite(f));
                QVERIFY(stain_features(tile, mpp) == features);
            }
        for (const double bad : {0.0, -1.0, std::nan(""), 1e9}) {
            bool refused = false;
            try {
                stain_features(noise, bad);
            } catch (const Error&) {
                refused = true;
            }
            QVERIFY(refused);
        }
    }

    void featuresSayWhatTheyAreNamed() {
        const auto few = stain_features(nuclei_tile(200, {{100, 100, 8, 8}}), 0.5);
        std::vector<std::array<double, 4>> grid;
        for (int i = 0; i < 36; ++i) grid.push_back({20.0 + i % 6 * 30, 20.0 + i / 6 * 30, 8, 8});
        const auto many = stain_features(nuclei_tile(200, grid), 0.5);
        QCOMPARE(few[feature("nuclei per mm2")], 100.f);
        QCOMPARE(many[feature("nuclei per mm2")], 3600.f);
        QVERIFY(std::abs(many[feature("nuclear nearest distance")] - 15) < 0.5);
        QVERIFY(std::abs(many[feature("nuclear area fraction")] - 36 * M_PI * 64 / 40000) < 0.04);
        QVERIFY(many[feature("haematoxylin mean")] > few[feature("haematoxylin mean")] + 0.05f);
        QVERIFY(many[feature("haematoxylin gradient 0.7 µm")] > 3 * few[feature("haematoxylin gradient 0.7 µm")]);
        for (const char* stain : {"haematoxylin", "eosin", "residual"}) {
            float last = -1e9f;
            for (const char* p : {" p5", " p25", " p50", " p75", " p95"}) {
                const float value = many[feature(std::string(stain) + p)];
                QVERIFY(value >= last);
                last = value;
            }
        }
    }

    // A turned tile is the same tissue; the augmentations of the predictor rely on it.
    void featuresHardlyChangeWhenTurned() {
        const Image tile = nuclei_tile(128, {{30, 40, 8, 6}, {90, 30, 12, 7}, {60, 100, 9, 9}});
        Image turned(128, 128);
        for (int y = 0; y < 128; ++y)
            for (int x = 0; x < 128; ++x) std::copy_n(tile.at(x, y), 3, turned.at(127 - y, x));
        const auto a = stain_features(tile, 0.5), b = stain_features(turned, 0.5);
        for (std::size_t i = 0; i < a.size(); ++i)
            QVERIFY2(std::abs(a[i] - b[i]) <= 0.06f * std::abs(a[i]) + 0.01f, qPrintable(QString::fromStdString(stain_feature_names()[i]) + QString(": %1 %2").arg(a[i]).arg(b[i])));
    }
};

QTEST_GUILESS_MAIN(TestTissueAndStain)
#include "test_tissue_and_stain.moc"
