// Looking at a slide in other colours: on pixels whose stain is known, and on real slides.
#include <QTest>
#include <cmath>

#include "base/error.h"
#include "base/random.h"
#include "real_data.h"
#include "slide/stain_transform.h"

using namespace c2l;

namespace {

Image noise(int width, int height, std::uint64_t seed) {
    Random random(seed);
    Image image(width, height);
    for (auto& v : image.rgb) v = static_cast<std::uint8_t>(random.below(256));
    return image;
}

std::array<double, 3> unit(std::array<double, 3> v) {
    const double length = std::sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
    for (double& x : v) x /= length;
    return v;
}

double degrees_between(const std::array<double, 3>& a, const std::array<double, 3>& b) {
    return std::acos(std::min(1.0, a[0] * b[0] + a[1] * b[1] + a[2] * b[2])) * 180 / M_PI;
}

void put(Image& image, std::size_t pixel, const StainVectors& v, double h, double e) {
    for (std::size_t c = 0; c < 3; ++c)
        image.rgb[3 * pixel + c] = static_cast<std::uint8_t>(std::clamp(std::lround(256 * std::pow(10, -(h * v.haematoxylin[c] + e * v.eosin[c])) - 1), 0L, 255L));
}

// A third of the pixels holds haematoxylin alone, a third eosin alone, a third both; some glass.
Image stained(const StainVectors& vectors, int side, std::uint64_t seed) {
    Random random(seed);
    Image image(side, side);
    for (std::size_t i = 0; i < image.rgb.size() / 3; ++i) {
        if (random.below(10) == 0) continue;
        const auto kind = random.below(3);
        put(image, i, vectors, kind == 1 ? 0 : random.uniform(0.5, 1.2), kind == 0 ? 0 : random.uniform(0.6, 1.0));
    }
    return image;
}

int most_apart(const Image& a, const Image& b) {
    int most = 0;
    for (std::size_t i = 0; i < a.rgb.size(); ++i) most = std::max(most, std::abs(int{a.rgb[i]} - int{b.rgb[i]}));
    return most;
}

double mean_apart(const Image& a, const Image& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.rgb.size(); ++i) sum += std::abs(int{a.rgb[i]} - int{b.rgb[i]});
    return sum / static_cast<double>(a.rgb.size());
}

Image seen(Image image, const StainLook& look, const StainProfile* profile) {
    StainTransform(look, profile).apply(image);
    return image;
}

const std::vector<StainVectors> kPlanted{{unit({0.65, 0.70, 0.29}), unit({0.22, 0.80, 0.56})},
                                         {unit({0.74, 0.60, 0.30}), unit({0.30, 0.85, 0.40})},
                                         {unit({0.55, 0.75, 0.37}), unit({0.15, 0.90, 0.40})}};

template <class Call>
bool refused(Call call) {
    try {
        call();
    } catch (const Error& e) {
        return e.code() == ErrorCode::BadInput;
    }
    return false;
}

}  // namespace

