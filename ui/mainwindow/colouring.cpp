#include "ui/mainwindow/colouring.h"

#include <QCoreApplication>
#include <algorithm>
#include <cmath>
#include <tuple>

namespace c2l::ui {
namespace {

QString figures(const std::vector<float>& values, const QString& places) {
    double sum = 0;
    std::size_t n = 0, seen = 0;
    for (const float v : values) {
        if (!std::isfinite(v)) continue;
        sum += v;
        ++n;
        seen += v != 0;
    }
    if (n == 0) return {};
    return QObject::tr("%L1 %2, not zero in %3 %, mean %4").arg(n).arg(places).arg(100.0 * static_cast<double>(seen) / static_cast<double>(n), 0, 'f', 0).arg(sum / static_cast<double>(n), 0, 'f', 2);
}

Coloured colour_measured(const ColouringRequest& r, std::vector<float> values) {
    Coloured out;
    if (r.spots && values.size() == r.spots->spots.size()) out.values = std::move(values);
    out.shown.any = !out.values.empty();
    if (!out.shown.any) return out;
    const auto unit = r.spots->expression.unit;
    out.shown.scale = scale_for(out.values, r.settings);
    out.shown.title = r.settings.gene;
    out.shown.unit = unit == ExpressionUnit::Counts ? to_text(r.settings.unit) : QString::fromLatin1(to_string(unit));
    out.shown.figures = figures(out.values, QObject::tr("spots"));
    return out;
}

// `measured`: beside it, whose limits are taken over where both are in one unit.
Coloured colour_predicted(const ColouringRequest& r, std::vector<float> values, const ExpressionShown* measured) {
    Coloured out;
    out.values = std::move(values);
    out.shown.any = !out.values.empty();
    if (!out.shown.any && r.map) out.values.assign(r.map->spots.size(), std::nanf(""));
    if (!out.shown.any) return out;
    out.shown.title = r.settings.gene;
    out.shown.unit = r.map_unit;
    out.shown.scale = measured && measured->any && measured->unit == out.shown.unit ? measured->scale : scale_for(out.values, r.settings);
    out.shown.figures = figures(out.values, QObject::tr("places"));
    return out;
}

}  // namespace

bool ColouringRequest::sameColours(const ColouringRequest& o) const {
    const auto key = [](const ColouringRequest& r) {
        const ExpressionSettings& s = r.settings;
        return std::tuple(s.gene, s.unit, s.fixed_limits, s.low, s.high, s.colours, s.log, s.zero_transparent, r.measured, r.predicted, r.spots, r.map);
    };
    return key(*this) == key(o);
}

ColourScale scale_for(const std::vector<float>& values, const ExpressionSettings& s) {
    ColourScale scale = s.fixed_limits ? ColourScale{s.low, std::max(s.high, s.low + 1e-6)} : limits_at(values, std::min(s.low, s.high), std::max(s.low, s.high));
    scale.log = s.log;
    scale.zero_transparent = s.zero_transparent;
    return scale;
}

Colouring work_out(const ColouringRequest& request, const std::function<std::vector<float>()>& measured, const std::function<std::vector<float>()>& predicted) {
    Colouring out;
    if (request.measured) out.measured = colour_measured(request, measured());
    if (request.predicted) out.predicted = colour_predicted(request, predicted(), request.measured ? &out.measured.shown : nullptr);
    return out;
}

SpotPlaces places_of(const SpotTable& t) {
    SpotPlaces places{t.x, t.y, t.square ? GridMap::from_cells(t.array_col, t.array_row, t.x, t.y) : std::nullopt, {}};
    if (t.in_tissue.size() != t.size()) return places;
    places.off_tissue.resize(t.size());
    std::transform(t.in_tissue.begin(), t.in_tissue.end(), places.off_tissue.begin(), [](std::uint8_t in) { return in == 0; });
    return places;
}

}  // namespace c2l::ui
