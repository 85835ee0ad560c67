#include "pipeline/gain_figure.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "pipeline/summary.h"

namespace c2l {
namespace {

// Of Okabe and Ito, told apart by people with colour-blindness too.
constexpr std::array<const char*, 6> kColours = {"#0072B2", "#D55E00", "#009E73", "#E69F00", "#555555", "#CC79A7"};
constexpr double kLeft = 70, kTop = 60, kHeight = 300, kGroup = 150, kLegend = 230, kBottom = 60;
constexpr double kLeastWidth = 680;  // of the title

std::string escaped(const std::string& text) {
    std::string out;
    for (const char c : text) {
        if (c == '&') out += "&amp;";
        else if (c == '<') out += "&lt;";
        else if (c == '>') out += "&gt;";
        else if (c == '"') out += "&quot;";
        else if (static_cast<unsigned char>(c) >= 32) out += c;
    }
    return out;
}

std::string at(double v) { return fixed(v, 1); }

std::string label(double x, double y, const std::string& text, const char* anchor, int size = 13) {
    return "<text x=\"" + at(x) + "\" y=\"" + at(y) + "\" text-anchor=\"" + anchor + "\" font-size=\"" + std::to_string(size) + "\">" + escaped(text) + "</text>\n";
}

std::string line(double x1, double y1, double x2, double y2, const std::string& colour, double width = 1) {
    return "<line x1=\"" + at(x1) + "\" y1=\"" + at(y1) + "\" x2=\"" + at(x2) + "\" y2=\"" + at(y2) + "\" stroke=\"" + colour + "\" stroke-width=\"" + at(width) + "\"/>\n";
}

struct Axis {
    double low = 0, high = 0, step = 0.01;
    double y(double v) const { return kTop + kHeight * (high - v) / (high - low); }
};

// Round steps that hold 0 and everything shown.
Axis axis_of(const GainFigure& figure) {
    double low = 0, high = 0;
    for (const auto& group : figure.groups)
        for (const auto& point : group.points)
            if (point)
                for (const double v : {point->value, point->lower, point->upper})
                    if (std::isfinite(v)) low = std::min(low, v), high = std::max(high, v);
    const double fifth = std::max(high - low, 0.005) / 5, power = std::pow(10, std::floor(std::log10(fifth))), digit = fifth / power;
    Axis axis;
    axis.step = power * (digit > 5 ? 10 : digit > 2 ? 5 : digit > 1 ? 2 : 1);
    axis.low = std::floor(low / axis.step) * axis.step;
    axis.high = std::max(std::ceil(high / axis.step), std::floor(low / axis.step) + 1) * axis.step;
    return axis;
}

std::string draw_point(const GainFigure::Point& point, double x, const Axis& axis, const std::string& colour) {
    std::string out;
    if (std::isfinite(point.lower) && std::isfinite(point.upper)) {
        out += line(x, axis.y(point.lower), x, axis.y(point.upper), colour, 2);
        for (const double end : {point.lower, point.upper}) out += line(x - 4, axis.y(end), x + 4, axis.y(end), colour, 2);
    }
    return out + "<circle cx=\"" + at(x) + "\" cy=\"" + at(axis.y(point.value)) + "\" r=\"4.5\" fill=\"" + colour + "\"/>\n";
}

}  // namespace

std::string draw_gains(const GainFigure& figure) {
    const double right = kLeft + kGroup * static_cast<double>(figure.groups.size()), width = std::max(right + kLegend, kLeastWidth), height = kTop + kHeight + kBottom;
    std::string svg = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + at(width) + "\" height=\"" + at(height) + "\" viewBox=\"0 0 " + at(width) + " " + at(height) +
                      "\" font-family=\"sans-serif\" fill=\"#282828\">\n<title>" + escaped(figure.title) + "</title>\n<desc>" + escaped(figure.description) + "</desc>\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n";
    svg += label(kLeft, 30, figure.title, "start", 15);
    const Axis axis = axis_of(figure);
    const int digits = std::max(0, static_cast<int>(std::ceil(-std::log10(axis.step) - 1e-9)));
    for (double v = axis.low; v < axis.high + axis.step / 2; v += axis.step) {
        svg += line(kLeft, axis.y(v), right, axis.y(v), std::abs(v) < axis.step / 2 ? "#282828" : "#dddddd");
        svg += label(kLeft - 8, axis.y(v) + 4, fixed(v, digits), "end");
    }
    for (std::size_t g = 0; g < figure.groups.size(); ++g) {
        const double from = kLeft + kGroup * static_cast<double>(g);
        const auto& group = figure.groups[g];
        for (std::size_t s = 0; s < group.points.size(); ++s)
            if (group.points[s]) svg += draw_point(*group.points[s], from + kGroup * static_cast<double>(s + 1) / static_cast<double>(group.points.size() + 1), axis, kColours[s % kColours.size()]);
        svg += label(from + kGroup / 2, kTop + kHeight + 24, group.name, "middle");
    }
    for (std::size_t s = 0; s < figure.series.size(); ++s) {
        const double y = kTop + 14 + 24 * static_cast<double>(s);
        svg += "<circle cx=\"" + at(right + 20) + "\" cy=\"" + at(y) + "\" r=\"4.5\" fill=\"" + kColours[s % kColours.size()] + "\"/>\n" + label(right + 32, y + 4, figure.series[s], "start");
    }
    return svg + "</svg>\n";
}

}  // namespace c2l
