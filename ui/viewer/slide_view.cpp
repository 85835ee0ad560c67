#include "ui/viewer/slide_view.h"

#include <algorithm>
#include <cmath>

namespace c2l {

namespace {

constexpr double kMaxScale = 16;          // widget pixels per level-0 pixel
constexpr double kAssumedMpp = 0.25;      // for magnifications, while µm/px are unknown
constexpr int kFrameMs = 16;
constexpr double kLookAhead = 12;          // moves like the last one
constexpr double kMostAhead = 0.75;        // of what is seen
constexpr std::size_t kCoarseTiles = 16;  // so many tiles of the coarsest level are always kept

}  // namespace

SlideView::SlideView(QWidget* parent) : QWidget(parent) {
    setMouseTracking(true);
    setFocusPolicy(Qt::StrongFocus);
    setAttribute(Qt::WA_OpaquePaintEvent);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Expanding);
    setAccessibleName(tr("Slide"));
    setEmptyText(tr("Drop a slide or a spot folder here"));
    updateCursor();
    tiles_timer_.setSingleShot(true);
    connect(&tiles_timer_, &QTimer::timeout, this, qOverload<>(&QWidget::update));
    connect(&glide_, &Glide::moved, this, [this](QPointF by) {
        const ViewTransform before = view_;
        ViewTransform next = view_;
        next.panBy(by);
        apply(next);
        if (view_ == before) glide_.stop();  // at the slide's end
    });
}

SlideView::~SlideView() {
    if (loader_) loader_->forget(this);
}

void SlideView::setSlide(std::shared_ptr<const Slide> slide) {
    setLoader(slide ? std::make_shared<TileLoader>(std::move(slide)) : nullptr);
}

void SlideView::setLoader(std::shared_ptr<TileLoader> loader) {
    if (loader_ == loader) return;
    takeLoader(std::move(loader));
    view_.setAngle(0);
    fit();
    requestTiles();
    Q_EMIT slideChanged();
    noteSettled();
}

// Without a place of its own in between, which linked views would follow.
void SlideView::showLike(const SlideView& other) {
    const QSizeF size = view_.widgetSize();
    if (loader_ != other.loader_) takeLoader(other.loader_);
    view_ = other.view_;
    view_.setWidgetSize(size);
    fitted_ = false;  // of two linked views one may follow its size
    requestTiles();
    update();
    Q_EMIT slideChanged();
    noteSettled();
}

void SlideView::takeLoader(std::shared_ptr<TileLoader> loader) {
    if (loader_) {
        loader_->forget(this);
        disconnect(loader_.get(), nullptr, this, nullptr);
    }
    loader_ = std::move(loader);
    mpp_override_.reset();
    glide_.stop();
    setHovered(nullptr, -1);
    if (loader_) {
        connect(loader_.get(), &TileLoader::tilesReady, this, &SlideView::tilesArrived);
        connect(loader_.get(), &TileLoader::lookChanged, this, [this] {
            was_settled_ = false;
            requestTiles();
            update();
        });
        connect(loader_.get(), &TileLoader::overviewReady, this, qOverload<>(&QWidget::update));
    }
    was_settled_ = false;
    updateCursor();
    update();
}

std::shared_ptr<const Slide> SlideView::slide() const { return loader_ ? loader_->slide() : nullptr; }

void SlideView::setEmptyText(const QString& text) {
    empty_text_ = text;
    update();
}

void SlideView::setCaption(const QString& text) {
    caption_ = text;
    update();
}

void SlideView::setNote(const QString& text) {
    if (note_ == text) return;
    note_ = text;
    update();
}

void SlideView::setPointer(std::optional<QPointF> level0) {
    if (pointer_ == level0) return;
    pointer_ = level0;
    update();
}

std::optional<double> SlideView::mpp() const {
    if (mpp_override_) return mpp_override_;
    return loader_ ? loader_->slide()->info().mpp : std::nullopt;
}

void SlideView::setMpp(std::optional<double> mpp) {
    mpp_override_ = mpp && *mpp > 0 ? mpp : std::nullopt;
    update();
    Q_EMIT viewChanged();
}

double SlideView::effectiveMpp() const { return mpp().value_or(kAssumedMpp); }

void SlideView::insertLayer(int index, Layer* layer) {
    if (!layer || layers_.contains(QPointer<Layer>(layer))) return;
    layers_.insert(std::clamp<qsizetype>(index, 0, layers_.size()), layer);
    connect(layer, &Layer::changed, this, qOverload<>(&QWidget::update));
    connect(layer, &QObject::destroyed, this, [this] {
        layers_.removeIf([](const QPointer<Layer>& each) { return each.isNull(); });
        update();
    });
    update();
}

