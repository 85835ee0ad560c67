#include "pipeline/figure.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <opencv2/imgproc.hpp>

namespace c2l {
namespace {

constexpr int kMargin = 30, kTitle = 70, kBarWidth = 26, kRight = 170, kBottom = 60;
const cv::Scalar kInk(40, 40, 40);

// Viridis (van der Walt & Smith 2015, CC0) at 17 equal steps.
constexpr std::array<std::array<double, 3>, 17> kViridis = {{{68, 1, 84},    {72, 20, 103},  {71, 39, 118},  {67, 57, 128},  {61, 74, 137},  {54, 91, 140},
                                                             {48, 106, 142}, {41, 121, 142}, {35, 136, 142}, {31, 150, 139}, {36, 165, 133}, {57, 180, 120},
                                                             {88, 194, 101}, {126, 206, 78}, {170, 216, 50}, {214, 224, 29}, {253, 231, 37}}};

std::array<double, 3> viridis(double t) {
    const double place = std::clamp(t, 0.0, 1.0) * (kViridis.size() - 1);
    const auto i = std::min(static_cast<std::size_t>(place), kViridis.size() - 2);
    const double f = place - static_cast<double>(i);
    std::array<double, 3> out{};
    for (std::size_t c = 0; c < 3; ++c) out[c] = (1 - f) * kViridis[i][c] + f * kViridis[i + 1][c];
    return out;
}

double percentile(std::vector<float> values, double q) {
    if (values.empty()) return 0;
    const auto at = values.begin() + static_cast<std::ptrdiff_t>(q * static_cast<double>(values.size() - 1));
    std::nth_element(values.begin(), at, values.end());
    return *at;
}

// The built-in font has no letters beyond ASCII.
std::string ascii(const std::string& text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text.compare(i, 2, "µ") == 0) {
            out += 'u';
            ++i;
        } else if (static_cast<unsigned char>(text[i]) < 128) {
            out += text[i];
        }
    }
    return out;
}

void write(cv::Mat& canvas, const std::string& text, int x, int y, double size, int weight = 1) {
    cv::putText(canvas, ascii(text), {x, y}, cv::FONT_HERSHEY_SIMPLEX, size, kInk, weight, cv::LINE_AA);
}

std::string number(double v) {
    char text[32];
    std::snprintf(text, sizeof text, "%.2f", v);
    return text;
}

void draw_cells(cv::Mat& picture, const GeneFigure& figure, double low, double high) {
    cv::Mat colour = picture.clone(), cover(picture.size(), CV_8UC1, cv::Scalar(0));
    const double half = figure.cell_px * figure.scale / 2;
    for (std::size_t i = 0; i < figure.values.size(); ++i) {
        const auto c = viridis(high > low ? (figure.values[i] - low) / (high - low) : 0.5);
        const cv::Scalar paint(c[0], c[1], c[2]);
        const double trust = figure.opacity.empty() ? 1 : std::clamp(static_cast<double>(figure.opacity[i]), 0.0, 1.0);
        const cv::Scalar alpha(255 * (0.25 + 0.5 * trust));
        const double x = figure.x[i] * figure.scale, y = figure.y[i] * figure.scale;
        if (figure.round) {
            const cv::Point centre(static_cast<int>(std::lround(x)), static_cast<int>(std::lround(y)));
            const int radius = std::max(1, static_cast<int>(std::lround(half)));
            cv::circle(colour, centre, radius, paint, cv::FILLED, cv::LINE_AA);
            cv::circle(cover, centre, radius, alpha, cv::FILLED);
        } else {
            const cv::Point from(static_cast<int>(std::floor(x - half)), static_cast<int>(std::floor(y - half)));
            const cv::Point to(static_cast<int>(std::ceil(x + half)) - 1, static_cast<int>(std::ceil(y + half)) - 1);
            cv::rectangle(colour, from, to, paint, cv::FILLED);
            cv::rectangle(cover, from, to, alpha, cv::FILLED);
        }
    }
    for (int r = 0; r < picture.rows; ++r) {
        auto* to = picture.ptr<cv::Vec3b>(r);
        const auto* from = colour.ptr<cv::Vec3b>(r);
        const auto* alpha = cover.ptr<std::uint8_t>(r);
        for (int x = 0; x < picture.cols; ++x)
            for (int c = 0; c < 3; ++c) to[x][c] = static_cast<std::uint8_t>((to[x][c] * (255 - alpha[x]) + from[x][c] * alpha[x]) / 255);
    }
}

void draw_colour_bar(cv::Mat& canvas, int x, int y, int height, double low, double high, const std::string& unit) {
    for (int r = 0; r < height; ++r) {
        const auto c = viridis(1.0 - static_cast<double>(r) / (height - 1));
        cv::line(canvas, {x, y + r}, {x + kBarWidth, y + r}, cv::Scalar(c[0], c[1], c[2]));
    }
    cv::rectangle(canvas, {x, y}, {x + kBarWidth, y + height}, kInk);
    write(canvas, number(high), x + kBarWidth + 8, y + 12, 0.5);
    write(canvas, number((low + high) / 2), x + kBarWidth + 8, y + height / 2 + 5, 0.5);
    write(canvas, number(low), x + kBarWidth + 8, y + height, 0.5);
    write(canvas, unit, x, y - 12, 0.45);
}

// The largest round length that takes no more than a quarter of the width.
void draw_scale_bar(cv::Mat& canvas, int x, int y, int width, double um_per_px) {
    const double most = width * um_per_px / 4;
    double length = std::pow(10, std::floor(std::log10(std::max(most, 1e-3))));
    for (const double factor : {5.0, 2.0})
        if (length * factor <= most) {
            length *= factor;
            break;
        }
    const int px = static_cast<int>(std::lround(length / um_per_px));
    cv::rectangle(canvas, {x, y}, {x + px, y + 6}, kInk, cv::FILLED);
    write(canvas, length >= 1000 ? number(length / 1000) + " mm" : std::to_string(static_cast<int>(length)) + " um", x + px + 10, y + 9, 0.5);
}

}  // namespace

Image draw_figure(const GeneFigure& figure) {
    const int width = figure.tissue.width, height = figure.tissue.height;
    Image out(std::max(width, 420) + 2 * kMargin + kRight, height + kTitle + kBottom + kMargin);
    cv::Mat canvas(out.height, out.width, CV_8UC3, out.rgb.data());
    cv::Mat tissue(height, width, CV_8UC3, const_cast<std::uint8_t*>(figure.tissue.rgb.data()));
    cv::Mat place = canvas(cv::Rect(kMargin, kTitle, width, height));
    tissue.copyTo(place);
    const double low = percentile(figure.values, 0.01), high = percentile(figure.values, 0.99);
    draw_cells(place, figure, low, high);
    write(canvas, figure.title, kMargin, 42, 0.8, 2);
    draw_colour_bar(canvas, kMargin * 2 + width, kTitle + 20, std::min(height - 40, 400), low, high, figure.unit);
    draw_scale_bar(canvas, kMargin, kTitle + height + 18, width, figure.mpp / figure.scale);
    return out;
}

}  // namespace c2l
