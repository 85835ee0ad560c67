#include "slide/stain.h"

#include <algorithm>
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
Vec3 vec(const std::array<double, 3>& v) { return {v[0], v[1], v[2]}; }
std::array<double, 3> array(const Vec3& v) { return {v.r, v.g, v.b}; }
Vec3 residual_of(const StainVectors& v) { return unit(cross(vec(v.haematoxylin), vec(v.eosin))); }

constexpr double kLeastVolume = 0.02;  // of the three directions: about one degree between the stains

const std::array<float, 256>& optical_density() {
    static const std::array<float, 256> table = [] {
        std::array<float, 256> t{};
        for (int v = 0; v < 256; ++v) t[static_cast<std::size_t>(v)] = static_cast<float>(-std::log10((v + 1) / 256.0));
        return t;
    }();
    return table;
}

}  // namespace

StainVectors standard_stain_vectors() { return {array(unit({0.651, 0.701, 0.290})), array(unit({0.216, 0.801, 0.558}))}; }

// The dual basis.
std::array<std::array<double, 3>, 3> unmixing_rows(const StainVectors& vectors) {
    const Vec3 h = vec(vectors.haematoxylin), e = vec(vectors.eosin), third = residual_of(vectors);
    const double volume = dot(h, cross(e, third));
    if (!(std::abs(volume) > kLeastVolume)) throw Error(ErrorCode::BadInput, "the two stains have nearly one colour and cannot be told apart; choose the standard stain vectors");
    const auto row = [&](const Vec3& v) { return std::array{v.r / volume, v.g / volume, v.b / volume}; };
    return {row(cross(e, third)), row(cross(third, h)), row(cross(h, e))};
}

StainDensities deconvolve(const Image& tile, const StainVectors& vectors) {
    if (tile.width < 1 || tile.height < 1) throw Error(ErrorCode::BadInput, "a tile without pixels has no stain");
    StainDensities out;
    out.width = tile.width;
    out.height = tile.height;
    const std::size_t pixels = static_cast<std::size_t>(tile.width) * static_cast<std::size_t>(tile.height);
    out.haematoxylin.resize(pixels);
    out.eosin.resize(pixels);
    out.residual.resize(pixels);
    const auto& od = optical_density();
    const auto rows = unmixing_rows(vectors);
    const auto amount = [](const std::array<double, 3>& row, float r, float g, float b) {
        return static_cast<float>(row[0]) * r + static_cast<float>(row[1]) * g + static_cast<float>(row[2]) * b;
    };
    const std::uint8_t* p = tile.rgb.data();
    for (std::size_t i = 0; i < pixels; ++i, p += 3) {
        const float r = od[p[0]], g = od[p[1]], b = od[p[2]];
        out.haematoxylin[i] = amount(rows[0], r, g, b);
        out.eosin[i] = amount(rows[1], r, g, b);
        out.residual[i] = amount(rows[2], r, g, b);
    }
    return out;
}

Image reconstruct(const StainDensities& d, const StainVectors& vectors) {
    Image out(d.width, d.height);
    const std::array third = array(residual_of(vectors));
    for (std::size_t i = 0; i < d.haematoxylin.size(); ++i) {
        for (std::size_t c = 0; c < 3; ++c) {
            const double od = vectors.haematoxylin[c] * d.haematoxylin[i] + vectors.eosin[c] * d.eosin[i] + third[c] * d.residual[i];
            out.rgb[3 * i + c] = static_cast<std::uint8_t>(std::clamp(std::lround(256 * std::pow(10, -od) - 1), 0L, 255L));
        }
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
