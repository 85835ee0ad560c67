#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "slide/nuclei.h"
#include "slide/stain.h"

namespace c2l {

namespace {

constexpr std::array<double, 5> kPercentiles = {5, 25, 50, 75, 95};
constexpr std::array<double, 3> kScales = {0.7, 1.4, 2.8};  // µm, the width of the Gaussian before the gradient

double mean_of(const std::vector<double>& v) {
    double sum = 0;
    for (const double x : v) sum += x;
    return v.empty() ? 0 : sum / static_cast<double>(v.size());
}

double sd_of(const std::vector<double>& v) {
    if (v.size() < 2) return 0;
    const double mean = mean_of(v);
    double sum = 0;
    for (const double x : v) sum += (x - mean) * (x - mean);
    return std::sqrt(sum / static_cast<double>(v.size()));
}

double percentile_of(std::vector<double> v, double percent) {
    if (v.empty()) return 0;
    const auto at = v.begin() + static_cast<std::ptrdiff_t>(std::lround(percent / 100 * static_cast<double>(v.size() - 1)));
    std::nth_element(v.begin(), at, v.end());
    return *at;
}

// Collects values beside their names: one list of calls gives both, so that they cannot disagree.
class Collector {
public:
    void add(std::string name, double value) {
        names.push_back(std::move(name));
        values.push_back(std::isfinite(value) ? static_cast<float>(value) : 0.f);
    }
    std::vector<std::string> names;
    std::vector<float> values;
};

// Percentiles from a histogram of 1/512 optical density, interpolated within the bin.
void add_density(Collector& out, const std::string& name, const std::vector<float>& v) {
    constexpr float kLow = -1, kPerUnit = 512;
    constexpr int kBins = 2048;
    std::array<int, kBins> histogram{};
    double sum = 0, squares = 0;
    for (const float x : v) {
        sum += x;
        squares += static_cast<double>(x) * x;
        ++histogram[static_cast<std::size_t>(std::clamp(static_cast<int>((x - kLow) * kPerUnit), 0, kBins - 1))];
    }
    const double n = static_cast<double>(v.size()), mean = sum / n;
    out.add(name + " mean", mean);
    out.add(name + " sd", std::sqrt(std::max(0.0, squares / n - mean * mean)));
    double below = 0;
    std::size_t bin = 0;
    for (const double percent : kPercentiles) {
        const double wanted = percent / 100 * n;
        while (bin + 1 < kBins && below + histogram[bin] < wanted) below += histogram[bin++];
        const double within = histogram[bin] > 0 ? (wanted - below) / histogram[bin] : 0;
        out.add(name + " p" + std::to_string(static_cast<int>(percent)), kLow + (static_cast<double>(bin) + within) / kPerUnit);
    }
}

void add_colours(Collector& out, const Image& tile) {
    std::array<double, 4> sum{}, squares{};
    const std::size_t pixels = tile.rgb.size() / 3;
    const std::uint8_t* p = tile.rgb.data();
    for (std::size_t i = 0; i < pixels; ++i, p += 3) {
        const int high = std::max({p[0], p[1], p[2]}), low = std::min({p[0], p[1], p[2]});
        const std::array<float, 4> v = {p[0] / 255.f, p[1] / 255.f, p[2] / 255.f, high > 0 ? static_cast<float>(high - low) / static_cast<float>(high) : 0.f};
        for (std::size_t c = 0; c < 4; ++c) {
            sum[c] += v[c];
            squares[c] += v[c] * v[c];
        }
    }
    const char* names[] = {"red", "green", "blue", "saturation"};
    for (std::size_t c = 0; c < 4; ++c) {
        const double n = static_cast<double>(pixels), mean = sum[c] / n;
        out.add(std::string(names[c]) + " mean", mean);
        out.add(std::string(names[c]) + " sd", std::sqrt(std::max(0.0, squares[c] / n - mean * mean)));
    }
}

double correlation(const std::vector<float>& a, const std::vector<float>& b) {
    double sa = 0, sb = 0, aa = 0, bb = 0, ab = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        sa += a[i];
        sb += b[i];
        aa += static_cast<double>(a[i]) * a[i];
        bb += static_cast<double>(b[i]) * b[i];
        ab += static_cast<double>(a[i]) * b[i];
    }
    const double n = static_cast<double>(a.size());
    const double va = aa / n - sa / n * sa / n, vb = bb / n - sb / n * sb / n;
    return va > 1e-9 && vb > 1e-9 ? (ab / n - sa / n * sb / n) / std::sqrt(va * vb) : 0;
}

// Mean gradient of haematoxylin (per µm) after blurring to each scale, and the spread of what lies between two scales.
void add_texture(Collector& out, const StainDensities& d, double mpp) {
    const cv::Mat sharp(d.height, d.width, CV_32F, const_cast<float*>(d.haematoxylin.data()));
    cv::Mat before = sharp;
    for (const double scale : kScales) {
        const double sigma = std::clamp(scale / mpp, 0.5, 12.0);
        cv::Mat smooth, dx, dy, slope, between;
        const int reach = 2 * static_cast<int>(std::ceil(2.5 * sigma)) + 1;
        cv::GaussianBlur(sharp, smooth, {reach, reach}, sigma, sigma, cv::BORDER_REPLICATE);
        cv::Sobel(smooth, dx, CV_32F, 1, 0, 3, 0.125, 0, cv::BORDER_REPLICATE);
        cv::Sobel(smooth, dy, CV_32F, 0, 1, 3, 0.125, 0, cv::BORDER_REPLICATE);
        cv::magnitude(dx, dy, slope);
        cv::subtract(before, smooth, between);
        cv::Scalar mean, sd;
        cv::meanStdDev(between, mean, sd);
        char um[16];
        std::snprintf(um, sizeof um, "%.1f µm", scale);
        out.add(std::string("haematoxylin gradient ") + um, cv::mean(slope)[0] / mpp);
        out.add(std::string("haematoxylin texture ") + um, sd[0]);
        before = smooth;
    }
}

double mean_nearest_distance(const std::vector<Nucleus>& nuclei, double mpp) {
    if (nuclei.size() < 2) return 0;
    double sum = 0;
    for (std::size_t i = 0; i < nuclei.size(); ++i) {
        double nearest = 1e300;
        for (std::size_t j = 0; j < nuclei.size(); ++j) {
            if (i == j) continue;
            const double dx = nuclei[i].x - nuclei[j].x, dy = nuclei[i].y - nuclei[j].y;
            nearest = std::min(nearest, dx * dx + dy * dy);
        }
        sum += std::sqrt(nearest);
    }
    return sum / static_cast<double>(nuclei.size()) * mpp;
}

void add_nuclei(Collector& out, const StainDensities& d, double mpp) {
    const auto nuclei = find_nuclei(d, mpp);
    std::vector<double> areas, eccentricities, densities;
    for (const Nucleus& nucleus : nuclei) {
        areas.push_back(nucleus.area_um2);
        eccentricities.push_back(nucleus.eccentricity);
        densities.push_back(nucleus.haematoxylin);
    }
    const double tile_um2 = static_cast<double>(d.width) * d.height * mpp * mpp;
    out.add("nuclei per mm2", static_cast<double>(nuclei.size()) / tile_um2 * 1e6);
    out.add("nuclear area fraction", mean_of(areas) * static_cast<double>(areas.size()) / tile_um2);
    out.add("nuclear area mean", mean_of(areas));
    out.add("nuclear area sd", sd_of(areas));
    for (const int percent : {10, 50, 90}) out.add("nuclear area p" + std::to_string(percent), percentile_of(areas, percent));
    out.add("nuclear eccentricity mean", mean_of(eccentricities));
    out.add("nuclear haematoxylin mean", mean_of(densities));
    out.add("nuclear haematoxylin sd", sd_of(densities));
    out.add("nuclear nearest distance", mean_nearest_distance(nuclei, mpp));
}

Collector collect(const Image& tile, double mpp) {
    const StainDensities densities = deconvolve(tile);
    Collector out;
    add_density(out, "haematoxylin", densities.haematoxylin);
    add_density(out, "eosin", densities.eosin);
    add_density(out, "residual", densities.residual);
    add_colours(out, tile);
    out.add("haematoxylin-eosin correlation", correlation(densities.haematoxylin, densities.eosin));
    add_texture(out, densities, mpp);
    add_nuclei(out, densities, mpp);
    return out;
}

}  // namespace

std::vector<float> stain_features(const Image& tile, double mpp) {
    check_mpp(mpp);
    return collect(tile, mpp).values;
}

const std::vector<std::string>& stain_feature_names() {
    static const std::vector<std::string> names = collect(Image(16, 16), 0.5).names;
    return names;
}

}  // namespace c2l
