#include "ui/mainwindow/slide_page.h"

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
    : QWidget(parent), document_(document), view_(new SlideView), spots_(new SpotOverlay(this)), map_(new MapOverlay(this)) {
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(view_);
    view_->addLayer(map_);
    view_->addLayer(spots_);
    view_->setEmptyText(tr("Drop a slide, a folder with a slide and its spots, or a project (*.c2l) here.\nNo data at hand? File › Open sample makes a simulated section."));
    connect(document_, &Document::slideChanged, this, &SlidePage::takeSlide);
    connect(document_, &Document::spotsChanged, this, &SlidePage::takeSpots);
    connect(document_, &Document::mapChanged, this, &SlidePage::takeMap);
    connect(view_, &SlideView::cursorMoved, this, &SlidePage::describeCursor);
    connect(view_, &SlideView::cursorLeft, this, [this] { Q_EMIT pointed({}); });
    connect(view_, &SlideView::spotClicked, this, [this](int index) {
        if (spots_->isVisible()) spots_->setSelectedIndex(index);
    });
}

void SlidePage::takeSlide() {
    view_->setSlide(document_->slide());
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
    spots_->setSpots(t.x, t.y, std::max(1.0, document_->spot_diameter_px()));
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
    spots_->setVisible(s.shown && !s.predicted);
    map_->setVisible(s.shown && s.predicted);
    spots_->setOpacity(s.opacity);
    map_->setOpacity(s.opacity);
    spots_->setSizeFactor(s.spot_size);
    map_->setDimUncertain(s.abstain);
    gene_ = s.gene;
    const ExpressionShown shown = s.predicted ? showPredicted(s) : showMeasured(s);
    unit_ = shown.unit;
    view_->setCaption(!shown.any ? QString() : s.predicted ? tr("%1, predicted").arg(gene_) : tr("%1, measured").arg(gene_));
    return shown;
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

ExpressionShown SlidePage::showPredicted(const ExpressionSettings& s) {
    auto values = document_->predicted(s.gene);
    ExpressionShown shown;
    shown.any = !values.empty();
    if (!shown.any && document_->map()) values.assign(document_->map()->spots.size(), std::nanf(""));
    if (shown.any) {
        shown.scale = scale_for(values, s);
        shown.title = s.gene;
        shown.unit = document_->map_unit();
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

void SlidePage::describeCursor(double x, double y) {
    QString text;
    const double mpp = document_->mpp();
    text = mpp > 0 ? tr("x %1  y %2 µm").arg(x * mpp, 0, 'f', 0).arg(y * mpp, 0, 'f', 0) : tr("x %1  y %2 px").arg(x, 0, 'f', 0).arg(y, 0, 'f', 0);
    if (spots_->isVisible() && document_->spots()) {
        if (const int i = spots_->spotAt(x, y); i >= 0) {
            text += tr("   ·   spot %1").arg(QString::fromStdString(document_->spots()->spots.barcodes[static_cast<std::size_t>(i)]));
            if (!spots_->values().empty()) text += tr(": %1 %2 %3").arg(gene_).arg(spots_->values()[static_cast<std::size_t>(i)], 0, 'f', 2).arg(unit_);
        }
    } else if (map_->isVisible() && document_->map()) {
        const int i = map_->grid().place_at(x, y);
        const auto at = static_cast<std::size_t>(i);
        if (i >= 0 && at < map_->values().size() && std::isfinite(map_->values()[at])) {
            text += tr("   ·   %1 %2 %3").arg(gene_).arg(map_->values()[at], 0, 'f', 2).arg(unit_);
            const auto low = document_->predicted_at(gene_, "lower", at), high = document_->predicted_at(gene_, "upper", at);
            if (low && high) text += tr(" (90 % interval %1 to %2)").arg(*low, 0, 'f', 2).arg(*high, 0, 'f', 2);
        }
    }
    Q_EMIT pointed(text);
}

}  // namespace c2l::ui
