// Gains with their intervals beside each other, as SVG; private to core/pipeline.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace c2l {

struct GainFigure {
    struct Point {
        double value, lower, upper;  // not finite: no interval
    };
    struct Group {
        std::string name;                         // below the axis
        std::vector<std::optional<Point>> points;  // one for each series
    };
    std::string title, description;
    std::vector<std::string> series;  // at most six
    std::vector<Group> groups;
};

std::string draw_gains(const GainFigure& figure);

}  // namespace c2l