void SlideView::removeLayer(Layer* layer) {
    if (!layer || !layers_.removeAll(QPointer<Layer>(layer))) return;
    if (hovered_layer_ == layer) setHovered(nullptr, -1);
    disconnect(layer, nullptr, this, nullptr);
    update();
}

QList<Layer*> SlideView::layers() const {
    QList<Layer*> list;
    for (const auto& layer : layers_) {
        if (layer) list.append(layer);
    }
    return list;
}

QRectF SlideView::slideRect() const {
    if (!loader_) return {};
    const SlideInfo& info = loader_->slide()->info();
    return {0, 0, static_cast<double>(info.width), static_cast<double>(info.height)};
}

void SlideView::apply(ViewTransform next) {
    const QRectF slide = slideRect();
    if (slide.isEmpty()) return;
    ViewTransform whole = next;
    whole.fit(slide);
    next.setScale(std::clamp(next.scale(), std::min(whole.scale() / 2, 1.0), kMaxScale));
    next.setCentre(
        {std::clamp(next.centre().x(), slide.left(), slide.right()), std::clamp(next.centre().y(), slide.top(), slide.bottom())});
    motion_ = next.scale() == view_.scale() && next.angle() == view_.angle() ? next.centre() - view_.centre() : QPointF();
    if (next == view_) return;  // a linked view says the same: what was fitted stays so
    fitted_ = false;
    view_ = next;
    was_settled_ = false;
    requestTiles();
    update();
    Q_EMIT viewChanged();
    noteSettled();
}

void SlideView::setView(QPointF centre, double scale) {
    ViewTransform next = view_;
    next.setCentre(centre);
    next.setScale(scale);
    apply(next);
}

void SlideView::fit() {
    fitTo(slideRect());
    fitted_ = true;
}

void SlideView::fitTo(const QRectF& level0) {
    ViewTransform next = view_;
    next.fit(level0);
    apply(next);
}

void SlideView::zoomAt(QPointF widget, double factor) {
    const QRectF slide = slideRect();
    if (slide.isEmpty() || !(factor > 0)) return;
    // Clamped before zooming: the point under the cursor stays there at the limits too.
    ViewTransform whole = view_, next = view_;
    whole.fit(slide);
    const double target = std::clamp(view_.scale() * factor, std::min(whole.scale() / 2, 1.0), kMaxScale);
    next.zoomAt(widget, target / view_.scale());
    apply(next);
}

void SlideView::turnAt(QPointF widget, double degrees) {
    ViewTransform next = view_;
    next.turnAt(widget, degrees);
    apply(next);
}

void SlideView::setAngle(double degrees) { turnAt(QRectF(rect()).center(), degrees - view_.angle()); }

void SlideView::centreOn(double x, double y) { setView({x, y}, view_.scale()); }

std::optional<double> SlideView::magnification() const {
    const auto um = mpp();
    if (!um) return std::nullopt;
    return ViewTransform::magnificationFor(view_.scale(), *um);
}

void SlideView::setMagnification(double magnification) {
    const double scale = ViewTransform::scaleFor(magnification, effectiveMpp());
    zoomAt(rect().contains(last_.toPoint()) && underMouse() ? last_ : QRectF(rect()).center(), scale / view_.scale());
}

void SlideView::link(SlideView* a, SlideView* b) {
    const auto follow = [](SlideView* leader, SlideView* follower) {
        const auto take = [leader, follower] {
            ViewTransform next = leader->view_;
            next.setWidgetSize(follower->view_.widgetSize());
            follower->apply(next);
        };
        QObject::connect(leader, &SlideView::viewChanged, follower, take);
        QObject::connect(leader, &SlideView::cursorMoved, follower, [follower](double x, double y) { follower->setPointer(QPointF(x, y)); });
        QObject::connect(leader, &SlideView::cursorLeft, follower, [follower] { follower->setPointer({}); });
        return take;
    };
    follow(b, a);
    follow(a, b)();
}

void SlideView::setLayersHidden(bool hidden) {
    layers_hidden_ = hidden;
    update();
}

void SlideView::setOverviewVisible(bool visible) {
    overview_visible_ = visible;
    update();
}

void SlideView::setScaleBarVisible(bool visible) {
    scale_bar_visible_ = visible;
    update();
}

