#include "dataset/alignment.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace c2l {
namespace {

constexpr std::size_t kMostScored = 3000;
constexpr int kCoarsePx = 160;         // longer side of the map on which covered tissue is counted
constexpr double kOnTissue = 0.5;      // share of tissue under a spot that lies on tissue
constexpr double kReach = 0.75;        // pitches around a spot within which tissue counts as covered
constexpr double kSamePitch = 0.15;    // relative error of the pitch within which the scale is believed
constexpr std::size_t kLeastSpots = 12;
constexpr double kTissueEverywhere = 0.95, kNoTissue = 0.002;  // shares of the slide that tell nothing

// Sums over any rectangle of the mask in constant time; interpolated, so that parts of mask pixels count.
class TissueSums {
public:
    explicit TissueSums(const TissueMask& mask) : w_(mask.width), h_(mask.height), downsample_(mask.downsample) {
        const std::size_t stride = static_cast<std::size_t>(w_) + 1;
        sums_.assign(stride * (static_cast<std::size_t>(h_) + 1), 0);
        for (std::size_t y = 0; y < static_cast<std::size_t>(h_); ++y) {
            double row = 0;
            for (std::size_t x = 0; x < static_cast<std::size_t>(w_); ++x) {
                row += mask.tissue[y * static_cast<std::size_t>(w_) + x];
                sums_[(y + 1) * stride + x + 1] = sums_[y * stride + x + 1] + row;
            }
        }
    }
    // Level-0 square around a centre: share of tissue, what is outside the slide counts as none.
    double coverage(double cx, double cy, double side) const {
        const double half = side / 2;
        const double tissue = at(cx + half, cy + half) - at(cx - half, cy + half) - at(cx + half, cy - half) + at(cx - half, cy - half);
        return tissue / (side / downsample_ * side / downsample_);
    }

private:
    double at(double level0_x, double level0_y) const {
        const double x = std::clamp(level0_x / downsample_, 0.0, static_cast<double>(w_)), y = std::clamp(level0_y / downsample_, 0.0, static_cast<double>(h_));
        const auto x0 = std::min(static_cast<std::size_t>(x), static_cast<std::size_t>(w_ - 1)), y0 = std::min(static_cast<std::size_t>(y), static_cast<std::size_t>(h_ - 1));
        const double fx = x - static_cast<double>(x0), fy = y - static_cast<double>(y0);
        const std::size_t stride = static_cast<std::size_t>(w_) + 1;
        const double* p = sums_.data() + y0 * stride + x0;
        return (1 - fy) * ((1 - fx) * p[0] + fx * p[1]) + fy * ((1 - fx) * p[stride] + fx * p[stride + 1]);
    }

    int w_, h_;
    double downsample_;
    std::vector<double> sums_;
};

std::vector<Position> evenly(const std::vector<double>& x, const std::vector<double>& y, const std::vector<std::uint8_t>* kept = nullptr) {
    std::vector<Position> all, out;
    for (std::size_t i = 0; i < x.size() && i < y.size(); ++i)
        if ((!kept || i >= kept->size() || (*kept)[i]) && std::isfinite(x[i]) && std::isfinite(y[i])) all.push_back({x[i], y[i]});
    if (all.size() <= kMostScored) return all;
    for (std::size_t k = 0; k < kMostScored; ++k) out.push_back(all[k * all.size() / kMostScored]);
    return out;
}

class Scorer {
public:
    Scorer(const SlideInfo& slide, const TissueMask& mask, const SpotTable& spots, const ArrayHints& hints)
        : sums_(mask), width_(static_cast<double>(slide.width)), height_(static_cast<double>(slide.height)), tissue_share_(mask.area_fraction()) {
        spots_ = evenly(spots.x, spots.y, &spots.in_tissue);
        empty_ = evenly(hints.empty_x, hints.empty_y);
        for (std::size_t i = 0; i < spots.in_tissue.size() && i < spots.x.size() && empty_.size() < kMostScored; ++i)
            if (!spots.in_tissue[i]) empty_.push_back({spots.x[i], spots.y[i]});
        if (empty_.size() < kLeastSpots || 20 * empty_.size() < spots_.size()) empty_.clear();
        pitch_ = spots.pitch_px();
        if (!(pitch_ > 0)) pitch_ = std::max(width_, height_) / 50;
        // Drawn spots stand for those between them.
        reach_ = kReach * pitch_ * std::sqrt(std::max(1.0, static_cast<double>(spots.size()) / static_cast<double>(std::max<std::size_t>(1, spots_.size()))));
        cell_ = std::max(width_, height_) / kCoarsePx;
        cols_ = std::max(1, static_cast<int>(std::ceil(width_ / cell_)));
        rows_ = std::max(1, static_cast<int>(std::ceil(height_ / cell_)));
        cell_tissue_.resize(static_cast<std::size_t>(cols_) * static_cast<std::size_t>(rows_));
        for (int row = 0; row < rows_; ++row)
            for (int col = 0; col < cols_; ++col) cell_tissue_[index(col, row)] = sums_.coverage((col + 0.5) * cell_, (row + 0.5) * cell_, cell_);
    }

