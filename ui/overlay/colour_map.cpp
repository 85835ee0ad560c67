#include "ui/overlay/colour_map.h"

#include <QCoreApplication>
#include <algorithm>
#include <cmath>
#include <limits>

#include "ui/overlay/colour_tables.h"

namespace c2l {

namespace {

double stretched(double v, bool log) { return log ? std::copysign(std::log1p(std::abs(v)), v) : v; }
double unstretched(double v, bool log) { return log ? std::copysign(std::expm1(std::abs(v)), v) : v; }

// The value below which `percent` of the sorted values lie, interpolated between neighbours.
double percentile(const std::vector<float>& sorted, double percent) {
    const double at = std::clamp(percent, 0.0, 100.0) / 100 * static_cast<double>(sorted.size() - 1);
    const auto i = static_cast<std::size_t>(at);
    const std::size_t j = std::min(i + 1, sorted.size() - 1);
    return sorted[i] + (sorted[j] - sorted[i]) * (at - static_cast<double>(i));
}

std::vector<float> finite_sorted(const std::vector<float>& values) {
    std::vector<float> sorted;
    sorted.reserve(values.size());
    std::copy_if(values.begin(), values.end(), std::back_inserter(sorted), [](float v) { return std::isfinite(v); });
    std::sort(sorted.begin(), sorted.end());
    return sorted;
}

}  // namespace

const ColourMap& ColourMap::get(ColourMapId id) {
    static const std::array<ColourMap, 4> maps = [] {
        std::array<ColourMap, 4> m;
        const std::array<const std::array<std::uint32_t, 256>*, 4> tables = {&colour_tables::kViridis, &colour_tables::kCividis,
                                                                             &colour_tables::kMagma, &colour_tables::kBlueRed};
        for (std::size_t k = 0; k < m.size(); ++k) {
            for (std::size_t i = 0; i < 256; ++i) m[k].table_[i] = 0xff000000U | (*tables[k])[i];
        }
        m[3].diverging_ = true;
        return m;
    }();
    return maps[static_cast<std::size_t>(id)];
}

QList<ColourMapId> ColourMap::all() { return {ColourMapId::Viridis, ColourMapId::Cividis, ColourMapId::Magma, ColourMapId::BlueRed}; }

QString ColourMap::name(ColourMapId id) {
    switch (id) {
        case ColourMapId::Viridis:
            return QStringLiteral("viridis");
        case ColourMapId::Cividis:
            return QStringLiteral("cividis");
        case ColourMapId::Magma:
            return QStringLiteral("magma");
        case ColourMapId::BlueRed:
            break;
    }
    return QCoreApplication::translate("ColourMap", "blue–red");
}

QRgb ColourMap::colour(double t) const { return at(static_cast<int>(std::lround(std::clamp(std::isnan(t) ? 0.0 : t, 0.0, 1.0) * 255))); }

double ColourScale::position(double v) const {
    if (std::isnan(v)) return v;
    const double a = stretched(low, log), b = stretched(high, log);
    if (!(b > a)) return v >= high ? 1 : 0;
    return std::clamp((stretched(v, log) - a) / (b - a), 0.0, 1.0);
}

double ColourScale::value(double position) const {
    const double a = stretched(low, log), b = stretched(high, log);
    return unstretched(a + (b - a) * position, log);
}

int ColourScale::index(double v) const {
    if (std::isnan(v) || (zero_transparent && v == 0)) return -1;
    return static_cast<int>(std::lround(position(v) * 255));
}

// As index() says, with what is the same for all worked out once.
std::vector<int> ColourScale::indices(const std::vector<float>& values) const {
    std::vector<int> out(values.size());
    const double a = stretched(low, log), b = stretched(high, log);
    const double factor = b > a ? 255 / (b - a) : 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const double v = values[i];
        if (std::isnan(v) || (zero_transparent && v == 0)) out[i] = -1;
        else if (factor > 0) out[i] = static_cast<int>(std::clamp((stretched(v, log) - a) * factor, 0.0, 255.0) + 0.5);
        else out[i] = v >= high ? 255 : 0;
    }
    return out;
}

ColourScale limits_at(const std::vector<float>& values, double low_percent, double high_percent) {
    const auto sorted = finite_sorted(values);
    ColourScale scale;
    if (sorted.empty()) return scale;
    scale.low = percentile(sorted, low_percent);
    scale.high = percentile(sorted, high_percent);
    if (scale.high > scale.low) return scale;
    // A gene found in few spots: the percentiles coincide, the whole range still tells the spots apart.
    scale.low = std::min<double>(scale.low, sorted.front());
    scale.high = std::max<double>(scale.high, sorted.back());
    if (!(scale.high > scale.low)) scale.high = scale.low + 1;
    return scale;
}

ColourScale symmetric_limits(const std::vector<float>& values, double high_percent) {
    std::vector<float> sizes(values.size());
    std::transform(values.begin(), values.end(), sizes.begin(), [](float v) { return std::abs(v); });
    ColourScale scale = limits_at(sizes, 0, high_percent);
    if (!(scale.high > 0)) scale.high = 1;
    scale.low = -scale.high;
    return scale;
}

}  // namespace c2l