// The coarsest level that still has a pixel for each device pixel.
int SlideView::wantedLevel() const {
    const auto& levels = loader_->slide()->info().levels;
    const double most = 1.05 / (view_.scale() * devicePixelRatioF());
    int level = 0;
    for (std::size_t i = 0; i < levels.size(); ++i) {
        if (levels[i].downsample <= most) level = static_cast<int>(i);
    }
    return level;
}

// What a turned view shows is less than the upright rectangle around it.
std::vector<TileKey> SlideView::tilesInSight(int level) const {
    const QRectF seen = view_.visible();
    auto keys = loader_->tilesIn(level, seen.x(), seen.y(), seen.width(), seen.height());
    if (view_.angle() != 0) {
        const QRectF widget(QPointF(0, 0), view_.widgetSize());
        std::erase_if(keys, [&](const TileKey& key) { return !view_.toWidget(loader_->tileRegion(key)).intersects(widget); });
    }
    return keys;
}

// A view in motion is painted anyway: tiles do not make it be painted twice in one frame.
void SlideView::tilesArrived() {
    if (!painted_.isValid() || painted_.elapsed() >= kFrameMs) update();
    else if (!tiles_timer_.isActive()) tiles_timer_.start(kFrameMs - static_cast<int>(painted_.elapsed()));
    requestTiles();  // what another view has evicted meanwhile is asked for again
    noteSettled();
}

// What comes into sight if the view goes on as it moved last; empty at rest.
QRectF SlideView::aheadOf(const QRectF& seen) const {
    if (motion_.isNull()) return {};
    const auto most = [](double by, double side) { return std::clamp(by, -kMostAhead * side, kMostAhead * side); };
    return seen.translated(most(kLookAhead * motion_.x(), seen.width()), most(kLookAhead * motion_.y(), seen.height()));
}

void SlideView::requestTiles() {
    if (!loader_) return;
    const QRectF seen = view_.visible();
    const int level = wantedLevel();
    const int coarsest = static_cast<int>(loader_->slide()->info().levels.size()) - 1;
    const auto in = [&](int l, const QRectF& r) { return loader_->tilesIn(l, r.x(), r.y(), r.width(), r.height()); };
    const QPointF focus = underMouse() ? view_.toSlide(last_) : view_.centre();
    const auto by_distance = [&](std::vector<TileKey> keys) {
        std::vector<std::pair<double, TileKey>> ranked;
        for (const TileKey& key : keys) {
            const QPointF d = loader_->tileRegion(key).center() - focus;
            ranked.emplace_back(d.x() * d.x() + d.y() * d.y(), key);
        }
        std::sort(ranked.begin(), ranked.end());
        std::transform(ranked.begin(), ranked.end(), keys.begin(), [](const auto& r) { return r.second; });
        return keys;
    };
    // Coarse at once, then what is seen, from the cursor outwards; then what lies ahead, one level up and a ring around, for the next move.
    std::vector<TileKey> wanted = in(coarsest, slideRect());
    if (wanted.size() > kCoarseTiles) wanted = in(coarsest, seen);
    const auto append = [&wanted](const std::vector<TileKey>& more) {
        for (const TileKey& key : more) {
            if (std::find(wanted.begin(), wanted.end(), key) == wanted.end()) wanted.push_back(key);
        }
    };
    append(by_distance(tilesInSight(level)));
    if (const QRectF ahead = aheadOf(seen); !ahead.isEmpty()) append(by_distance(in(level, ahead)));
    if (level < coarsest) append(by_distance(tilesInSight(level + 1)));
    const double ring = Slide::kTilePx * loader_->slide()->info().levels[static_cast<std::size_t>(level)].downsample;
    append(by_distance(in(level, seen.adjusted(-ring, -ring, ring, ring))));
    loader_->request(this, std::move(wanted));
}

bool SlideView::isSettled() const {
    if (!loader_) return true;
    const auto keys = tilesInSight(wantedLevel());
    return std::all_of(keys.begin(), keys.end(), [this](const TileKey& key) { return loader_->has(key); });
}

void SlideView::noteSettled() {
    if (was_settled_ || !isSettled()) return;
    was_settled_ = true;
    Q_EMIT settled();
}

void SlideView::resizeEvent(QResizeEvent*) {
    ViewTransform next = view_;
    next.setWidgetSize(size());
    if (!loader_) {
        view_ = next;
        return;
    }
    const bool follow = fitted_;
    if (follow) next.fit(slideRect());
    apply(next);
    fitted_ = follow;
}

}  // namespace c2l