    std::size_t count() const { return spots_.size(); }
    double tissue_share() const { return tissue_share_; }
    double pitch() const { return pitch_; }

    TissueFit fit(const Registration& r) const {
        TissueFit out;
        const double side = std::max(1.0, pitch_ * r.scale() / 2);
        std::size_t on = 0;
        for (const Position& p : spots_) {
            const Position at = r.apply(p);
            on += sums_.coverage(at.x, at.y, side) >= kOnTissue;
        }
        out.on_tissue = spots_.empty() ? 0 : static_cast<double>(on) / static_cast<double>(spots_.size());
        if (!empty_.empty()) out.off_glass = glass_share(r, side);
        out.covered = covered(r);
        return out;
    }

    // The spots' extent as the tissue's, both along the diagonal of their boxes.
    double extent_ratio(const TissueMask& mask) const {
        int left = mask.width, right = -1, top = mask.height, bottom = -1;
        for (int y = 0; y < mask.height; ++y)
            for (int x = 0; x < mask.width; ++x)
                if (mask.tissue[static_cast<std::size_t>(y) * static_cast<std::size_t>(mask.width) + static_cast<std::size_t>(x)]) {
                    left = std::min(left, x), right = std::max(right, x), top = std::min(top, y), bottom = std::max(bottom, y);
                }
        if (right < left || spots_.empty()) return 0;
        const auto [x0, x1] = std::minmax_element(spots_.begin(), spots_.end(), [](auto& a, auto& b) { return a.x < b.x; });
        const auto [y0, y1] = std::minmax_element(spots_.begin(), spots_.end(), [](auto& a, auto& b) { return a.y < b.y; });
        const double spots = std::hypot(x1->x - x0->x, y1->y - y0->y);
        return spots > 0 ? std::hypot(right - left + 1, bottom - top + 1) * mask.downsample / spots : 0;
    }

private:
    std::size_t index(int col, int row) const { return static_cast<std::size_t>(row) * static_cast<std::size_t>(cols_) + static_cast<std::size_t>(col); }

    // A place beside the slide tells nothing.
    double glass_share(const Registration& r, double side) const {
        double glass = 0;
        for (const Position& p : empty_) {
            const Position at = r.apply(p);
            const bool outside = at.x < 0 || at.y < 0 || at.x >= width_ || at.y >= height_;
            glass += outside ? 0.5 : sums_.coverage(at.x, at.y, side) < kOnTissue ? 1 : 0;
        }
        return glass / static_cast<double>(empty_.size());
    }

    double covered(const Registration& r) const {
        std::vector<std::uint8_t> near(cell_tissue_.size(), 0);
        const double reach = std::max(reach_ * r.scale(), cell_ * 0.6) / cell_;
        for (const Position& p : spots_) {
            const Position at = r.apply(p);
            const double x = at.x / cell_ - 0.5, y = at.y / cell_ - 0.5;
            const int c0 = static_cast<int>(std::clamp(std::ceil(x - reach), 0.0, static_cast<double>(cols_))), c1 = static_cast<int>(std::clamp(std::floor(x + reach), -1.0, cols_ - 1.0));
            const int r0 = static_cast<int>(std::clamp(std::ceil(y - reach), 0.0, static_cast<double>(rows_))), r1 = static_cast<int>(std::clamp(std::floor(y + reach), -1.0, rows_ - 1.0));
            for (int row = r0; row <= r1; ++row)
                for (int col = c0; col <= c1; ++col)
                    if ((col - x) * (col - x) + (row - y) * (row - y) <= reach * reach) near[index(col, row)] = 1;
        }
        double seen = 0, all = 0;
        for (std::size_t i = 0; i < near.size(); ++i) {
            all += cell_tissue_[i];
            if (near[i]) seen += cell_tissue_[i];
        }
        return all > 0 ? seen / all : 0;
    }

