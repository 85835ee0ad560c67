#include "slide/stain.h"

#include <array>
#include <cmath>

#include "base/error.h"
#include "slide/nuclei.h"

namespace c2l {

namespace {

struct Vec3 {
    double r, g, b;
};

Vec3 cross(const Vec3& a, const Vec3& b) { return {a.g * b.b - a.b * b.g, a.b * b.r - a.r * b.b, a.r * b.g - a.g * b.r}; }
double dot(const Vec3& a, const Vec3& b) { return a.r * b.r + a.g * b.g + a.b * b.b; }
Vec3 unit(const Vec3& v) {
    const double length = std::sqrt(dot(v, v));
    return {v.r / length, v.g / length, v.b / length};
}

// Optical-density directions of the stains in bright-field scanners (the defaults of QuPath); the residual stands
// upright on both.
const Vec3 kHaematoxylin = unit({0.651, 0.701, 0.290});
const Vec3 kEosin = unit({0.216, 0.801, 0.558});

// Rows that turn optical density into stain amounts: the dual basis.
struct Unmixing {
    Vec3 haematoxylin, eosin, residual;
};
const Unmixing& unmixing() {
    static const Unmixing rows = [] {
        const Vec3 third = unit(cross(kHaematoxylin, kEosin));
        const double volume = dot(kHaematoxylin, cross(kEosin, third));
        const auto scaled = [&](const Vec3& v) { return Vec3{v.r / volume, v.g / volume, v.b / volume}; };
        return Unmixing{scaled(cross(kEosin, third)), scaled(cross(third, kHaematoxylin)), scaled(cross(kHaematoxylin, kEosin))};
    }();
    return rows;
}

const std::array<float, 256>& optical_density() {
    static const std::array<float, 256> table = [] {
        std::array<float, 256> t{};
        for (int v = 0; v < 256; ++v) t[static_cast<std::size_t>(v)] = static_cast<float>(-std::log10((v + 1) / 256.0));
        return t;
    }();
    return table;
}

}  // namespace

StainDensities deconvolve(const Image& tile) {
    if (tile.width < 1 || tile.height < 1) throw Error(ErrorCode::BadInput, "a tile without pixels has no stain");
    StainDensities out;
    out.width = tile.width;
    out.height = tile.height;
    const std::size_t pixels = static_cast<std::size_t>(tile.width) * static_cast<std::size_t>(tile.height);
    out.haematoxylin.resize(pixels);
    out.eosin.resize(pixels);
    out.residual.resize(pixels);
    const auto& od = optical_density();
    const Unmixing& rows = unmixing();
    const auto amount = [](const Vec3& row, float r, float g, float b) {
        return static_cast<float>(row.r) * r + static_cast<float>(row.g) * g + static_cast<float>(row.b) * b;
    };
    const std::uint8_t* p = tile.rgb.data();
    for (std::size_t i = 0; i < pixels; ++i, p += 3) {
        const float r = od[p[0]], g = od[p[1]], b = od[p[2]];
        out.haematoxylin[i] = amount(rows.haematoxylin, r, g, b);
        out.eosin[i] = amount(rows.eosin, r, g, b);
        out.residual[i] = amount(rows.residual, r, g, b);
    }
    return out;
}

void check_mpp(double mpp) {
    if (!(std::isfinite(mpp) && mpp >= 0.01 && mpp <= 100)) throw Error(ErrorCode::BadInput, "µm per pixel of a tile must lie between 0.01 and 100");
}

std::vector<Nucleus> find_nuclei(const Image& tile, double mpp) {
    check_mpp(mpp);
    return find_nuclei(deconvolve(tile), mpp);
}

}  // namespace c2l
