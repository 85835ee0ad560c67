#include "dataset/pairing.h"

#include <cmath>

#include "base/error.h"

namespace c2l {
namespace {

double mpp_of(const Slide& slide) {
    const auto mpp = slide.info().mpp;
    if (!mpp || !(*mpp > 0) || !std::isfinite(*mpp))
        throw Error(ErrorCode::BadInput, "the slide does not say its µm per pixel; give it with --mpp", slide.info().path);
    return *mpp;
}

class SlideTileReader : public TileReader {
public:
    explicit SlideTileReader(std::shared_ptr<const Slide> slide) : slide_(std::move(slide)), mpp_(mpp_of(*slide_)) {}

    Image read(double cx, double cy, double field_um, int size_px) const override {
        const double side = field_um / mpp_;
        return slide_->read(Region{cx - side / 2, cy - side / 2, side, side}, size_px, size_px);
    }

private:
    std::shared_ptr<const Slide> slide_;
    double mpp_;
};

ExpressionMatrix counts_of(const SpotData& data, const JobContext& ctx) {
    if (data.expression.unit == ExpressionUnit::Counts || data.expression.unit == ExpressionUnit::AsGiven) return data.expression;
    if (data.expression.unit == ExpressionUnit::Log1p)
        if (auto counts = recover_counts(data.expression)) {
            ctx.issue({Severity::Info, "Counts were recovered from log-transformed expression; each spot has whole numbers again.", ""});
            return *std::move(counts);
        }
    throw Error(ErrorCode::Unsupported, "the expression is " + std::string(data.expression.unit == ExpressionUnit::Log1p ? "log-transformed" : "normalised") +
                                            " and its counts cannot be recovered; give a file with raw counts, in X or in layers['counts']");
}

// Spots of fixed spacing reveal a wrong µm per pixel, which would silently spoil every field of view.
void check_scale(const SpotTable& spots, double pitch_um, const JobContext& ctx) {
    if (!spots.diameter_um || spots.size() < 20) return;
    const double expected = spots.square ? *spots.diameter_um : *spots.diameter_um == 100 ? 200 : *spots.diameter_um == 55 ? 100 : 0;  // bins, ST, Visium
    if (expected == 0 || std::abs(pitch_um / expected - 1) < 0.15) return;
    ctx.issue({Severity::Warning, "Neighbouring spots lie " + std::to_string(std::lround(pitch_um)) + " µm apart where this kind of array has " +
                                      std::to_string(std::lround(expected)) + "; check the slide's µm per pixel and that the spots belong to it.", ""});
}

double spot_side_px(const SpotTable& spots, double mpp, double pitch_px) {
    if (spots.diameter_um) return *spots.diameter_um / mpp;
    if (spots.diameter_px && *spots.diameter_px > 0) return *spots.diameter_px;
    return pitch_px > 0 ? pitch_px / 2 : 55 / mpp;
}

struct Losses {
    std::size_t outside = 0, flagged = 0, off_tissue = 0, shallow = 0;
    std::string first_outside, first_flagged, first_off_tissue, first_shallow;

