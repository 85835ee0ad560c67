#include <QTest>
#include <cmath>
#include <cstdio>
#include <map>

#include "dataset/alignment.h"
#include "real_data.h"
#include "spatial/read.h"

using namespace c2l;

namespace {

struct Section {
    SlideInfo slide;
    TissueMask mask;
    SpotTable spots;
    ArrayHints hints;
};

// A lopsided piece of tissue on glass with spots of a pitch of 200 px on it; with `glass` the array's other places too.
Section lopsided(bool glass) {
    Section s;
    s.slide.width = 8000;
    s.slide.height = 6000;
    s.mask.width = 800;
    s.mask.height = 600;
    s.mask.downsample = 10;
    s.mask.tissue.assign(800 * 600, 0);
    const auto is_tissue = [](double x, double y) {  // an ellipse, a bar, and a bite out of both
        const double u = (x - 3000) / 2200, v = (y - 2400) / 1600;
        return (u * u + v * v < 1 || (x > 4000 && x < 7200 && y > 2200 && y < 3000)) && !(x < 2600 && y > 2800);
    };
    for (int y = 0; y < 600; ++y)
        for (int x = 0; x < 800; ++x) s.mask.tissue[static_cast<std::size_t>(y * 800 + x)] = is_tissue(10 * x + 5, 10 * y + 5);
    for (int row = 0; row < 28; ++row)
        for (int col = 0; col < 38; ++col) {
            const double x = 250 + 200 * col, y = 250 + 200 * row;
            if (is_tissue(x, y)) {
                s.spots.barcodes.push_back(std::to_string(col) + "x" + std::to_string(row));
                s.spots.x.push_back(x);
                s.spots.y.push_back(y);
                s.spots.in_tissue.push_back(1);
            } else if (glass) {
                s.hints.empty_x.push_back(x);
                s.hints.empty_y.push_back(y);
            }
        }
    return s;
}

SpotTable misplaced(SpotTable spots, Orientation o, double scale, const SlideInfo& slide) {
    register_spots(spots, inverse(oriented(o, scale, static_cast<double>(slide.width), static_cast<double>(slide.height))));
    return spots;
}

void misplace(Section& s, Orientation o, double scale) {
    s.spots = misplaced(std::move(s.spots), o, scale, s.slide);
    register_positions(s.hints.empty_x, s.hints.empty_y, inverse(oriented(o, scale, static_cast<double>(s.slide.width), static_cast<double>(s.slide.height))));
}

std::string outcome(const Alignment& a) {
    if (!a.proposal) return to_string(a.verdict);
    return std::string(to_string(a.proposal->orientation)) + " x" + std::to_string(a.proposal->scale).substr(0, 5);
}

struct RealSection {
    std::shared_ptr<const Slide> slide;
    TissueMask mask;
    SpotData data;
};

const std::map<std::string, RealSection>& her2st() {
    static const std::map<std::string, RealSection> sections = [] {
        std::map<std::string, RealSection> out;
        const auto folder = test::shared_data("data/her2st");
        for (const std::string name : {"C2", "C3", "C4", "C5"}) {
            OpenOptions options;
            options.mpp = 0.687;
            auto slide = Slide::open(folder / "images" / (name + ".jpg"), options, {});
            auto mask = find_tissue(*slide, {});
            out[name] = {slide, std::move(mask), read_spot_data({folder / "spots" / (name + "_selection.tsv"), folder / "counts" / (name + ".tsv.gz")}, {})};
        }
        return out;
    }();
    return sections;
}

}  // namespace

