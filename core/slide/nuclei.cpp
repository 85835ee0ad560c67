#include "slide/nuclei.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

namespace c2l {

namespace {

constexpr double kMinArea = 8, kMaxArea = 300;  // µm²: a small lymphocyte cut in section; a large tumour nucleus
constexpr double kMinDensity = 0.12;            // optical density below which haematoxylin is only background
constexpr double kMinContrast = 0.10;           // between the two classes of Otsu; less is one class split in two
constexpr double kFullScale = 2.0;              // optical density of grey value 255

// Dark pixels by Otsu's threshold; empty when the tile has no two classes.
cv::Mat dark_pixels(const cv::Mat& haematoxylin, double mpp) {
    cv::Mat smooth, grey, dark;
    const double sigma = std::clamp(0.5 / mpp, 0.6, 4.0);
    cv::GaussianBlur(haematoxylin, smooth, {}, sigma, sigma, cv::BORDER_REPLICATE);
    smooth.convertTo(grey, CV_8U, 255 / kFullScale);
    const double otsu = cv::threshold(grey, dark, 0, 255, cv::THRESH_BINARY | cv::THRESH_OTSU);
    const double least = kMinDensity * 255 / kFullScale;
    if (otsu < least) cv::threshold(grey, dark, least, 255, cv::THRESH_BINARY);
    if (cv::countNonZero(dark) == 0) return {};
    cv::Mat light;
    cv::bitwise_not(dark, light);
    if (cv::countNonZero(light) > 0 && (cv::mean(grey, dark)[0] - cv::mean(grey, light)[0]) < kMinContrast * 255 / kFullScale) return {};
    cv::morphologyEx(dark, dark, cv::MORPH_OPEN, cv::getStructuringElement(cv::MORPH_ELLIPSE, {3, 3}));
    return dark;
}

// The height that the watershed goes down: the distance to the rim, which parts nuclei that touch; deeper inside than any
// nucleus is thick, in clumps, haematoxylin itself decides.
cv::Mat make_relief(const cv::Mat& dark, const cv::Mat& haematoxylin, double mpp) {
    cv::Mat distance, smooth;
    cv::distanceTransform(dark, distance, cv::DIST_L2, 3);
    cv::GaussianBlur(distance, distance, {3, 3}, 0.8);
    const double deepest = 3.5 / mpp, sigma = std::clamp(1.0 / mpp, 0.8, 8.0);
    cv::GaussianBlur(haematoxylin, smooth, {}, sigma, sigma, cv::BORDER_REPLICATE);
    // A slight slope remains inside, or noise would split one large nucleus.
    constexpr double kSlope = 0.3;
    return cv::min(distance, deepest) + cv::max(distance - deepest, 0) * kSlope + cv::min(smooth, kFullScale) * (deepest / kFullScale);
}

// One marker a nucleus: peaks of the relief, no two within a nucleus' radius.
cv::Mat seeds(const cv::Mat& relief, const cv::Mat& dark, double mpp) {
    const int reach = std::clamp(static_cast<int>(std::lround(2.2 / mpp)), 1, 24);
    cv::Mat highest, peaks, markers;
    cv::dilate(relief, highest, cv::getStructuringElement(cv::MORPH_RECT, {2 * reach + 1, 2 * reach + 1}));
    const float least = static_cast<float>(std::max(1.0, 0.7 / mpp));
    peaks = (relief >= highest - 0.01f) & (relief >= least) & dark;
    cv::connectedComponents(peaks, markers, 8, CV_32S);
    return markers;
}

// Watershed on the relief, inside the dark part only: labels grow from their peaks downwards, so that
// touching nuclei part at the waist between them. (cv::watershed floods by colour differences, of which a cone has none.)
void flood(cv::Mat& labels, const cv::Mat& relief, const cv::Mat& dark) {
    constexpr float kPerStep = 16;
    std::array<std::vector<cv::Point>, 1024> waiting;  // by height
    const auto height = [&](const cv::Point& p) { return std::clamp(static_cast<int>(relief.at<float>(p) * kPerStep), 0, 1023); };
    for (int y = 0; y < labels.rows; ++y)
        for (int x = 0; x < labels.cols; ++x)
            if (labels.at<int>(y, x) > 0) waiting[static_cast<std::size_t>(height({x, y}))].push_back({x, y});
    for (int level = 1023; level >= 0; --level) {
        auto& points = waiting[static_cast<std::size_t>(level)];
        for (std::size_t i = 0; i < points.size(); ++i) {  // grows while it is walked through: first come, first served
            const cv::Point p = points[i];
            for (const cv::Point step : {cv::Point(1, 0), cv::Point(-1, 0), cv::Point(0, 1), cv::Point(0, -1)}) {
                const cv::Point q = p + step;
                if (q.x < 0 || q.y < 0 || q.x >= labels.cols || q.y >= labels.rows) continue;
                if (labels.at<int>(q) != 0 || !dark.at<std::uint8_t>(q)) continue;
                labels.at<int>(q) = labels.at<int>(p);
                waiting[static_cast<std::size_t>(std::min(level, height(q)))].push_back(q);
            }
        }
    }
}

struct Moments {
    double n = 0, x = 0, y = 0, xx = 0, yy = 0, xy = 0, density = 0;
};

std::vector<Moments> measure(const cv::Mat& labels, const cv::Mat& dark, const std::vector<float>& haematoxylin, int count) {
    std::vector<Moments> all(static_cast<std::size_t>(count) + 1);
    for (int y = 0; y < labels.rows; ++y) {
        const int* label = labels.ptr<int>(y);
        const std::uint8_t* in = dark.ptr<std::uint8_t>(y);
        for (int x = 0; x < labels.cols; ++x) {
            if (!in[x] || label[x] < 1 || label[x] > count) continue;
            Moments& m = all[static_cast<std::size_t>(label[x])];
            m.n += 1;
            m.x += x;
            m.y += y;
            m.xx += double(x) * x;
            m.yy += double(y) * y;
            m.xy += double(x) * y;
            m.density += haematoxylin[static_cast<std::size_t>(y) * static_cast<std::size_t>(labels.cols) + static_cast<std::size_t>(x)];
        }
    }
    return all;
}

Nucleus describe(const Moments& m, double mpp) {
    Nucleus nucleus;
    const double mx = m.x / m.n, my = m.y / m.n;
    nucleus.x = mx + 0.5;
    nucleus.y = my + 0.5;
    nucleus.area_um2 = m.n * mpp * mpp;
    nucleus.haematoxylin = m.density / m.n;
    // Of the ellipse with the same second moments; 1/12 is the spread of a pixel itself.
    const double a = m.xx / m.n - mx * mx + 1.0 / 12, d = m.yy / m.n - my * my + 1.0 / 12, b = m.xy / m.n - mx * my;
    const double middle = (a + d) / 2, spread = std::sqrt((a - d) * (a - d) / 4 + b * b);
    nucleus.eccentricity = std::sqrt(std::max(0.0, 1 - (middle - spread) / (middle + spread)));
    return nucleus;
}

}  // namespace

std::vector<Nucleus> find_nuclei(const StainDensities& densities, double mpp) {
    if (densities.width < 8 || densities.height < 8) return {};
    const cv::Mat haematoxylin(densities.height, densities.width, CV_32F, const_cast<float*>(densities.haematoxylin.data()));
    const cv::Mat dark = dark_pixels(haematoxylin, mpp);
    if (dark.empty()) return {};

    const cv::Mat relief = make_relief(dark, haematoxylin, mpp);
    cv::Mat markers = seeds(relief, dark, mpp);
    double most = 0;
    cv::minMaxLoc(markers, nullptr, &most);
    const int count = static_cast<int>(most);
    if (count == 0) return {};
    flood(markers, relief, dark);

    std::vector<Nucleus> nuclei;
    for (const Moments& m : measure(markers, dark, densities.haematoxylin, count)) {
        const double area = m.n * mpp * mpp;
        if (m.n < 5 || area < kMinArea || area > kMaxArea) continue;
        nuclei.push_back(describe(m, mpp));
    }
    return nuclei;
}

}  // namespace c2l
