#include "ui/mainwindow/slide_page.h"

#include <QSplitter>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

#include "ui/document/document.h"

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

}  // namespace

ColourScale scale_for(const std::vector<float>& values, const ExpressionSettings& s) {
    ColourScale scale = s.fixed_limits ? ColourScale{s.low, std::max(s.high, s.low + 1e-6)} : limits_at(values, std::min(s.low, s.high), std::max(s.low, s.high));
    scale.log = s.log;
    scale.zero_transparent = s.zero_transparent;
    return scale;
}

SlidePage::SlidePage(Document* document, QWidget* parent)
    : QWidget(parent), document_(document), view_(new SlideView), second_(new SlideView), spots_(new SpotOverlay(this)), map_(new MapOverlay(this)) {
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    auto* beside = new QSplitter;
    beside->setChildrenCollapsible(false);
    beside->addWidget(view_);
    beside->addWidget(second_);
    layout->addWidget(beside);
    second_->hide();
    second_->setOverviewVisible(false);
    view_->addLayer(map_);
    view_->addLayer(spots_);
    SlideView::link(view_, second_);
    view_->setEmptyText(tr("Drop a slide, a folder with a slide and its spots, or a project (*.c2l) here.\nNo data at hand? File › Open sample makes a simulated section."));
    connect(document_, &Document::slideChanged, this, &SlidePage::takeSlide);
    connect(document_, &Document::spotsChanged, this, &SlidePage::takeSpots);
    connect(document_, &Document::mapChanged, this, &SlidePage::takeMap);
    for (SlideView* view : {view_, second_}) connectView(view);
}

void SlidePage::connectView(SlideView* view) {
    connect(view, &SlideView::cursorMoved, this, &SlidePage::describeCursor);
    connect(view, &SlideView::cursorLeft, this, [this] { Q_EMIT pointed({}); });
    connect(view, &SlideView::spotClicked, this, [this, view](int index) {
        if (spots_->isVisible() && view->layers().contains(spots_)) spots_->setSelectedIndex(index);
    });
}

void SlidePage::addLayer(Layer* layer) {
    for (SlideView* view : {view_, second_}) view->addLayer(layer);
}

bool SlidePage::isSideBySide() const { return !second_->isHidden(); }

void SlidePage::setSideBySide(bool on) {
    if (on == isSideBySide()) return;
    if (on) {
        view_->removeLayer(map_);
        second_->showLike(*view_);
        second_->insertLayer(0, map_);
    } else {
        second_->removeLayer(map_);
        second_->setLoader(nullptr);
        view_->insertLayer(0, map_);
    }
    second_->setVisible(on);
    Q_EMIT sideBySideChanged(on);
}

void SlidePage::takeSlide() {
    view_->setSlide(document_->slide());
    if (isSideBySide()) second_->showLike(*view_);
    takeSpots();  // a diameter in µm needs the slide's µm/px
    takeMap();
}

void SlidePage::takeSpots() {
    const auto& data = document_->spots();
    if (!data) {
        spots_->setSpots({}, {}, 1);
        return;
    }
    const SpotTable& t = data->spots;
    auto grid = t.square ? GridMap::from_cells(t.array_col, t.array_row, t.x, t.y) : std::nullopt;
    if (grid) spots_->setBins(t.x, t.y, std::move(*grid));
    else spots_->setSpots(t.x, t.y, std::max(1.0, document_->spot_diameter_px()));
    std::vector<std::uint8_t> off_tissue(t.in_tissue.size());
    std::transform(t.in_tissue.begin(), t.in_tissue.end(), off_tissue.begin(), [](std::uint8_t in) { return in == 0; });
    if (off_tissue.size() == t.size()) spots_->setDimmed(std::move(off_tissue));
}

void SlidePage::takeMap() {
    const auto& data = document_->map();
    if (!data || data->spots.size() == 0) return map_->clear();
    map_->setGrid(GridMap::from_centres(data->spots.x, data->spots.y, document_->map_cell_px()), data->spots.size());
    map_->setInDistribution(document_->in_distribution());
}