class TestAlignment : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void right_positions_stay_silent() {
        for (const bool glass : {false, true}) {
            const Section s = lopsided(glass);
            const Alignment a = check_alignment(s.slide, s.mask, s.spots, s.hints);
            QVERIFY(a.verdict == AlignmentVerdict::Aligned);
            QVERIFY(!issue_of(a, ""));
            QVERIFY(a.now.on_tissue > 0.98);
            QCOMPARE(a.now.off_glass.has_value(), glass);
        }
    }

    // Every orientation with every factor that goes wrong in practice comes back as the very same proposal.
    void each_orientation_and_scale_is_recognised() {
        for (const bool glass : {false, true})
            for (const double scale : {1.0, 2.0, 4.0, 1 / 0.6, 1 / 0.17, 0.5, 0.25, 0.17})
                for (const Orientation o : kOrientations) {
                    if (o == Orientation::Identity && scale == 1) continue;
                    Section s = lopsided(glass);
                    s.slide.mpp = 0.6;
                    misplace(s, o, scale);
                    s.hints.image_scales = {0.17, 0.05};
                    const Alignment a = check_alignment(s.slide, s.mask, s.spots, s.hints);
                    const std::string what = std::string(to_string(o)) + " x" + std::to_string(scale) + " became " + outcome(a);
                    QVERIFY2(a.proposal && a.proposal->orientation == o && std::abs(a.proposal->scale / scale - 1) < 0.02, what.c_str());
                    QVERIFY2(a.proposal->fit.on_tissue > 0.95, what.c_str());
                    const auto issue = issue_of(a, "Import again.");
                    QVERIFY(issue && issue->text.ends_with("Import again.") && issue->text.find(words_for(*a.proposal)) != std::string::npos);
                }
    }

    // Spots on a part of much tissue: covering more of it is no reason to scale them up.
    void a_part_of_the_tissue_is_no_finding() {
        Section s = lopsided(false);
        SpotTable part;
        for (std::size_t i = 0; i < s.spots.size(); ++i)
            if (s.spots.x[i] < 3600 && s.spots.y[i] < 2600) {
                part.barcodes.push_back(s.spots.barcodes[i]);
                part.x.push_back(s.spots.x[i]);
                part.y.push_back(s.spots.y[i]);
                part.in_tissue.push_back(1);
            }
        s.spots = part;
        QCOMPARE(outcome(check_alignment(s.slide, s.mask, s.spots, s.hints)), std::string("aligned"));
    }

    void another_image_fits_nowhere() {
        Section s = lopsided(false);
        std::fill(s.mask.tissue.begin(), s.mask.tissue.end(), 0);
        for (int y = 30; y < 570; ++y)  // thin strips
            for (int x = 30; x < 770; ++x) s.mask.tissue[static_cast<std::size_t>(y * 800 + x)] = (x / 40 + y / 90) % 3 == 0;
        const Alignment a = check_alignment(s.slide, s.mask, s.spots, s.hints);
        QVERIFY2(a.verdict == AlignmentVerdict::NoFit, outcome(a).c_str());
        QVERIFY(issue_of(a, "")->text.find("another section") != std::string::npos);
    }

    void nothing_is_said_where_nothing_can_be_told() {
        Section s = lopsided(false);
        std::fill(s.mask.tissue.begin(), s.mask.tissue.end(), 1);
        QVERIFY(check_alignment(s.slide, s.mask, s.spots, s.hints).verdict == AlignmentVerdict::CannotTell);
        std::fill(s.mask.tissue.begin(), s.mask.tissue.end(), 0);
        QVERIFY(check_alignment(s.slide, s.mask, s.spots, s.hints).verdict == AlignmentVerdict::CannotTell);
        s = lopsided(false);
        s.spots = SpotTable();
        QVERIFY(check_alignment(s.slide, s.mask, s.spots, s.hints).verdict == AlignmentVerdict::CannotTell);
    }

    // Prints the confusion. With the array's own pitch the scale is known; without it (a table of positions) all factors are tried.
    void her2st_orientations_and_scales() {
        C2L_REAL_DATA(folder, "data/her2st/images/C5.jpg");
        int right = 0, all = 0;
        for (const auto& [name, section] : her2st())
            for (const bool array_known : {true, false})
                for (const double scale : {1.0, 1 / 0.687, 2.0, 4.0, 8.0, 16.0, 0.5, 0.25, 0.125})
                    for (const Orientation o : kOrientations) {
                        SpotTable spots = misplaced(section.data.spots, o, scale, section.slide->info());
                        if (!array_known) spots.diameter_um.reset();
                        const Alignment a = check_alignment(section.slide->info(), section.mask, spots);
                        const bool none = o == Orientation::Identity && scale == 1;
                        const bool good = none ? a.verdict == AlignmentVerdict::Aligned : a.proposal && a.proposal->orientation == o && std::abs(a.proposal->scale / scale - 1) < 0.02;
                        right += good;
                        ++all;
                        if (!good) std::printf("%s %s x%.3f, array %s: %s\n", name.c_str(), to_string(o), scale, array_known ? "known" : "unknown", outcome(a).c_str());
                    }
        std::printf("her2st: %d of %d recognised\n", right, all);
        QCOMPARE(right, all);
    }

    // Neighbouring sections look alike: what is told apart, and how well, is printed.
    void her2st_spots_over_the_image_of_another_section() {
        C2L_REAL_DATA(folder, "data/her2st/images/C5.jpg");
        for (const auto& [spots_of, own] : her2st())
            for (const auto& [image_of, other] : her2st()) {
                const Alignment a = check_alignment(other.slide->info(), other.mask, own.data.spots);
                std::printf("spots %s over image %s: %.0f %% on tissue, %s\n", spots_of.c_str(), image_of.c_str(), 100 * a.now.on_tissue, outcome(a).c_str());
                if (spots_of == image_of) QVERIFY(a.verdict == AlignmentVerdict::Aligned);
                else QVERIFY(a.verdict != AlignmentVerdict::Aligned);
            }
    }

    void spots_over_a_slide_of_another_organ() {
        C2L_REAL_DATA(file, "data/slides/aperio/CMU-1-Small-Region.svs");
        C2L_REAL_DATA(folder, "data/her2st/images/C5.jpg");
        const auto slide = Slide::open(file, {}, {});
        const auto mask = find_tissue(*slide, {});
        for (const auto& [name, section] : her2st()) {
            const Alignment a = check_alignment(slide->info(), mask, section.data.spots);
            std::printf("spots %s over CMU-1: %s\n", name.c_str(), outcome(a).c_str());
            QVERIFY(a.verdict == AlignmentVerdict::NoFit);
        }
    }

    // Only the low-resolution picture came with the data: the factor is named.
    void space_ranger_positions_over_the_small_picture() {
        C2L_REAL_DATA(folder, "data/visium/seurat_debian_visium");
        const auto slide = Slide::open(folder / "spatial" / "tissue_lowres_image.png", {}, {});
        Section as_read{slide->info(), find_tissue(*slide, {}), read_spot_data({folder, {}}, {}).spots, read_array_hints(folder)};
        QVERIFY(as_read.hints.empty_x.size() > 2000);
        QCOMPARE(as_read.hints.image_scales.size(), std::size_t(2));
        const double scale = as_read.hints.image_scales.back();
        Section right = as_read;
        register_spots(right.spots, oriented(Orientation::Identity, scale, 1, 1));
        register_positions(right.hints.empty_x, right.hints.empty_y, oriented(Orientation::Identity, scale, 1, 1));
        const Alignment a = check_alignment(right.slide, right.mask, right.spots, right.hints);
        QVERIFY2(a.verdict == AlignmentVerdict::Aligned && a.now.off_glass && *a.now.off_glass > 0.9, outcome(a).c_str());
        for (const Orientation o : kOrientations) {
            Section s = right;
            misplace(s, o, scale);
            const Alignment wrong = check_alignment(s.slide, s.mask, s.spots, s.hints);
            QVERIFY2(wrong.proposal && wrong.proposal->orientation == o && std::abs(wrong.proposal->scale / scale - 1) < 0.01, (std::string(to_string(o)) + " became " + outcome(wrong)).c_str());
        }
    }
};

QTEST_APPLESS_MAIN(TestAlignment)
#include "test_alignment.moc"
