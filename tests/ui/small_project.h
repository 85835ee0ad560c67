// A project with every kind of result, made from scratch: a drawn slide, 36 spots, five genes.
#pragma once

#include <QString>
#include <string>
#include <vector>

namespace c2l::test {

struct SmallProject {
    QString folder;
    QString project, slide, spots;
    static constexpr int kSpots = 36, kTiles = 12, kSide = 2048;
};

// With results: synthesize, assess, adapt, evaluate and predict artifacts as docs/artifacts.md lays them out.
SmallProject make_small_project(const QString& folder, bool results);
// Paths of up to eight of its synthetic tiles, as a job tells them.
std::vector<std::string> tiles_of(const SmallProject& project);

}  // namespace c2l::test
