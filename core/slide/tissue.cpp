#include "slide/tissue.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "base/error.h"

namespace c2l {

namespace {

cv::Mat to_lab(const Image& image) {
    const cv::Mat rgb(image.height, image.width, CV_8UC3, const_cast<std::uint8_t*>(image.rgb.data()));
    cv::Mat scaled, lab;
    rgb.convertTo(scaled, CV_32F, 1 / 255.0);
    cv::GaussianBlur(scaled, scaled, {}, 1.0, 1.0, cv::BORDER_REPLICATE);
    cv::cvtColor(scaled, lab, cv::COLOR_RGB2Lab);
    return lab;
}

// Local standard deviation of lightness in a square window, from the unblurred image.
cv::Mat local_sd(const Image& image) {
    const cv::Mat rgb(image.height, image.width, CV_8UC3, const_cast<std::uint8_t*>(image.rgb.data()));
    cv::Mat grey, value, mean, squares;
    cv::cvtColor(rgb, grey, cv::COLOR_RGB2GRAY);
    grey.convertTo(value, CV_32F, 100 / 255.0);
    constexpr int kWindow = 7;
    cv::boxFilter(value, mean, CV_32F, {kWindow, kWindow}, {-1, -1}, true, cv::BORDER_REFLECT);
    cv::boxFilter(value.mul(value), squares, CV_32F, {kWindow, kWindow}, {-1, -1}, true, cv::BORDER_REFLECT);
    cv::Mat sd = cv::max(squares - mean.mul(mean), 0);
    cv::sqrt(sd, sd);
    return sd;
}

bool is_fill(const cv::Vec3f& lab) { return lab[0] > 98.5f && std::abs(lab[1]) < 1.5f && std::abs(lab[2]) < 1.5f; }

// The glass: the most frequent colour among bright smooth pixels. White that a scanner filled in is not asked. Where no
// bright smooth area is found (a crop inside tissue), white.
cv::Vec3f background_colour(const cv::Mat& lab, const cv::Mat& sd) {
    constexpr int kBins = 400;  // lightness in steps of 1/4
    std::array<double, kBins + 1> histogram{};
    std::int64_t asked = 0;
    for (int y = 0; y < lab.rows; ++y)
        for (int x = 0; x < lab.cols; ++x) {
            const auto& v = lab.at<cv::Vec3f>(y, x);
            if (v[0] < 75 || sd.at<float>(y, x) > 1.5f || is_fill(v)) continue;
            ++histogram[static_cast<std::size_t>(std::clamp(static_cast<int>(v[0] * 4), 0, kBins))];
            ++asked;
        }
    const cv::Vec3f white(100, 0, 0);
    if (asked < static_cast<std::int64_t>(lab.total()) / 100) return white;
    const auto peak = static_cast<float>(std::max_element(histogram.begin(), histogram.end()) - histogram.begin()) / 4;
    cv::Vec3d sum(0, 0, 0);
    double n = 0;
    for (int y = 0; y < lab.rows; ++y)
        for (int x = 0; x < lab.cols; ++x) {
            const auto& v = lab.at<cv::Vec3f>(y, x);
            if (std::abs(v[0] - peak) > 1.5f || sd.at<float>(y, x) > 1.5f || is_fill(v)) continue;
            sum += cv::Vec3d(v);
            n += 1;
        }
    return n > 0 ? cv::Vec3f(cv::Vec3d(sum[0] / n, sum[1] / n, sum[2] / n)) : white;
}

cv::Mat distance_from(const cv::Mat& lab, const cv::Vec3f& background) {
    cv::Mat out(lab.size(), CV_32F);
    for (int y = 0; y < lab.rows; ++y)
        for (int x = 0; x < lab.cols; ++x) {
            const auto& v = lab.at<cv::Vec3f>(y, x);
            out.at<float>(y, x) = is_fill(v) ? 0.f : static_cast<float>(cv::norm(v - background));
        }
    return out;
}

// Clears connected parts below a size; with `spare_border` not those at the image's border.
void drop_small(cv::Mat& mask, int least, bool spare_border) {
    cv::Mat labels, stats, centres;
    const int n = cv::connectedComponentsWithStats(mask, labels, stats, centres, 8, CV_32S);
    std::vector<std::uint8_t> keep(static_cast<std::size_t>(n), 255);
    keep[0] = 0;
    for (int i = 1; i < n; ++i) {
        const int left = stats.at<int>(i, cv::CC_STAT_LEFT), top = stats.at<int>(i, cv::CC_STAT_TOP);
        const bool border = left == 0 || top == 0 || left + stats.at<int>(i, cv::CC_STAT_WIDTH) == mask.cols ||
                            top + stats.at<int>(i, cv::CC_STAT_HEIGHT) == mask.rows;
        if (stats.at<int>(i, cv::CC_STAT_AREA) < least && !(spare_border && border)) keep[static_cast<std::size_t>(i)] = 0;
    }
    for (int y = 0; y < mask.rows; ++y)
        for (int x = 0; x < mask.cols; ++x) mask.at<std::uint8_t>(y, x) = keep[static_cast<std::size_t>(labels.at<int>(y, x))];
}

}  // namespace

TissueMask find_tissue(const Image& overview, double downsample) {
    if (overview.width < 1 || overview.height < 1 || !(downsample > 0)) throw Error(ErrorCode::BadInput, "an overview without pixels has no tissue");
    const cv::Mat lab = to_lab(overview), sd = local_sd(overview);
    const cv::Mat distance = distance_from(lab, background_colour(lab, sd));
    // Colour away from the glass and texture together; strong colour alone only where no glass reaches.
    cv::Mat mask = ((distance > 7) & (sd > 1.2f)) | (distance > 28);
    const int side = std::max(overview.width, overview.height);
    const int radius = std::clamp(side / 300, 1, 6);
    const auto disc = cv::getStructuringElement(cv::MORPH_ELLIPSE, {2 * radius + 1, 2 * radius + 1});
    cv::morphologyEx(mask, mask, cv::MORPH_OPEN, cv::getStructuringElement(cv::MORPH_ELLIPSE, {3, 3}));
    cv::morphologyEx(mask, mask, cv::MORPH_CLOSE, disc);
    const int pixels = static_cast<int>(mask.total());
    drop_small(mask, std::max(4, pixels / 2000), false);
    // Small holes are lumens and fat, which belong to the tissue.
    cv::Mat holes;
    cv::bitwise_not(mask, holes);
    drop_small(holes, std::max(4, pixels / 4000), true);
    cv::bitwise_not(holes, mask);

    TissueMask out;
    out.width = overview.width;
    out.height = overview.height;
    out.downsample = downsample;
    out.tissue.resize(mask.total());
    for (int y = 0; y < mask.rows; ++y)
        for (int x = 0; x < mask.cols; ++x)
            out.tissue[static_cast<std::size_t>(y) * static_cast<std::size_t>(mask.cols) + static_cast<std::size_t>(x)] = mask.at<std::uint8_t>(y, x) ? 1 : 0;
    return out;
}

TissueMask find_tissue(const Slide& slide, const JobContext& ctx, int max_px) {
    ctx.check_stop();
    const Image overview = slide.overview(max_px);
    ctx.check_stop();
    return find_tissue(overview, static_cast<double>(std::max(slide.info().width, slide.info().height)) / std::max(overview.width, overview.height));
}

double TissueMask::coverage(double cx, double cy, double side) const {
    if (!(side > 0) || !std::isfinite(cx) || !std::isfinite(cy) || !std::isfinite(side)) return 0;
    const double left = (cx - side / 2) / downsample, right = (cx + side / 2) / downsample;
    const double top = (cy - side / 2) / downsample, bottom = (cy + side / 2) / downsample;
    const auto overlap = [](double low, double high, int at) { return std::max(0.0, std::min(high, at + 1.0) - std::max(low, static_cast<double>(at))); };
    const int x0 = static_cast<int>(std::clamp(std::floor(left), 0.0, double(width))), x1 = static_cast<int>(std::clamp(std::ceil(right), 0.0, double(width)));
    const int y0 = static_cast<int>(std::clamp(std::floor(top), 0.0, double(height))), y1 = static_cast<int>(std::clamp(std::ceil(bottom), 0.0, double(height)));
    double sum = 0;
    for (int y = y0; y < y1; ++y)
        for (int x = x0; x < x1; ++x)
            if (tissue[static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x)]) sum += overlap(left, right, x) * overlap(top, bottom, y);
    return std::min(sum / (side / downsample * side / downsample), 1.0);
}

double TissueMask::area_fraction() const {
    if (tissue.empty()) return 0;
    const auto inside = std::count(tissue.begin(), tissue.end(), std::uint8_t{1});
    return static_cast<double>(inside) / static_cast<double>(tissue.size());
}

}  // namespace c2l
