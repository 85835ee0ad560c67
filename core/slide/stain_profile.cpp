#include "slide/stain_profile.h"

#include <algorithm>
#include <cmath>
#include <opencv2/core.hpp>

#include "base/error.h"
#include "slide/tissue.h"

namespace c2l {

const double kLmsOfRgb[3][3] = {{0.3811, 0.5783, 0.0402}, {0.1967, 0.7244, 0.0782}, {0.0241, 0.1288, 0.8444}};
const double kLabOfLogLms[3][3] = {{1 / std::sqrt(3.0), 1 / std::sqrt(3.0), 1 / std::sqrt(3.0)},
                                   {1 / std::sqrt(6.0), 1 / std::sqrt(6.0), -2 / std::sqrt(6.0)},
                                   {1 / std::sqrt(2.0), -1 / std::sqrt(2.0), 0}};

namespace {

constexpr double kLeastDensity = 0.065;
constexpr double kPercent = 1;
constexpr std::size_t kLeastPixels = 1000;
constexpr int kPatchPx = 96, kPatches = 64, kTries = 8192;
constexpr double kPatchMpp = 1.0;
constexpr double kLeastTissue = 0.7;  // share of a patch

using Density = std::array<double, 3>;

std::vector<Density> densities_of(const Image& tissue) {
    std::array<double, 256> table{};
    for (int v = 0; v < 256; ++v) table[static_cast<std::size_t>(v)] = -std::log10((v + 1) / 256.0);
    std::vector<Density> all;
    for (std::size_t i = 0; i + 2 < tissue.rgb.size(); i += 3) {
        const Density od{table[tissue.rgb[i]], table[tissue.rgb[i + 1]], table[tissue.rgb[i + 2]]};
        if (*std::min_element(od.begin(), od.end()) >= kLeastDensity) all.push_back(od);
    }
    return all;
}

double dot(const Density& a, const Density& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

// Interpolated between neighbours in order, as most statistics programs do.
double percentile(std::vector<double>& values, double percent) {
    const double at = percent / 100 * static_cast<double>(values.size() - 1);
    const auto below = values.begin() + static_cast<std::ptrdiff_t>(at);
    std::nth_element(values.begin(), below, values.end());
    const double low = *below, share = at - std::floor(at);
    return share > 0 ? low + share * (*std::min_element(below + 1, values.end()) - low) : low;
}

// The two axes of most variance of the densities, the first one pointing where densities lie.
std::array<Density, 2> plane_of(const std::vector<Density>& all) {
    const cv::Mat samples(static_cast<int>(all.size()), 3, CV_64F, const_cast<Density*>(all.data()));
    cv::Mat covariance, mean, values, axes;
    cv::calcCovarMatrix(samples, covariance, mean, cv::COVAR_NORMAL | cv::COVAR_ROWS | cv::COVAR_SCALE, CV_64F);
    cv::eigen(covariance, values, axes);  // rows, most variance first
    std::array<Density, 2> plane{};
    for (int k = 0; k < 2; ++k) {
        Density& axis = plane[static_cast<std::size_t>(k)];
        for (int c = 0; c < 3; ++c) axis[static_cast<std::size_t>(c)] = axes.at<double>(k, c);
        if (axis[0] + axis[1] + axis[2] < 0) for (double& v : axis) v = -v;
    }
    return plane;
}

StainVectors macenko_vectors(const std::vector<Density>& all) {
    const auto [first, second] = plane_of(all);
    std::vector<double> angles;
    angles.reserve(all.size());
    for (const Density& od : all) angles.push_back(std::atan2(dot(od, second), dot(od, first)));
    const auto direction = [&, &first = first, &second = second](double percent) {
        const double angle = percentile(angles, percent);
        Density v{};
        for (std::size_t c = 0; c < 3; ++c) v[c] = std::cos(angle) * first[c] + std::sin(angle) * second[c];
        return v;
    };
    const Density low = direction(kPercent), high = direction(100 - kPercent);
    return low[0] > high[0] ? StainVectors{low, high} : StainVectors{high, low};  // haematoxylin absorbs more red
}

void reinhard_statistics(const Image& tissue, StainProfile& profile) {
    std::array<double, 3> sum{}, squares{};
    std::size_t n = 0;
    for (std::size_t i = 0; i + 2 < tissue.rgb.size(); i += 3) {
        const std::uint8_t* p = tissue.rgb.data() + i;
        if (*std::max_element(p, p + 3) > 256 * std::pow(10, -kLeastDensity) - 1) continue;
        std::array<double, 3> log_lms{};
        for (std::size_t k = 0; k < 3; ++k) log_lms[k] = std::log((kLmsOfRgb[k][0] * (p[0] + 1) + kLmsOfRgb[k][1] * (p[1] + 1) + kLmsOfRgb[k][2] * (p[2] + 1)) / 256);
        for (std::size_t k = 0; k < 3; ++k) {
            const double v = kLabOfLogLms[k][0] * log_lms[0] + kLabOfLogLms[k][1] * log_lms[1] + kLabOfLogLms[k][2] * log_lms[2];
            sum[k] += v;
            squares[k] += v * v;
        }
        ++n;
    }
    for (std::size_t k = 0; k < 3; ++k) {
        profile.mean[k] = sum[k] / static_cast<double>(n);
        profile.sd[k] = std::sqrt(std::max(1e-12, squares[k] / static_cast<double>(n) - profile.mean[k] * profile.mean[k]));
    }
}

// Patches one below the other. Points of the plane that fall nowhere twice (Kronecker sequence); where no patch is full of tissue, the overview.
Image tissue_of(const Slide& slide, const JobContext& ctx) {
    constexpr int kMaskPx = 1500;
    const SlideInfo& info = slide.info();
    const Image overview = slide.overview(kMaskPx);
    const double shrunk = static_cast<double>(std::max(info.width, info.height)) / std::max(overview.width, overview.height);
    const TissueMask mask = find_tissue(overview, shrunk);
    const double side = kPatchPx * std::max(1.0, info.mpp ? kPatchMpp / *info.mpp : 2.0);
    Image out;
    out.width = kPatchPx;
    for (int i = 0; i < kTries && out.height < kPatches * kPatchPx; ++i) {
        ctx.check_stop();
        const double x = std::fmod(0.5 + i * 0.7548776662, 1.0) * static_cast<double>(info.width), y = std::fmod(0.5 + i * 0.5698402910, 1.0) * static_cast<double>(info.height);
        if (mask.coverage(x, y, side) < kLeastTissue) continue;
        const Image patch = slide.read({std::round(x - side / 2), std::round(y - side / 2), side, side}, kPatchPx, kPatchPx);
        out.rgb.insert(out.rgb.end(), patch.rgb.begin(), patch.rgb.end());
        out.height += kPatchPx;
    }
    return out.height > 0 ? out : overview;
}

}  // namespace

StainProfile estimate_stains(const Image& tissue) {
    const std::vector<Density> all = densities_of(tissue);
    if (all.size() < kLeastPixels) throw Error(ErrorCode::BadInput, "there is too little stained tissue to tell the stains by; choose the standard stain vectors");
    StainProfile profile;
    profile.pixels = all.size();
    profile.vectors = macenko_vectors(all);
    const auto rows = unmixing_rows(profile.vectors);  // refuses one colour alone
    std::vector<double> amounts(all.size());
    for (std::size_t k = 0; k < 2; ++k) {
        std::transform(all.begin(), all.end(), amounts.begin(), [&](const Density& od) { return dot(rows[k], od); });
        profile.amount[k] = percentile(amounts, 100 - kPercent);
        if (!(profile.amount[k] > 0.01)) throw Error(ErrorCode::BadInput, "the tissue shows one stain alone; choose the standard stain vectors");
    }
    reinhard_statistics(tissue, profile);
    return profile;
}

StainProfile estimate_stains(const Slide& slide, const JobContext& ctx) {
    ctx.check_stop();
    return estimate_stains(tissue_of(slide, ctx));
}

const StainProfile& stain_target() {
    static const StainProfile target{{{0.7059692, 0.6129591, 0.3548080}, {0.1727624, 0.8591076, 0.4817544}},
                                     {1.2811682, 0.8502620},
                                     {-1.5377210, -0.1606825, 0.0591407},
                                     {0.7826054, 0.1419727, 0.0349812},
                                     460020};
    return target;
}

}  // namespace c2l