class TestStainViews : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void reconstructionUndoesDeconvolution() {
        const Image image = noise(123, 61, 1);
        for (const StainVectors& vectors : kPlanted) QVERIFY(most_apart(reconstruct(deconvolve(image, vectors), vectors), image) <= 1);
        QVERIFY(most_apart(reconstruct(deconvolve(image)), image) <= 1);
    }

    void macenkoRecoversPlantedVectors() {
        std::uint64_t seed = 3;
        for (const StainVectors& planted : kPlanted) {
            const StainProfile found = estimate_stains(stained(planted, 300, ++seed));
            QVERIFY2(degrees_between(found.vectors.haematoxylin, planted.haematoxylin) < 1.0, qPrintable(QString::number(degrees_between(found.vectors.haematoxylin, planted.haematoxylin))));
            QVERIFY2(degrees_between(found.vectors.eosin, planted.eosin) < 1.0, qPrintable(QString::number(degrees_between(found.vectors.eosin, planted.eosin))));
            QVERIFY(std::abs(found.amount[0] - 1.2) < 0.05 && std::abs(found.amount[1] - 1.0) < 0.05);
            QVERIFY(found.pixels < 300 * 300 && found.pixels > 300 * 300 * 8 / 10 - 2000);  // without the glass
        }
    }

    void theTargetNormalisedToItselfStays() {
        const StainProfile& target = stain_target();
        const Image any = noise(200, 100, 7), two_stains = stained(target.vectors, 200, 8);
        QVERIFY(most_apart(seen(any, {StainView::Reinhard}, &target), any) <= 1);
        QVERIFY(most_apart(seen(two_stains, {StainView::Macenko}, &target), two_stains) <= 1);
        QVERIFY(most_apart(seen(any, {StainView::Original}, nullptr), any) == 0);
    }

    void normalisedSlidesHaveTheTargetsStain() {
        const StainProfile& target = stain_target();
        for (const StainVectors& planted : kPlanted) {
            const Image before = stained(planted, 300, 11);
            const StainProfile from = estimate_stains(before);
            const StainProfile macenko = estimate_stains(seen(before, {StainView::Macenko}, &from));
            QVERIFY(degrees_between(macenko.vectors.haematoxylin, target.vectors.haematoxylin) < 1.5);
            QVERIFY(degrees_between(macenko.vectors.eosin, target.vectors.eosin) < 1.5);
            QVERIFY(std::abs(macenko.amount[0] / target.amount[0] - 1) < 0.05 && std::abs(macenko.amount[1] / target.amount[1] - 1) < 0.05);
        }
    }

    void reinhardMovesMeanAndDeviation() {
        const StainProfile& target = stain_target();
        Random random(5);
        Image image(200, 200);  // no glass: every pixel counts
        for (std::size_t i = 0; i < image.rgb.size() / 3; ++i) put(image, i, kPlanted[1], random.uniform(0.3, 0.8), random.uniform(0.4, 0.7));
        const auto statistics = [](const Image& pixels) {  // by the paper's formulas, apart from the code under test
            std::array<double, 6> sums{};
            for (std::size_t i = 0; i < pixels.rgb.size(); i += 3) {
                const double r = (pixels.rgb[i] + 1) / 256.0, g = (pixels.rgb[i + 1] + 1) / 256.0, b = (pixels.rgb[i + 2] + 1) / 256.0;
                const double l = std::log(0.3811 * r + 0.5783 * g + 0.0402 * b), m = std::log(0.1967 * r + 0.7244 * g + 0.0782 * b), s = std::log(0.0241 * r + 0.1288 * g + 0.8444 * b);
                const std::array<double, 3> lab{(l + m + s) / std::sqrt(3), (l + m - 2 * s) / std::sqrt(6), (l - m) / std::sqrt(2)};
                for (std::size_t k = 0; k < 3; ++k) sums[k] += lab[k], sums[k + 3] += lab[k] * lab[k];
            }
            const double n = static_cast<double>(pixels.rgb.size()) / 3;
            for (std::size_t k = 0; k < 3; ++k) sums[k] /= n, sums[k + 3] = std::sqrt(sums[k + 3] / n - sums[k] * sums[k]);
            return sums;
        };
        const StainProfile from = estimate_stains(image);
        const auto before = statistics(image), after = statistics(seen(image, {StainView::Reinhard}, &from));
        for (std::size_t k = 0; k < 3; ++k) {
            QVERIFY(std::abs(before[k] - from.mean[k]) < 1e-9 && std::abs(before[k + 3] - from.sd[k]) < 1e-9);
            QVERIFY2(std::abs(after[k] - target.mean[k]) < 0.2 * target.sd[k], qPrintable(QString("%1: %2, not %3").arg(k).arg(after[k]).arg(target.mean[k])));
            QVERIFY2(std::abs(after[k + 3] / target.sd[k] - 1) < 0.1, qPrintable(QString("%1: %2, not %3").arg(k).arg(after[k + 3]).arg(target.sd[k])));
        }
    }

    void oneStainAloneIsSeparated() {
        const StainVectors v = standard_stain_vectors();
        Image pixels(4, 1);
        put(pixels, 0, v, 1, 0);
        put(pixels, 1, v, 0, 1);
        const Image h = seen(pixels, {StainView::Haematoxylin}, nullptr), e = seen(pixels, {StainView::Eosin}, nullptr);
        const Image grey = seen(pixels, {StainView::Haematoxylin, false, true}, nullptr), residual = seen(pixels, {StainView::Residual}, nullptr);
        for (std::size_t c = 0; c < 3; ++c) {
            QVERIFY(std::abs(int{h.rgb[c]} - int{pixels.rgb[c]}) <= 3 && h.rgb[3 + c] >= 248);       // eosin is gone
            QVERIFY(std::abs(int{e.rgb[3 + c]} - int{pixels.rgb[3 + c]}) <= 3 && e.rgb[c] >= 248);
            QVERIFY(std::abs(int{grey.rgb[c]} - 85) <= 4);  // density 1 of 1.5
            QVERIFY(residual.rgb[c] >= 248 && h.rgb[9 + c] == 255 && grey.rgb[9 + c] == 255);
        }
        // With the slide's own vectors its own stain is what is separated.
        StainProfile own;
        own.vectors = kPlanted[1];
        Image other(1, 1);
        put(other, 0, own.vectors, 0, 0.8);
        QVERIFY(seen(other, {StainView::Haematoxylin, true}, &own).rgb[0] >= 250);
        QVERIFY(seen(other, {StainView::Haematoxylin}, nullptr).rgb[0] < 235);
    }

    // Tiles of any size are cut into blocks: where a pixel stands must not matter.
    void everyPixelIsTreatedAlike() {
        const StainProfile profile = estimate_stains(stained(kPlanted[0], 100, 4));
        const Image image = noise(401, 257, 9);
        for (const StainView view : stain_views()) {
            const Image whole = seen(image, {view}, &profile);
            for (const std::size_t i : {std::size_t{0}, std::size_t{8191}, std::size_t{8192}, image.rgb.size() / 3 - 1}) {
                Image one(1, 1);
                std::copy_n(image.rgb.begin() + static_cast<std::ptrdiff_t>(3 * i), 3, one.rgb.begin());
                one = seen(one, {view}, &profile);
                QVERIFY(std::equal(one.rgb.begin(), one.rgb.end(), whole.rgb.begin() + static_cast<std::ptrdiff_t>(3 * i)));
            }
        }
    }

    void choicesThatChangeNothingAreOneLook() {
        QVERIFY((StainLook{StainView::Macenko, true, true}.effective() == StainLook{StainView::Macenko}.effective()));
        QVERIFY((StainLook{StainView::Eosin, true}.effective() != StainLook{StainView::Eosin}.effective()));
        QVERIFY(!(StainLook{StainView::Original, true}.needs_profile()) && !(StainLook{StainView::Eosin}.needs_profile()));
        QVERIFY((StainLook{StainView::Residual, true}.needs_profile()) && (StainLook{StainView::Reinhard}.needs_profile()));
        for (const StainView view : stain_views()) QVERIFY(stain_view_from(to_string(view)) == view);
        QVERIFY(!stain_view_from("h&e"));
    }

    void refusesWhatHasNoTwoStains() {
        QVERIFY(refused([] { estimate_stains(Image(300, 300)); }));
        QVERIFY(refused([] { estimate_stains(Image()); }));
        QVERIFY(refused([] { estimate_stains(Image(300, 300, 90)); }));  // one grey
        Image one(200, 200);
        Random random(6);
        for (std::size_t i = 0; i < one.rgb.size() / 3; ++i) put(one, i, kPlanted[0], random.uniform(0.5, 1.2), 0);
        // Rounding alone spreads the directions of a single stain; either it is refused or the two vectors found are close to it.
        try {
            const StainProfile found = estimate_stains(one);
            QVERIFY(degrees_between(found.vectors.haematoxylin, kPlanted[0].haematoxylin) < 3 && degrees_between(found.vectors.eosin, kPlanted[0].haematoxylin) < 3);
        } catch (const Error&) {
        }
        QVERIFY(refused([] { StainTransform({StainView::Macenko}, nullptr); }));
        StainVectors same{unit({0.6, 0.7, 0.3}), unit({0.6, 0.7, 0.3})};
        QVERIFY(refused([&] { unmixing_rows(same); }));
    }

    // The slide that the target stands for: it is its own estimate, and normalised to itself it stays as it is.
    void theTargetIsTheSlideItIsSaidToBe() {
        C2L_REAL_DATA(path, "data/slides/aperio/CMU-1-Small-Region.svs");
        const auto slide = Slide::open(path, {}, {});
        const StainProfile found = estimate_stains(*slide, {}), target = stain_target();
        QCOMPARE(found.pixels, target.pixels);
        QVERIFY(degrees_between(found.vectors.haematoxylin, target.vectors.haematoxylin) < 0.01 && degrees_between(found.vectors.eosin, target.vectors.eosin) < 0.01);
        for (std::size_t k = 0; k < 2; ++k) QVERIFY(std::abs(found.amount[k] - target.amount[k]) < 1e-4);
        for (std::size_t k = 0; k < 3; ++k) QVERIFY(std::abs(found.mean[k] - target.mean[k]) < 1e-4 && std::abs(found.sd[k] - target.sd[k]) < 1e-4);
        const Image region = slide->read({300, 300, 512, 512}, 512, 512);
        QVERIFY(mean_apart(seen(region, {StainView::Reinhard}, &found), region) < 0.01);
        QVERIFY(mean_apart(seen(region, {StainView::Macenko}, &found), region) < 4);  // what is neither stain is lost
    }

    void sectionC4ComesNearerToTheTarget() {
        C2L_REAL_DATA(path, "data/slides/derived/her2st_C4_generic_pyramid.tif");
        const auto slide = Slide::open(path, {}, {});
        const StainProfile from = estimate_stains(*slide, {}), target = stain_target();
        QVERIFY(from.vectors.haematoxylin[0] > from.vectors.eosin[0] + 0.1);  // haematoxylin absorbs red, eosin green
        QVERIFY(from.vectors.eosin[1] > from.vectors.haematoxylin[1] + 0.1);
        const StainProfile again = estimate_stains(*slide, {});
        QVERIFY(again.vectors.eosin == from.vectors.eosin && again.mean == from.mean);
        const Image region = slide->read({1500, 1500, 1600, 1600}, 800, 800);
        const auto off = [&](const StainProfile& p) { return degrees_between(p.vectors.haematoxylin, target.vectors.haematoxylin) + degrees_between(p.vectors.eosin, target.vectors.eosin); };
        QVERIFY(off(estimate_stains(seen(region, {StainView::Macenko}, &from))) < off(estimate_stains(region)) / 2);
        const StainProfile plain = estimate_stains(region), normalised = estimate_stains(seen(region, {StainView::Reinhard}, &from));
        for (const std::size_t k : {std::size_t{0}, std::size_t{1}, std::size_t{2}}) QVERIFY(std::abs(normalised.mean[k] - target.mean[k]) < std::abs(plain.mean[k] - target.mean[k]) + 0.3 * target.sd[k]);
    }
};

QTEST_GUILESS_MAIN(TestStainViews)
#include "test_stain_views.moc"
