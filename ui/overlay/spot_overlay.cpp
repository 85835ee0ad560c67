#include "ui/overlay/spot_overlay.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/error.h"

namespace c2l {

namespace {

constexpr double kSpriteMost = 96;   // device pixels; larger discs are few and are drawn one by one
constexpr double kLeastShown = 2.0;  // widget pixels: spots stay visible on the whole slide
const QColor kPlainColour(0x1b, 0x6e, 0xc2);
const QColor kDimmedColour(0x70, 0x70, 0x70);
const QColor kSelectedColour(0xd9, 0x48, 0x01);
constexpr int kPlainAlpha = 70, kDimmedAlpha = 40;  // of 255, where a ring would be too small to be one
constexpr std::size_t kMostDiscs = 20'000;          // drawn one by one
constexpr double kDenseMost = 6;                    // device pixels; larger spots in such numbers do not fit a screen
constexpr std::size_t kMostRings = 2'000;           // more selected ones are coloured instead

}  // namespace

void SpotOverlay::setSpots(std::vector<double> x, std::vector<double> y, double diameter_px) {
    take(std::move(x), std::move(y), diameter_px);
    grid_ = {};
    index();
    recolour();
}

void SpotOverlay::setBins(std::vector<double> x, std::vector<double> y, GridMap grid) {
    const auto n = static_cast<std::int64_t>(x.size());
    if (std::any_of(grid.cell_to_place.begin(), grid.cell_to_place.end(), [n](int place) { return place >= n; }))
        throw Error(ErrorCode::Mismatch, "the grid names bins that there are not");
    take(std::move(x), std::move(y), grid.pitch());
    grid_ = std::move(grid);
    index();
    recolour();
}

void SpotOverlay::take(std::vector<double> x, std::vector<double> y, double diameter_px) {
    if (x.size() != y.size()) throw Error(ErrorCode::Mismatch, "spots need as many x as y positions");
    const auto finite = [](double v) { return std::isfinite(v); };
    if (!std::all_of(x.begin(), x.end(), finite) || !std::all_of(y.begin(), y.end(), finite)) {
        throw Error(ErrorCode::BadInput, "a spot has a position that is not a number");
    }
    x_ = std::move(x);
    y_ = std::move(y);
    diameter_ = diameter_px > 0 && std::isfinite(diameter_px) ? diameter_px : 1;
    values_.clear();
    dimmed_.clear();
    selected_.clear();
    selected_count_ = 0;
    hovered_ = -1;
    moved_ = {};
    grown_ = 1;
}

void SpotOverlay::setMoved(const QTransform& to) {
    const double area = std::abs(to.determinant());
    if (to == moved_ || !to.isInvertible() || !std::isfinite(area) || !(area > 0)) return;
    moved_ = to;
    grown_ = std::sqrt(area);
    shown_grid_.cols = grid_.cols;
    shown_grid_.rows = grid_.rows;
    shown_grid_.to_slide = grid_.to_slide * moved_;
    Q_EMIT changed();
}

void SpotOverlay::setValues(std::vector<float> values) {
    if (!values.empty() && values.size() != count()) throw Error(ErrorCode::Mismatch, "each spot needs one value to be coloured by");
    values_ = std::move(values);
    recolour();
}

void SpotOverlay::setColours(ColourMapId map, const ColourScale& scale) {
    if (map_ == map && scale_ == scale) return;
    if (map_ != map) sprite_diameter_ = -1;
    map_ = map;
    scale_ = scale;
    recolour();
}

void SpotOverlay::setSizeFactor(double factor) {
    if (!(factor > 0) || !std::isfinite(factor) || factor == size_factor_) return;
    size_factor_ = factor;
    index();
    Q_EMIT changed();
}

void SpotOverlay::setDimmed(std::vector<std::uint8_t> dimmed) {
    if (!dimmed.empty() && dimmed.size() != count()) throw Error(ErrorCode::Mismatch, "the marks do not belong to these spots");
    dimmed_ = std::move(dimmed);
    recolour();
}

void SpotOverlay::setSelected(std::vector<std::uint8_t> selected) {
    if (!selected.empty() && selected.size() != count()) throw Error(ErrorCode::Mismatch, "the selection does not belong to these spots");
    selected_ = std::move(selected);
    selected_count_ = static_cast<std::size_t>(std::count_if(selected_.begin(), selected_.end(), [](std::uint8_t on) { return on != 0; }));
    bins_.clear();  // a large selection is part of its picture
    Q_EMIT changed();
}

void SpotOverlay::setSelectedIndex(int index) {
    std::vector<std::uint8_t> selected(count(), 0);
    if (index >= 0 && static_cast<std::size_t>(index) < count()) selected[static_cast<std::size_t>(index)] = 1;
    setSelected(std::move(selected));
}

void SpotOverlay::setHovered(int index) {
    if (hovered_ == index) return;
    hovered_ = index;
    Q_EMIT changed();
}

QRectF SpotOverlay::bounds() const {
    if (x_.empty()) return {};
    const auto [x0, x1] = std::minmax_element(x_.begin(), x_.end());
    const auto [y0, y1] = std::minmax_element(y_.begin(), y_.end());
    const double d = diameter();
    return {*x0 - d / 2, *y0 - d / 2, *x1 - *x0 + d, *y1 - *y0 + d};
}

// Counting sort of the spots into square cells no smaller than a spot, so that a point's spot lies in its cell or a neighbour.
void SpotOverlay::index() {
    cell_start_.clear();
    cell_spots_.clear();
    if (x_.empty() || areBins()) return;
    const QRectF box = bounds();
    // About one spot per cell; never many more cells than spots, however far a stray spot lies.
    cell_ = std::max({diameter(), std::sqrt(box.width() * box.height() / static_cast<double>(count())),
                      std::max(box.width(), box.height()) / (4.0 * static_cast<double>(count()) + 16)});
    left_ = box.left();
    top_ = box.top();
    cols_ = static_cast<int>(box.width() / cell_) + 1;
    rows_ = static_cast<int>(box.height() / cell_) + 1;
    const auto cell_of = [this](std::size_t i) {
        return static_cast<std::size_t>((y_[i] - top_) / cell_) * static_cast<std::size_t>(cols_) +
               static_cast<std::size_t>((x_[i] - left_) / cell_);
    };
    cell_start_.assign(static_cast<std::size_t>(cols_) * static_cast<std::size_t>(rows_) + 1, 0);
    for (std::size_t i = 0; i < count(); ++i) ++cell_start_[cell_of(i) + 1];
    for (std::size_t c = 1; c < cell_start_.size(); ++c) cell_start_[c] += cell_start_[c - 1];
    cell_spots_.resize(count());
    std::vector<int> next(cell_start_.begin(), cell_start_.end() - 1);
    for (std::size_t i = 0; i < count(); ++i) cell_spots_[static_cast<std::size_t>(next[cell_of(i)]++)] = static_cast<int>(i);
}

int SpotOverlay::spotAt(double shown_x, double shown_y) const {
    const QPointF at = moved_.isIdentity() ? QPointF(shown_x, shown_y) : moved_.inverted().map(QPointF(shown_x, shown_y));
    const double x = at.x(), y = at.y();
    if (areBins()) return grid_.place_at(x, y);
    if (cell_start_.empty()) return -1;
    const double radius = diameter() / 2;
    const double fc = std::floor((x - left_) / cell_), fr = std::floor((y - top_) / cell_);
    if (!(fc >= -1 && fr >= -1 && fc <= cols_ && fr <= rows_)) return -1;
    int best = -1;
    double least = radius * radius;
    for (int row = std::max(0, static_cast<int>(fr) - 1); row <= std::min(rows_ - 1, static_cast<int>(fr) + 1); ++row) {
        for (int col = std::max(0, static_cast<int>(fc) - 1); col <= std::min(cols_ - 1, static_cast<int>(fc) + 1); ++col) {
            const auto cell = static_cast<std::size_t>(row) * static_cast<std::size_t>(cols_) + static_cast<std::size_t>(col);
            for (int k = cell_start_[cell]; k < cell_start_[cell + 1]; ++k) {
                const auto i = static_cast<std::size_t>(cell_spots_[static_cast<std::size_t>(k)]);
                const double d = (x_[i] - x) * (x_[i] - x) + (y_[i] - y) * (y_[i] - y);
                if (d > least) continue;
                least = d;
                best = static_cast<int>(i);
            }
        }
    }
    return best;
}

int SpotOverlay::hit(QPointF level0) const { return spotAt(level0.x(), level0.y()); }

void SpotOverlay::recolour() {
    bins_.clear();
    stale_ = true;  // worked out once, when it is painted, however much was set before
    Q_EMIT changed();
}

void SpotOverlay::workOutColours() {
    if (!std::exchange(stale_, false)) return;
    if (values_.empty()) colours_.assign(count(), kPlain);
    else colours_ = scale_.indices(values_);
    for (std::size_t i = 0; i < values_.size(); ++i)
        if (colours_[i] < 0 && std::isnan(values_[i])) colours_[i] = kDimmed;  // not measured is told apart from zero: a faint ring
    for (std::size_t i = 0; i < dimmed_.size(); ++i)
        if (dimmed_[i]) colours_[i] = kDimmed;
}

void SpotOverlay::paintDisc(QPainter& painter, QPointF centre, double diameter, int colour) const {
    if (colour <= 255) {
        painter.setPen(Qt::NoPen);
        painter.setBrush(QColor(ColourMap::get(map_).at(colour)));
        painter.drawEllipse(centre, diameter / 2, diameter / 2);
        return;
    }
    const double width = std::clamp(diameter * 0.08, 0.75, 2.0);
    painter.setPen(QPen(colour == kPlain ? kPlainColour : kDimmedColour, width));
    painter.setBrush(Qt::NoBrush);
    const double radius = std::max(0.5, (diameter - width) / 2);
    painter.drawEllipse(centre, radius, radius);
}

const QImage& SpotOverlay::sprite(int colour, double diameter, double dpr) {
    if (sprite_diameter_ != diameter || sprite_dpr_ != dpr || sprite_opacity_ != opacity()) {
        sprites_.fill({});
        sprite_diameter_ = diameter;
        sprite_dpr_ = dpr;
        sprite_opacity_ = opacity();
    }
    QImage& image = sprites_[static_cast<std::size_t>(colour)];
    if (!image.isNull()) return image;
    const int side = static_cast<int>(std::ceil(diameter * dpr)) + 2;
    image = QImage(side, side, QImage::Format_ARGB32_Premultiplied);
    image.fill(Qt::transparent);
    image.setDevicePixelRatio(dpr);
    QPainter painter(&image);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setOpacity(opacity());
    paintDisc(painter, QPointF(side / dpr / 2, side / dpr / 2), diameter, colour);
    return image;
}

QRgb SpotOverlay::flatColour(int colour) const {
    if (colour == kHidden) return 0;
    if (colour <= 255) return ColourMap::get(map_).at(colour) | 0xff000000;
    const QColor& ring = colour == kPlain ? kPlainColour : kDimmedColour;
    return qPremultiply(qRgba(ring.red(), ring.green(), ring.blue(), colour == kPlain ? kPlainAlpha : kDimmedAlpha));
}

void SpotOverlay::paint(QPainter& painter, const ViewTransform& view) {
    if (x_.empty()) return;
    workOutColours();
    if (areBins()) {
        paintBins(painter, view);
    } else {
        const auto seen = inSight(view);
        const double shown = std::max(shownDiameter() * view.scale(), kLeastShown) * painter.device()->devicePixelRatioF();
        if (seen.size() > kMostDiscs && shown <= kDenseMost) paintDense(painter, view, seen);
        else paintDiscs(painter, view, seen);
    }
    paintMarks(painter, view);
}

void SpotOverlay::paintBins(QPainter& painter, const ViewTransform& view) {
    if (bins_.isNull()) {
        std::array<QRgb, kDimmed + 2> flat{};  // by colour, from kHidden on
        for (int colour = kHidden; colour <= kDimmed; ++colour) flat[static_cast<std::size_t>(colour - kHidden)] = flatColour(colour);
        std::vector<QRgb> colours(count());
        for (std::size_t i = 0; i < count(); ++i) colours[i] = flat[static_cast<std::size_t>(colours_[i] - kHidden)];
        if (manySelected()) {
            for (std::size_t i = 0; i < count(); ++i)
                if (selected_[i]) colours[i] = kSelectedColour.rgb();
        }
        bins_.set(grid_, colours);
    }
    painter.setOpacity(opacity());
    bins_.paint(painter, view, moved_.isIdentity() ? grid_ : shown_grid_, false);
}

std::vector<std::size_t> SpotOverlay::inSight(const ViewTransform& view) const {
    const double reach = std::max(shownDiameter(), kLeastShown / view.scale());
    const QRectF seen = view.visible().adjusted(-reach, -reach, reach, reach);
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < count(); ++i)
        if (colours_[i] != kHidden && seen.contains(shownAt(i))) out.push_back(i);
    return out;
}