    static void count(std::size_t& n, std::string& first, const std::string& barcode) {
        if (n++ == 0) first = barcode;
    }
    void report(std::size_t total, double min_counts, const JobContext& ctx) const {
        const auto say = [&](std::size_t n, const std::string& first, const std::string& why) {
            if (n > 0) ctx.issue({Severity::Warning, std::to_string(n) + " of " + std::to_string(total) + " spots " + why, first});
        };
        say(outside, first_outside, "lie outside the slide and were left out; check that slide and spots belong together.");
        say(flagged, first_flagged, "are marked as not in tissue and were left out.");
        say(off_tissue, first_off_tissue, "have too little tissue under them and were left out.");
        say(shallow, first_shallow, "have fewer than " + std::to_string(std::lround(min_counts)) + " counts and were left out.");
    }
};

void check_rows(const SpotData& data) {
    const auto n = data.spots.size();
    if (data.spots.x.size() != n || data.spots.y.size() != n || data.expression.rows() != static_cast<std::int64_t>(n))
        throw Error(ErrorCode::Mismatch, std::to_string(n) + " spots have " + std::to_string(data.spots.x.size()) + " positions and " +
                                             std::to_string(data.expression.rows()) + " rows of expression; the files do not belong together");
    if (n == 0) throw Error(ErrorCode::BadInput, "the spot data has no spots");
}

}  // namespace

double least_counts(const SpotTable& spots, double mpp) { return spot_side_px(spots, mpp, spots.pitch_px()) * mpp < 25 ? 20 : 200; }

std::shared_ptr<const TileReader> make_tile_reader(std::shared_ptr<const Slide> slide) {
    return std::make_shared<SlideTileReader>(std::move(slide));
}

std::shared_ptr<const PairedTiles> pair(std::shared_ptr<const Slide> slide, const SpotData& data, const PairParams& params, const JobContext& ctx, const TissueMask* given) {
    check_rows(data);
    const double mpp = mpp_of(*slide);
    const SlideInfo& info = slide->info();
    const SpotTable& spots = data.spots;
    const ExpressionMatrix counts = counts_of(data, ctx);
    const bool counted = counts.unit == ExpressionUnit::Counts;  // what is as given has no sequencing depth: that of all spots is alike
    const auto depth = counted ? counts.row_sums() : std::vector<float>(spots.size(), 1.f);
    const double pitch_px = spots.pitch_px();
    check_scale(spots, pitch_px * mpp, ctx);
    const double side = spot_side_px(spots, mpp, pitch_px), min_counts = params.min_counts.value_or(least_counts(spots, mpp));
    const TissueMask mask = given ? *given : find_tissue(*slide, ctx);

    Losses losses;
    std::vector<std::int64_t> kept;
    for (std::size_t i = 0; i < spots.size(); ++i) {
        const double x = spots.x[i], y = spots.y[i];
        const bool inside = x >= 0 && y >= 0 && x < static_cast<double>(info.width) && y < static_cast<double>(info.height);
        if (!inside) Losses::count(losses.outside, losses.first_outside, spots.barcodes[i]);
        else if (i < spots.in_tissue.size() && !spots.in_tissue[i]) Losses::count(losses.flagged, losses.first_flagged, spots.barcodes[i]);
        else if (mask.coverage(x, y, side) < params.min_tissue) Losses::count(losses.off_tissue, losses.first_off_tissue, spots.barcodes[i]);
        else if (counted && depth[i] < min_counts) Losses::count(losses.shallow, losses.first_shallow, spots.barcodes[i]);
        else kept.push_back(static_cast<std::int64_t>(i));
    }
    if (losses.outside * 2 > spots.size())
        throw Error(ErrorCode::Mismatch, std::to_string(losses.outside) + " of " + std::to_string(spots.size()) +
                                             " spots lie outside the slide; check that slide and spots belong together and that positions are full-resolution pixels", info.path);
    losses.report(spots.size(), min_counts, ctx);
    if (kept.empty())
        throw Error(ErrorCode::BadInput, "no spot is left: " + std::to_string(losses.off_tissue) + " are off the tissue and " + std::to_string(losses.shallow) +
                                             " have fewer than " + std::to_string(std::lround(min_counts)) + " counts; check that slide and spots belong together", info.path);

    auto pairs = std::make_shared<PairedTiles>();
    pairs->slide_id = info.id;
    pairs->patient = params.patient;
    pairs->mpp = mpp;
    pairs->pitch_um = pitch_px * mpp;
    pairs->reader = make_tile_reader(slide);
    pairs->expression = counts.select_rows(kept);
    for (const auto row : kept) {
        const auto i = static_cast<std::size_t>(row);
        pairs->barcodes.push_back(spots.barcodes[i]);
        pairs->x.push_back(spots.x[i]);
        pairs->y.push_back(spots.y[i]);
        pairs->depth.push_back(depth[i]);
    }
    return pairs;
}

TissueGrid tissue_grid(const Slide& slide, const TissueMask& mask, double pitch_um, double min_tissue) {
    constexpr double kMostPoints = 4e6;
    const double pitch = pitch_um / mpp_of(slide);
    const auto width = static_cast<double>(slide.info().width), height = static_cast<double>(slide.info().height);
    if (!(pitch > 0) || !std::isfinite(pitch) || (width / pitch) * (height / pitch) > kMostPoints)
        throw Error(ErrorCode::BadInput, "a grid of " + std::to_string(pitch_um) + " µm is too fine for this slide; ask for a larger pitch", slide.info().path);
    TissueGrid grid;
    grid.pitch_um = pitch_um;
    for (int row = 0; (row + 0.5) * pitch < height; ++row)
        for (int col = 0; (col + 0.5) * pitch < width; ++col) {
            const double x = (col + 0.5) * pitch, y = (row + 0.5) * pitch;
            if (mask.coverage(x, y, pitch) < min_tissue) continue;
            grid.x.push_back(x);
            grid.y.push_back(y);
            grid.row.push_back(row);
            grid.col.push_back(col);
        }
    return grid;
}

}  // namespace c2l