    TissueSums sums_;
    double width_, height_, tissue_share_, pitch_ = 0, reach_ = 0, cell_ = 1;
    int cols_ = 1, rows_ = 1;
    std::vector<double> cell_tissue_;
    std::vector<Position> spots_, empty_;
};

struct Factor {
    double scale;
    std::string reason;
    bool fitted = false;
};

// What may have gone wrong with the scale; none where the distance between spots says that it is right.
std::vector<Factor> factors(const SlideInfo& slide, const SpotTable& spots, const ArrayHints& hints, const Scorer& scorer, const TissueMask& mask) {
    std::vector<Factor> out{{1, ""}};
    const auto add = [&](double scale, const std::string& reason, bool fitted = false) {
        if (!(scale > 1e-4) || scale > 1e4) return;
        for (const Factor& f : out)
            if (std::abs(std::log(scale / f.scale)) < 0.01) return;
        out.push_back({scale, reason, fitted});
    };
    const auto nominal = nominal_pitch_um(spots);
    if (nominal && slide.mpp) {
        const double by_pitch = *nominal / (scorer.pitch() * *slide.mpp);
        if (std::abs(by_pitch - 1) < kSamePitch) return out;
    }
    for (const double picture : hints.image_scales) {
        add(picture, "the slide is a smaller picture than the positions belong to");
        add(1 / picture, "the positions belong to a smaller picture");
    }
    if (slide.mpp) add(1 / *slide.mpp, "the positions are in µm");
    for (const double power : {2.0, 4.0, 8.0, 16.0, 32.0}) {
        add(power, "the positions belong to a smaller picture");
        add(1 / power, "the positions belong to a larger picture");
    }
    if (nominal && slide.mpp) add(*nominal / (scorer.pitch() * *slide.mpp), "by the distance between spots", true);
    if (const double ratio = scorer.extent_ratio(mask); ratio > 0)
        for (int step = -8; step <= 8; ++step) add(ratio * (1 + 0.02 * step), "by the extent of the tissue", true);
    return out;
}

constexpr double kBetterTurned = 0.06, kBetterScaled = 0.15;  // least gain of score of a proposal
constexpr double kMoreOnTissue = 0.03, kMoreScaledOn = 0.1;   // and of spots on tissue: a wider reach alone covers more tissue
constexpr double kGoodFit = 0.85;                             // spots on tissue of a proposal
constexpr double kDoubtful = 0.9;                             // below, slide and spots may not belong together (right ones of her2st and Visium: 0.99 and more)
constexpr double kSameShapeOn = 0.95, kSameShapeCovered = 0.85;  // the spots fill the tissue: no accident
constexpr double kAsGood = 0.03;                              // of rank: cannot be told from the proposal

// Whether the distance between spots speaks for a scale; nothing where the array or the slide's µm per pixel is not known.
std::optional<bool> pitch_agrees(const SlideInfo& slide, const SpotTable& spots, double pitch, double scale) {
    const auto nominal = nominal_pitch_um(spots);
    if (!nominal || !slide.mpp) return std::nullopt;
    return std::abs(pitch * scale * *slide.mpp / *nominal - 1) < kSamePitch;
}

bool is_better(const AlignmentCandidate& c, const TissueFit& now, std::optional<bool> pitch_agrees) {
    const bool turned = c.scale == 1, same_shape = c.fit.on_tissue >= kSameShapeOn && c.fit.covered >= kSameShapeCovered;
    const bool by_pitch = !turned && pitch_agrees == true;  // factors are only tried where the present scale is in doubt
    if (c.fit.on_tissue < kGoodFit || c.fit.score() - now.score() < (turned || by_pitch || same_shape ? kBetterTurned : kBetterScaled)) return false;
    if (pitch_agrees == false && !same_shape) return false;
    const bool more_glass = turned && c.fit.off_glass && *c.fit.off_glass - *now.off_glass >= kMoreOnTissue && c.fit.on_tissue >= now.on_tissue - kMoreOnTissue;
    return more_glass || by_pitch || same_shape || c.fit.on_tissue - now.on_tissue >= (turned ? kMoreOnTissue : kMoreScaledOn);
}

}  // namespace

// Of what fits alike, the usual comes first: positions as they are before turned ones, a known factor before a fitted one.
double AlignmentCandidate::rank() const {
    return fit.score() - (orientation == Orientation::Identity ? 0 : 0.01) - (scale == 1 ? 0 : 0.01) - (fitted ? 0.05 : 0);
}

double TissueFit::score() const {
    if (off_glass) return (on_tissue + *off_glass) / 2;
    constexpr double kPrecisionWeight = 0.25;  // β² of the F-measure: a slide may show more tissue than was measured, spots beside the tissue are wrong
    const double sum = kPrecisionWeight * on_tissue + covered;
    return sum > 0 ? (1 + kPrecisionWeight) * on_tissue * covered / sum : 0;
}

const char* to_string(AlignmentVerdict v) {
    switch (v) {
        case AlignmentVerdict::Aligned: return "aligned";
        case AlignmentVerdict::Misplaced: return "misplaced";
        case AlignmentVerdict::NoFit: return "no_fit";
        case AlignmentVerdict::CannotTell: break;
    }
    return "cannot_tell";
}