ExpressionShown SlidePage::showExpression(const ExpressionSettings& s) {
    const bool both = isSideBySide();
    spots_->setVisible(s.shown && (both || !s.predicted));
    map_->setVisible(s.shown && (both || s.predicted));
    spots_->setOpacity(s.opacity);
    map_->setOpacity(s.opacity);
    spots_->setSizeFactor(s.spot_size);
    map_->setDimUncertain(s.abstain);
    gene_ = s.gene;
    ExpressionShown measured, predicted;
    if (both || !s.predicted) measured = showMeasured(s);
    if (both || s.predicted) predicted = showPredicted(s, both && measured.any ? &measured : nullptr);
    measured_unit_ = measured.unit;
    predicted_unit_ = predicted.unit;
    const auto caption = [&](const ExpressionShown& shown, const QString& what) {
        if (!shown.any) return QString();
        return both ? tr("%1, %2: %3 to %4 %5").arg(gene_, what).arg(shown.scale.low, 0, 'g', 3).arg(shown.scale.high, 0, 'g', 3).arg(shown.unit) : tr("%1, %2").arg(gene_, what);
    };
    view_->setCaption(both || !s.predicted ? caption(measured, tr("measured")) : caption(predicted, tr("predicted")));
    second_->setCaption(predicted.any ? caption(predicted, tr("predicted")) : tr("as scanned"));
    return s.predicted ? predicted : measured;
}

ExpressionShown SlidePage::showMeasured(const ExpressionSettings& s) {
    auto values = document_->measured(s.gene, s.unit);
    if (values.size() != spots_->count()) values.clear();
    ExpressionShown shown;
    shown.any = !values.empty();
    if (shown.any) {
        const auto unit = document_->spots()->expression.unit;
        shown.scale = scale_for(values, s);
        shown.title = s.gene;
        shown.unit = unit == ExpressionUnit::Counts ? to_text(s.unit) : QString::fromLatin1(to_string(unit));
        shown.figures = figures(values, tr("spots"));
    }
    spots_->setColours(s.colours, shown.scale);
    spots_->setValues(std::move(values));
    return shown;
}

// `measured`: beside it, whose limits are taken over where both are in one unit.
ExpressionShown SlidePage::showPredicted(const ExpressionSettings& s, const ExpressionShown* measured) {
    auto values = document_->predicted(s.gene);
    ExpressionShown shown;
    shown.any = !values.empty();
    if (!shown.any && document_->map()) values.assign(document_->map()->spots.size(), std::nanf(""));
    if (shown.any) {
        shown.title = s.gene;
        shown.unit = document_->map_unit();
        shown.scale = measured && measured->unit == shown.unit ? measured->scale : scale_for(values, s);
        shown.figures = figures(values, tr("places"));
    }
    map_->setColours(s.colours, shown.scale);
    if (document_->map()) map_->setValues(std::move(values));
    return shown;
}

void SlidePage::goTo(double x, double y) {
    view_->setMagnification(10);
    view_->centreOn(x, y);
}

QString SlidePage::measuredAt(double x, double y) const {
    const int i = spots_->isVisible() && document_->spots() ? spots_->spotAt(x, y) : -1;
    if (i < 0) return {};
    const auto at = static_cast<std::size_t>(i);
    const QString spot = tr("   ·   spot %1").arg(QString::fromStdString(document_->spots()->spots.barcodes[at]));
    return spots_->values().empty() ? spot : spot + tr(": %1 %2 %3").arg(gene_).arg(spots_->values()[at], 0, 'f', 2).arg(measured_unit_);
}

QString SlidePage::predictedAt(double x, double y) const {
    const int i = map_->isVisible() && document_->map() ? map_->grid().place_at(x, y) : -1;
    const auto at = static_cast<std::size_t>(i);
    if (i < 0 || at >= map_->values().size() || !std::isfinite(map_->values()[at])) return {};
    QString text = tr("   ·   %1 %2 %3").arg(gene_).arg(map_->values()[at], 0, 'f', 2).arg(predicted_unit_);
    const auto low = document_->predicted_at(gene_, "lower", at), high = document_->predicted_at(gene_, "upper", at);
    if (low && high) text += tr(" (90 % interval %1 to %2)").arg(*low, 0, 'f', 2).arg(*high, 0, 'f', 2);
    return text;
}

void SlidePage::describeCursor(double x, double y) {
    const double mpp = document_->mpp();
    const QString place = mpp > 0 ? tr("x %1  y %2 µm").arg(x * mpp, 0, 'f', 0).arg(y * mpp, 0, 'f', 0) : tr("x %1  y %2 px").arg(x, 0, 'f', 0).arg(y, 0, 'f', 0);
    Q_EMIT pointed(place + measuredAt(x, y) + predictedAt(x, y));
}

}  // namespace c2l::ui
