// What depends on nearest neighbours in feature space: precision, recall, density, coverage; the copy gate.
#include <ATen/TensorOperators.h>
#include <ATen/ops/kthvalue.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "quality/distances.h"
#include "quality/quality.h"

namespace c2l {
namespace {

constexpr int kViews = 8;
constexpr std::int64_t kAtOnce = 64;  // rows of a table of distances

// Distance of each row to its k-th other row, squared.
at::Tensor ball_radii(const at::Tensor& x, int k) {
    auto d = squared_distances(x, x);
    d.diagonal().fill_(0);
    return std::get<0>(d.kthvalue(std::min<std::int64_t>(k + 1, x.size(0)), 1));  // + 1: itself is the nearest
}

// Below it a distance to the nearest learnt tile is suspect.
double copy_threshold(const at::Tensor& reference, const at::Tensor& learnt_views, double share) {
    auto usual = nearest_rows(reference, learnt_views).distance;
    std::sort(usual.begin(), usual.end());
    return usual[static_cast<std::size_t>(share * static_cast<double>(usual.size() - 1))];
}

// What an identical tile may be away: it is suspect even where the threshold is 0.
double rounding_of(const at::Tensor& views) { return 1e-5 * std::sqrt(views.pow(2).sum(1).mean().item<double>()); }

double share(const at::Tensor& flags) { return flags.to(at::kDouble).mean().item<double>(); }

}  // namespace

Coverage neighbourhood_scores(const Matrix& real_features, const Matrix& synthetic_features, int k) {
    if (k < 1) throw Error(ErrorCode::BadInput, "neighbourhood scores need one neighbour at least");
    if (real_features.rows < 2 || synthetic_features.rows < 2)
        throw Error(ErrorCode::BadInput, "neighbourhood scores need two tiles of each kind at least");
    if (real_features.cols != synthetic_features.cols)
        throw Error(ErrorCode::Mismatch,
                    "real and synthetic tiles differ in their number of features; describe both with the same encoder");
    const auto real = feature_tensor(real_features), synthetic = feature_tensor(synthetic_features);
    const auto between = squared_distances(real, synthetic);
    const auto in_real_ball = between <= ball_radii(real, k).unsqueeze(1);
    const auto in_synthetic_ball = between <= ball_radii(synthetic, k).unsqueeze(0);
    Coverage c;
    c.precision = share(in_real_ball.any(0));
    c.recall = share(in_synthetic_ball.any(1));
    c.density = in_real_ball.to(at::kDouble).sum(0).mean().item<double>() / k;
    c.coverage = share(in_real_ball.any(1));
    return c;
}

CopyCheck check_copies(const Matrix& synthetic, const Matrix& learnt_views, const Matrix& reference, double share) {
    if (learnt_views.rows == 0 || reference.rows == 0)
        throw Error(ErrorCode::BadInput, "the copy gate needs the tiles learnt from and other real tiles to compare with");
    if (learnt_views.rows % kViews != 0) throw Error(ErrorCode::Internal, "the copy gate needs 8 orientations of every tile learnt from");
    if (synthetic.cols != learnt_views.cols || reference.cols != learnt_views.cols)
        throw Error(ErrorCode::Mismatch,
                    "the tiles of the copy gate differ in their number of features; describe all with the same encoder");
    const auto to = feature_tensor(learnt_views);

    CopyCheck out;
    out.threshold = copy_threshold(feature_tensor(reference), to, share);
    auto found = nearest_rows(feature_tensor(synthetic), to);
    out.distance = std::move(found.distance);
    const double rounding = rounding_of(to);
    std::size_t flagged = 0;
    for (std::size_t i = 0; i < out.distance.size(); ++i) {
        out.nearest.push_back(found.index[i] / kViews);
        out.flagged.push_back(out.distance[i] < out.threshold || out.distance[i] <= rounding);
        flagged += out.flagged.back();
    }
    out.fraction = out.distance.empty() ? 0 : static_cast<double>(flagged) / static_cast<double>(out.distance.size());
    return out;
}

double flagged_training_tiles(const Matrix& training, const Matrix& learnt_views, const Matrix& reference, const std::function<bool(std::int64_t, std::int64_t)>& overlap,
                              const JobContext& ctx, double share) {
    const std::int64_t n = training.rows;
    if (n == 0 || reference.rows == 0 || learnt_views.rows < n * kViews) throw Error(ErrorCode::Internal, "the copy gate needs 8 orientations of every training tile, and other real tiles");
    const auto tiles = feature_tensor(training), views = feature_tensor(learnt_views);
    const double threshold = copy_threshold(feature_tensor(reference), views, share), rounding = rounding_of(views);
    std::int64_t flagged = 0;
    for (std::int64_t begin = 0; begin < n; begin += kAtOnce) {
        ctx.check_stop();
        const auto count = std::min(kAtOnce, n - begin);
        const auto nearest = std::get<0>(squared_distances(tiles.narrow(0, begin, count), views.narrow(0, 0, n * kViews)).view({count, n, kViews}).min(2)).contiguous();
        for (std::int64_t i = begin; i < begin + count; ++i) {
            const double* to = nearest.data_ptr<double>() + (i - begin) * n;
            bool near = false;
            for (std::int64_t j = 0; j < n && !near; ++j) near = j != i && (to[j] < threshold * threshold || to[j] <= rounding * rounding) && !overlap(i, j);
            flagged += near;
        }
    }
    return static_cast<double>(flagged) / static_cast<double>(n);
}

TileSet dihedral_views(const TileSet& tiles) {
    TileSet out;
    out.size = tiles.size;
    out.rgb.resize(tiles.rgb.size() * kViews);
    const int last = tiles.size - 1;
    for (std::size_t i = 0; i < tiles.count(); ++i)
        for (int view = 0; view < kViews; ++view) {
            const std::uint8_t* from = tiles.tile(i);
            std::uint8_t* to = out.tile(i * kViews + static_cast<std::size_t>(view));
            for (int y = 0; y < tiles.size; ++y)
                for (int x = 0; x < tiles.size; ++x) {
                    int u = x, v = y;
                    for (int turn = 0; turn < view % 4; ++turn) {
                        const int w = u;
                        u = v;
                        v = last - w;
                    }
                    if (view >= 4) u = last - u;
                    std::copy_n(from + (static_cast<std::size_t>(v) * tiles.size + u) * 3, 3,
                                to + (static_cast<std::size_t>(y) * tiles.size + x) * 3);
                }
        }
    return out;
}

}  // namespace c2l