std::optional<double> nominal_pitch_um(const SpotTable& spots) {
    if (!spots.diameter_um) return std::nullopt;
    if (spots.square) return spots.diameter_um;  // bins touch
    if (std::abs(*spots.diameter_um - 100) < 1) return 200;
    if (std::abs(*spots.diameter_um - 55) < 1) return 100;
    return std::nullopt;
}

std::vector<AlignmentCandidate> alignment_candidates(const SlideInfo& slide, const TissueMask& mask, const SpotTable& spots, const ArrayHints& hints) {
    const Scorer scorer(slide, mask, spots, hints);
    std::vector<AlignmentCandidate> out;
    for (const Factor& factor : factors(slide, spots, hints, scorer, mask))
        for (const Orientation o : kOrientations) {
            const Registration r = oriented(o, factor.scale, static_cast<double>(slide.width), static_cast<double>(slide.height));
            out.push_back({o, factor.scale, factor.reason, factor.fitted, scorer.fit(r)});
        }
    std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.rank() > b.rank(); });
    return out;
}

Alignment check_alignment(const SlideInfo& slide, const TissueMask& mask, const SpotTable& spots, const ArrayHints& hints) {
    Alignment out;
    if (spots.size() < kLeastSpots || mask.width < 1 || mask.height < 1) return out;
    const double tissue = mask.area_fraction();
    if (tissue < kNoTissue) return out;
    const auto all = alignment_candidates(slide, mask, spots, hints);
    out.now = std::find_if(all.begin(), all.end(), [](const auto& c) { return c.orientation == Orientation::Identity && c.scale == 1; })->fit;
    const double pitch = spots.pitch_px();
    const auto better = [&](const AlignmentCandidate& c) { return is_better(c, out.now, pitch_agrees(slide, spots, pitch, c.scale)); };
    const auto best = std::find_if(all.begin(), all.end(), better);
    if (best != all.end()) {
        out.verdict = AlignmentVerdict::Misplaced;
        out.proposal = *best;
        const auto second = std::find_if(all.begin(), all.end(), [&](const AlignmentCandidate& c) {
            const bool another = c.orientation != best->orientation || std::abs(std::log(c.scale / best->scale)) > 0.2;
            return another && c.rank() > best->rank() - kAsGood && better(c);
        });
        if (second != all.end()) out.second = *second;
    } else if (out.now.on_tissue < kDoubtful) {
        out.verdict = AlignmentVerdict::NoFit;
    } else if (tissue < kTissueEverywhere) {
        out.verdict = AlignmentVerdict::Aligned;
    }
    return out;
}

namespace {

std::string percent(double share) { return std::to_string(std::lround(100 * share)) + " %"; }

std::string turned(Orientation o) {
    switch (o) {
        case Orientation::Identity: return "";
        case Orientation::Swap: return "x and y swapped";
        case Orientation::MirrorX: return "left and right mirrored";
        case Orientation::MirrorY: return "top and bottom mirrored";
        case Orientation::Rotate90: return "turned by 90°";
        case Orientation::Rotate180: return "turned by 180°";
        case Orientation::Rotate270: return "turned by 270°";
        case Orientation::TransposeOther: return "swapped and turned by 180°";
    }
    return "";
}

}  // namespace

std::string words_for(const AlignmentCandidate& c) {
    std::string out = turned(c.orientation);
    if (c.scale == 1) return out;
    char factor[32];
    std::snprintf(factor, sizeof factor, "%.4g", c.scale);
    return out + (out.empty() ? "" : " and ") + "scaled by " + factor + (c.scale_reason.empty() ? "" : " (" + c.scale_reason + ")");
}

std::optional<Issue> issue_of(const Alignment& a, const std::string& advice) {
    if (a.verdict == AlignmentVerdict::NoFit)
        return Issue{Severity::Warning, "Only " + percent(a.now.on_tissue) + " of the spots lie on tissue, and no orientation or scale puts them there: this may be the slide of another section, the spots "
                                        "may be shifted, or the tissue is too pale to be seen. Check that the files belong together, or register the spots by hand.", ""};
    if (a.verdict != AlignmentVerdict::Misplaced) return std::nullopt;
    std::string text = "The spots seem misplaced: " + words_for(*a.proposal) + ", " + percent(a.proposal->fit.on_tissue) + " of them lie on tissue and they cover " +
                       percent(a.proposal->fit.covered) + " of it; as they are, " + percent(a.now.on_tissue) + " and " + percent(a.now.covered) + ".";
    if (a.second) text += " Fits about as well: " + words_for(*a.second) + "; look at both.";
    if (!advice.empty()) text += " " + advice;
    return Issue{Severity::Warning, text, ""};
}

}  // namespace c2l
