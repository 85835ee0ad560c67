#include "spatial/registration.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"

namespace c2l {
namespace {

constexpr std::array<const char*, kOrientations.size()> kNames{"identity", "swap", "mirror-x", "mirror-y", "rotate-90", "rotate-180", "rotate-270", "transpose-other"};

// Two-dimensional Umeyama in closed form: of all turns the best one has the angle of (sum of dot, sum of cross) products of the centred points.
Registration fit(const std::vector<Landmark>& landmarks, bool mirrored) {
    const auto n = static_cast<double>(landmarks.size());
    Position from, to;
    for (const Landmark& l : landmarks) {
        from.x += l.spot.x / n;
        from.y += l.spot.y / n;
        to.x += l.slide.x / n;
        to.y += l.slide.y / n;
    }
    double dot = 0, cross = 0, spread = 0, reach = 0;
    const double sign = mirrored ? -1 : 1;  // y is turned round before the turn
    for (const Landmark& l : landmarks) {
        const double px = l.spot.x - from.x, py = sign * (l.spot.y - from.y), qx = l.slide.x - to.x, qy = l.slide.y - to.y;
        dot += px * qx + py * qy;
        cross += px * qy - py * qx;
        spread += px * px + py * py;
        reach = std::max({reach, std::abs(l.spot.x), std::abs(l.spot.y)});
    }
    if (!(spread > 1e-18 * (1 + reach * reach)) || !std::isfinite(spread))
        throw Error(ErrorCode::BadInput, "the landmarks lie on one place; set two or more apart from each other");
    const double c = dot / spread, s = cross / spread;
    const Registration r{{c, -s * sign, to.x - c * from.x + s * sign * from.y, s, c * sign, to.y - s * from.x - c * sign * from.y}};
    if (!r.is_usable()) throw Error(ErrorCode::BadInput, "the landmarks' places on the slide lie on one place; set two or more apart from each other");
    return r;
}

}  // namespace

double Registration::scale() const { return std::sqrt(std::abs(determinant())); }

double Registration::angle() const { return std::atan2(m[3], m[0]) * 180 / std::numbers::pi; }

bool Registration::is_usable() const {
    constexpr double kLeast = 1e-6, kMost = 1e6, kFarthest = 1e12;
    const bool finite = std::all_of(m.begin(), m.end(), [](double v) { return std::isfinite(v) && std::abs(v) < kFarthest; });
    return finite && scale() >= kLeast && scale() <= kMost;
}

Registration after(const Registration& second, const Registration& first) {
    const auto &a = second.m, &b = first.m;
    return {{a[0] * b[0] + a[1] * b[3], a[0] * b[1] + a[1] * b[4], a[0] * b[2] + a[1] * b[5] + a[2],
             a[3] * b[0] + a[4] * b[3], a[3] * b[1] + a[4] * b[4], a[3] * b[2] + a[4] * b[5] + a[5]}};
}

Registration inverse(const Registration& r) {
    if (!r.is_usable()) throw Error(ErrorCode::BadInput, "the registration maps all spots to a line or out of reach; check its six numbers");
    const double det = r.determinant();
    const double a = r.m[4] / det, b = -r.m[1] / det, d = -r.m[3] / det, e = r.m[0] / det;
    return {{a, b, -(a * r.m[2] + b * r.m[5]), d, e, -(d * r.m[2] + e * r.m[5])}};
}

const char* to_string(Orientation o) { return kNames[static_cast<std::size_t>(o)]; }

std::optional<Orientation> orientation_from(const std::string& name) {
    for (const Orientation o : kOrientations)
        if (name == to_string(o)) return o;
    return std::nullopt;
}

Registration oriented(Orientation o, double scale, double width, double height) {
    const double s = scale;
    switch (o) {
        case Orientation::Identity: return {{s, 0, 0, 0, s, 0}};
        case Orientation::Swap: return {{0, s, 0, s, 0, 0}};
        case Orientation::MirrorX: return {{-s, 0, width, 0, s, 0}};
        case Orientation::MirrorY: return {{s, 0, 0, 0, -s, height}};
        case Orientation::Rotate90: return {{0, -s, width, s, 0, 0}};
        case Orientation::Rotate180: return {{-s, 0, width, 0, -s, height}};
        case Orientation::Rotate270: return {{0, s, 0, -s, 0, height}};
        case Orientation::TransposeOther: return {{0, -s, width, -s, 0, height}};
    }
    return {};
}

Registration fit_similarity(const std::vector<Landmark>& landmarks, Handedness handedness) {
    if (landmarks.size() < 2) throw Error(ErrorCode::BadInput, "a registration takes two landmark pairs or more");
    const bool both = handedness == Handedness::Either && landmarks.size() > 2;
    const Registration one = fit(landmarks, handedness == Handedness::Mirrored);
    if (!both) return one;
    const Registration other = fit(landmarks, true);
    return root_mean_square(residuals_px(other, landmarks)) < root_mean_square(residuals_px(one, landmarks)) ? other : one;
}

std::vector<double> residuals_px(const Registration& r, const std::vector<Landmark>& landmarks) {
    std::vector<double> out;
    for (const Landmark& l : landmarks) {
        const Position at = r.apply(l.spot);
        out.push_back(std::hypot(at.x - l.slide.x, at.y - l.slide.y));
    }
    return out;
}

double root_mean_square(const std::vector<double>& values) {
    double squares = 0;
    for (const double v : values) squares += v * v;
    return values.empty() ? 0 : std::sqrt(squares / static_cast<double>(values.size()));
}

void register_positions(std::vector<double>& x, std::vector<double>& y, const Registration& r) {
    if (r.is_identity()) return;
    constexpr double kPerPixel = 1024;  // no machine's last bit enters the identity of the spots
    for (std::size_t i = 0; i < x.size() && i < y.size(); ++i) {
        const Position p = r.apply({x[i], y[i]});
        x[i] = std::round(p.x * kPerPixel) / kPerPixel;
        y[i] = std::round(p.y * kPerPixel) / kPerPixel;
    }
}

void register_spots(SpotTable& spots, const Registration& r) {
    register_positions(spots.x, spots.y, r);
    if (spots.diameter_px) *spots.diameter_px *= r.scale();
}

}  // namespace c2l
