#include "ui/mainwindow/slide_page.h"

#include <QSplitter>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/json_depth.h"
#include "ui/document/background.h"
#include "ui/document/document.h"

namespace c2l::ui {

SlidePage::SlidePage(Document* document, QWidget* parent)
    : QWidget(parent), document_(document), view_(new SlideView), second_(new SlideView), spots_(new SpotOverlay(this)), map_(new MapOverlay(this)) {
    pool_.setMaxThreadCount(1);
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

SlidePage::~SlidePage() { pool_.waitForDone(); }

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
    if (const auto& loader = view_->loader())
        connect(loader.get(), &TileLoader::tilesUnreadable, this, [this] { Q_EMIT failed(tr("Parts of the slide cannot be read and stay grey: the file is damaged, or its disk does not answer; open it again once it does.")); });
    if (isSideBySide()) second_->showLike(*view_);
    takeSpots();  // a diameter in µm needs the slide's µm/px
    takeMap();
}

void SlidePage::takeSpots() {
    const auto data = document_->spots();
    spots_->setSpots({}, {}, 1);
    forgetColours();
    if (!data) return;
    ++placing_;
    run_in_background(pool_, this, [data] { return places_of(data->spots); }, [this, data](auto places) {
        --placing_;
        if (!places || data != document_->spots()) return;
        if (places.value->grid) spots_->setBins(std::move(places.value->x), std::move(places.value->y), std::move(*places.value->grid));
        else spots_->setSpots(std::move(places.value->x), std::move(places.value->y), std::max(1.0, document_->spot_diameter_px()));
        if (!places.value->off_tissue.empty()) spots_->setDimmed(std::move(places.value->off_tissue));
        forgetColours();
        colour();
    });
}

void SlidePage::forgetColours() {
    shown_request_ = {};
    measured_ = predicted_ = {};
}

void SlidePage::takeMap() {
    const auto& data = document_->map();
    shown_request_ = {};  // what the spots show stays true
    predicted_ = {};
    if (!data || data->spots.size() == 0) return map_->clear();
    try {
        map_->setGrid(GridMap::from_centres(data->spots.x, data->spots.y, document_->map_cell_px()), data->spots.size());
        map_->setInDistribution(document_->in_distribution());
    } catch (const Error& error) {  // a map that somebody else has written
        map_->clear();
        Q_EMIT failed(QString::fromStdString(error.line()));
    }
}

void SlidePage::showExpression(const ExpressionSettings& s) {
    const bool both = isSideBySide();
    settings_ = s;
    spots_->setVisible(s.shown && (both || !s.predicted));
    map_->setVisible(s.shown && (both || s.predicted));
    spots_->setOpacity(s.opacity);
    map_->setOpacity(s.opacity);
    spots_->setSizeFactor(s.spot_size);
    map_->setDimUncertain(s.abstain);
    colour();
}

ColouringRequest SlidePage::wanted() const {
    const bool both = isSideBySide();
    return {settings_, both || !settings_.predicted, both || settings_.predicted, document_->spots(), document_->map(), document_->map_unit()};
}

void SlidePage::colour() {
    if (colouring_) return;  // asked again when that is done
    const ColouringRequest request = wanted();
    if (request.sameColours(shown_request_)) return Q_EMIT expressionShown(settings_.predicted ? predicted_ : measured_);
    colouring_ = true;
    run_in_background(
        pool_, this,
        [request, measured = document_->measured(settings_.gene, settings_.unit), predicted = document_->predicted_later(settings_.gene)] { return work_out(request, measured, predicted); },
        [this, request](auto outcome) {
            colouring_ = false;
            if (outcome && request.spots == document_->spots() && request.map == document_->map()) take(request, std::move(*outcome.value));
            if (!outcome) Q_EMIT pointed(outcome.error);
            else if (!wanted().sameColours(request)) colour();
        });
}

void SlidePage::take(const ColouringRequest& request, Colouring colouring) {
    const auto& [measured, predicted] = colouring;
    if (request.measured && (measured.values.empty() || measured.values.size() == spots_->count())) {
        spots_->setColours(request.settings.colours, measured.shown.scale);
        spots_->setValues(std::move(colouring.measured.values));
    }
    if (request.predicted) map_->setColours(request.settings.colours, predicted.shown.scale);
    if (request.predicted && document_->map()) map_->setValues(std::move(colouring.predicted.values));
    shown_request_ = request;
    // What was not asked for keeps its values, and with them its name.
    if (request.measured) measured_ = measured.shown;
    if (request.predicted) predicted_ = predicted.shown;
    const bool both = request.measured && request.predicted;
    const auto caption = [&](const ExpressionShown& shown, const QString& what) {
        if (!shown.any) return QString();
        return both ? tr("%1, %2: %3 to %4 %5").arg(shown.title, what).arg(shown.scale.low, 0, 'g', 3).arg(shown.scale.high, 0, 'g', 3).arg(shown.unit) : tr("%1, %2").arg(shown.title, what);
    };
    view_->setCaption(request.measured ? caption(measured_, tr("measured")) : caption(predicted_, tr("predicted")));
    second_->setCaption(predicted_.any ? caption(predicted_, tr("predicted")) : tr("as scanned"));
    Q_EMIT expressionShown(request.settings.predicted ? predicted_ : measured_);
}

std::optional<ExpressionLegend> SlidePage::legend(const SlideView* view) const {
    const bool predicted = view == second_ || !shown_request_.measured;
    const ExpressionShown& shown = predicted ? predicted_ : measured_;
    const Layer* layer = predicted ? static_cast<const Layer*>(map_) : spots_;
    if (!shown.any || !layer->isVisible() || (view == second_ && !isSideBySide())) return std::nullopt;
    return ExpressionLegend{shown, shown_request_.settings.colours, predicted ? tr("predicted") : tr("measured")};
}

QString SlidePage::origin() const {
    if (!map_->isVisible() || !predicted_.any || !document_->map()) return {};
    const std::string& written = document_->map()->provenance_json;  // by whoever wrote the map
    const auto provenance = is_nested_deeper(written) ? nlohmann::json() : nlohmann::json::parse(written, nullptr, false);
    QString text = QString("Predicted expression of %1, C2L Studio").arg(predicted_.title);
    if (provenance.is_object() && provenance.contains("id") && provenance["id"].is_string()) text += ", map " + QString::fromStdString(provenance["id"].get<std::string>());
    const QString whose = credits(central_of(provenance));
    return whose.isEmpty() ? text : text + ". " + whose;
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
    return spots_->values().empty() ? spot : spot + tr(": %1 %2 %3").arg(measured_.title).arg(spots_->values()[at], 0, 'f', 2).arg(measured_.unit);
}

QString SlidePage::predictedAt(double x, double y) const {
    const int i = map_->isVisible() && document_->map() ? map_->grid().place_at(x, y) : -1;
    const auto at = static_cast<std::size_t>(i);
    if (i < 0 || at >= map_->values().size() || !std::isfinite(map_->values()[at])) return {};
    QString text = tr("   ·   %1 %2 %3").arg(predicted_.title).arg(map_->values()[at], 0, 'f', 2).arg(predicted_.unit);
    const auto low = document_->predicted_at(predicted_.title, "lower", at), high = document_->predicted_at(predicted_.title, "upper", at);
    if (low && high) text += tr(" (90 % interval %1 to %2)").arg(*low, 0, 'f', 2).arg(*high, 0, 'f', 2);
    return text;
}

void SlidePage::describeCursor(double x, double y) {
    const double mpp = document_->mpp();
    const QString place = mpp > 0 ? tr("x %1  y %2 µm").arg(x * mpp, 0, 'f', 0).arg(y * mpp, 0, 'f', 0) : tr("x %1  y %2 px").arg(x, 0, 'f', 0).arg(y, 0, 'f', 0);
    Q_EMIT pointed(place + measuredAt(x, y) + predictedAt(x, y));
}

}  // namespace c2l::ui