void SpotOverlay::paintDiscs(QPainter& painter, const ViewTransform& view, const std::vector<std::size_t>& seen) {
    const double shown = std::max(shownDiameter() * view.scale(), kLeastShown);
    const double dpr = painter.device()->devicePixelRatioF();
    const bool use_sprites = shown * dpr <= kSpriteMost;
    painter.setRenderHint(QPainter::Antialiasing);
    if (!use_sprites) painter.setOpacity(opacity());
    for (const std::size_t i : seen) {
        const QPointF centre = view.toWidget(shownAt(i));
        if (!use_sprites) {
            paintDisc(painter, centre, shown, colours_[i]);
            continue;
        }
        const QImage& disc = sprite(colours_[i], shown, dpr);
        const double half = disc.width() / dpr / 2;
        painter.drawImage(QPointF(std::round((centre.x() - half) * dpr) / dpr, std::round((centre.y() - half) * dpr) / dpr), disc);
    }
}

// Squares of a few device pixels, written straight into one picture.
void SpotOverlay::paintDense(QPainter& painter, const ViewTransform& view, const std::vector<std::size_t>& seen) const {
    const double dpr = painter.device()->devicePixelRatioF();
    const int side = static_cast<int>(std::lround(std::max(shownDiameter() * view.scale(), kLeastShown) * dpr));
    QImage picture((view.widgetSize() * dpr).toSize(), QImage::Format_ARGB32_Premultiplied);
    picture.fill(Qt::transparent);
    const bool marked = manySelected();
    for (const std::size_t i : seen) {
        const QPointF corner = view.toWidget(shownAt(i)) * dpr - QPointF(side / 2.0, side / 2.0);
        const int left = static_cast<int>(std::lround(corner.x())), top = static_cast<int>(std::lround(corner.y()));
        const QRgb colour = marked && selected_[i] ? kSelectedColour.rgb() : flatColour(colours_[i]);
        for (int y = std::max(0, top); y < std::min(picture.height(), top + side); ++y) {
            auto* line = reinterpret_cast<QRgb*>(picture.scanLine(y));
            for (int x = std::max(0, left); x < std::min(picture.width(), left + side); ++x) line[x] = colour;
        }
    }
    picture.setDevicePixelRatio(dpr);
    painter.setOpacity(opacity());
    painter.drawImage(QPointF(0, 0), picture);
}

bool SpotOverlay::manySelected() const { return selected_count_ > kMostRings; }

// Rings around the selected and the hovered spots: white beneath dark, so that they stand out on any colour.
void SpotOverlay::paintMarks(QPainter& painter, const ViewTransform& view) const {
    painter.setOpacity(1);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setBrush(Qt::NoBrush);
    const double radius = std::max(shownDiameter() * view.scale(), kLeastShown) / 2;
    const auto ring = [&](std::size_t i, const QColor& colour) {
        const QPointF centre = view.toWidget(shownAt(i));
        painter.setPen(QPen(Qt::white, 4));
        painter.drawEllipse(centre, radius + 1, radius + 1);
        painter.setPen(QPen(colour, 2));
        painter.drawEllipse(centre, radius + 1, radius + 1);
    };
    const QRectF seen = view.visible();
    for (std::size_t i = 0; i < selected_.size(); ++i) {
        if (!manySelected() && selected_[i] && seen.contains(shownAt(i))) ring(i, kSelectedColour);
    }
    if (hovered_ >= 0 && static_cast<std::size_t>(hovered_) < count()) ring(static_cast<std::size_t>(hovered_), QColor(20, 20, 20));
}

}  // namespace c2l
