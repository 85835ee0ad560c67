#include "benchmark_view.h"

#include <QCoreApplication>
#include <QElapsedTimer>
#include <QRandomGenerator>
#include <QThread>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/error.h"
#include "base/job.h"
#include "slide/slide.h"
#include "ui/overlay/spot_overlay.h"
#include "ui/viewer/slide_view.h"

namespace c2l::ui {

namespace {

constexpr int kWidth = 1920, kHeight = 1080;
constexpr double kTickMs = 1000.0 / 60;
constexpr int kWarmUpFrames = 60;
constexpr int kPatienceMs = 30000;
constexpr int kJumps = 24;

double quantile(std::vector<double> values, double q) {
    if (values.empty()) return std::nan("");
    std::sort(values.begin(), values.end());
    return values[static_cast<std::size_t>(std::lround(q * static_cast<double>(values.size() - 1)))];
}

class Ride {
public:
    explicit Ride(SlideView& view) : view_(view) {}

    std::vector<double> frames, stops;  // ms

    // Moves from where it is to (centre, scale) in `count` frames; the scale geometrically, as a wheel does.
    void glide(QPointF centre, double scale, int count) {
        const QPointF from = view_.transform().centre();
        const double start = view_.transform().scale();
        for (int i = 1; i <= count; ++i) {
            const double t = static_cast<double>(i) / count;
            frame([&] { view_.setView(from + (centre - from) * t, start * std::pow(scale / start, t)); });
        }
        stops.push_back(wait_until_sharp());
    }

    double wait_until_sharp() {
        QElapsedTimer timer;
        timer.start();
        while (!view_.isSettled() && timer.elapsed() < kPatienceMs) QCoreApplication::processEvents(QEventLoop::WaitForMoreEvents, 20);
        view_.repaint();
        return static_cast<double>(timer.nsecsElapsed()) / 1e6;
    }

private:
    void frame(const std::function<void()>& move) {
        QElapsedTimer timer;
        timer.start();
        QCoreApplication::processEvents();  // tiles that have arrived; what they ask to be painted is painted here
        move();
        view_.repaint();
        const double ms = static_cast<double>(timer.nsecsElapsed()) / 1e6;
        frames.push_back(ms);
        if (ms < kTickMs) QThread::usleep(static_cast<unsigned long>((kTickMs - ms) * 1000));
    }

    SlideView& view_;
};

// Zoom in at a place, pan across, zoom out and on to the next one: what a pathologist does, a little faster. The scale goes from the whole
// slide to one level-0 pixel a screen pixel, and twice that.
void ride_path(Ride& ride, const SlideView& view) {
    const SlideInfo& info = view.slide()->info();
    const double w = static_cast<double>(info.width), h = static_cast<double>(info.height);
    const double whole = std::min(kWidth / w, kHeight / h);
    const QPointF places[] = {{0.3 * w, 0.35 * h}, {0.65 * w, 0.6 * h}, {0.45 * w, 0.8 * h}};
    for (const QPointF& place : places) {
        ride.glide(place, std::max(whole, 1.0), 90);
        ride.glide(place + QPointF(1500, 400), std::max(whole, 1.0), 60);
        ride.glide(place + QPointF(1200, 200), 2 * std::max(whole, 1.0), 30);
        ride.glide(place + QPointF(700, -300), std::max(whole, 0.4), 45);
        ride.glide(place - QPointF(1500, 600), std::max(whole, 0.4), 60);
        ride.glide({w / 2, h / 2}, whole, 60);
    }
}

// Tiles made ready per second while every view is new.
double jump_about(SlideView& view, Ride& ride) {
    const SlideInfo& info = view.slide()->info();
    const auto loader = view.loader();
    const std::size_t before = loader->tilesRead();
    QElapsedTimer timer;
    timer.start();
    for (int i = 0; i < kJumps; ++i) {  // points of the plane that fall nowhere twice (Kronecker sequence)
        const double u = std::fmod(0.5 + i * 0.7548776662, 1.0), v = std::fmod(0.5 + i * 0.5698402910, 1.0);
        view.setView({u * static_cast<double>(info.width), v * static_cast<double>(info.height)}, 1);
        ride.wait_until_sharp();
    }
    return static_cast<double>(loader->tilesRead() - before) * 1e9 / static_cast<double>(timer.nsecsElapsed());
}

// Positions in rows that fill the slide; bins on a grid that is turned by 2° as Visium HD's are against their slides.
void scatter(SpotOverlay& overlay, const SlideInfo& info, int count, bool bins) {
    const int cols = std::max(1, static_cast<int>(std::sqrt(static_cast<double>(count)))), rows = (count + cols - 1) / cols;
    const double pitch = 0.95 * std::min(static_cast<double>(info.width) / cols, static_cast<double>(info.height) / rows);
    const QTransform place = QTransform().translate(0.02 * static_cast<double>(info.width), 0.02 * static_cast<double>(info.height)).rotate(bins ? 2 : 0).scale(pitch, pitch);
    std::vector<double> x, y;
    std::vector<int> col, row;
    for (int i = 0; i < count; ++i) {
        col.push_back(i % cols);
        row.push_back(i / cols);
        const QPointF at = place.map(QPointF(col.back() + 0.5, row.back() + 0.5));
        x.push_back(at.x());
        y.push_back(at.y());
    }
    if (auto grid = bins ? GridMap::from_cells(col, row, x, y) : std::nullopt) overlay.setBins(x, y, std::move(*grid));
    else overlay.setSpots(x, y, 0.5 * pitch);
}

struct Recolouring {
    double all_ms = 0, window_ms = 0;
};

// From another gene's values to the picture on screen, and what of it falls on the window's thread (limits are found beside it); medians.
Recolouring recolour(SpotOverlay& overlay, SlideView& view) {
    constexpr int kTimes = 15;
    QRandomGenerator random(1);
    std::vector<double> all, window;
    for (int k = 0; k < kTimes; ++k) {
        std::vector<float> values(overlay.count());
        for (float& v : values) v = static_cast<float>(random.generateDouble());
        QElapsedTimer timer;
        timer.start();
        const ColourScale scale = limits_at(values, 1, 99);
        const double limits = static_cast<double>(timer.nsecsElapsed()) / 1e6;
        overlay.setColours(ColourMapId::Viridis, scale);
        overlay.setValues(std::move(values));
        view.repaint();
        all.push_back(static_cast<double>(timer.nsecsElapsed()) / 1e6);
        window.push_back(all.back() - limits);
    }
    return {quantile(all, 0.5), quantile(window, 0.5)};
}

// Milliseconds a tile of this slide takes to be recoloured, on this thread alone: mean over those of the middle.
double recolouring_of_tiles(const SlideView& view, const StainLook& look) {
    constexpr int kTimes = 8;
    const auto& loader = view.loader();
    const StainTransform transform(look, loader->profile());
    const SlideInfo& info = view.slide()->info();
    const auto keys = loader->tilesIn(0, static_cast<double>(info.width) / 2 - 500, static_cast<double>(info.height) / 2 - 500, 1000, 1000);
    double ms = 0;
    for (const TileKey& key : keys) {
        for (int k = 0; k < kTimes; ++k) {
            Image pixels = view.slide()->read_tile(key.level, key.tx, key.ty);
            QElapsedTimer timer;
            timer.start();
            transform.apply(pixels);
            ms += static_cast<double>(timer.nsecsElapsed()) / 1e6;
        }
    }
    return ms / static_cast<double>(keys.size() * kTimes);
}

// Shows the look; returns how long its stain took to be estimated.
double take_look(SlideView& view, Ride& ride, const StainLook& look) {
    QElapsedTimer timer;
    timer.start();
    view.loader()->setLook(look);
    while (view.loader()->isEstimating()) QCoreApplication::processEvents(QEventLoop::WaitForMoreEvents, 20);
    const double estimated = static_cast<double>(timer.nsecsElapsed()) / 1e6;
    if (view.loader()->look() != look) throw Error(ErrorCode::BadInput, "the slide's own stain cannot be estimated; choose a single stain");
    ride.wait_until_sharp();
    return estimated;
}

nlohmann::json measure(const StudioOptions& options) {
    const std::filesystem::path path = options.file.toStdString();
    QElapsedTimer timer;
    timer.start();
    const auto slide = Slide::open(path, {}, {});
    const double opened = static_cast<double>(timer.nsecsElapsed()) / 1e6;
    SlideView view;
    view.resize(kWidth, kHeight);
    view.show();
    view.setSlide(slide);
    Ride ride(view);
    ride.wait_until_sharp();
    const double first = static_cast<double>(timer.nsecsElapsed()) / 1e6;

    const StainLook look{options.stain.value_or(StainView::Original)};
    double estimated = 0, per_tile = 0;
    if (look != StainLook()) {
        estimated = take_look(view, ride, look);
        per_tile = recolouring_of_tiles(view, look);
    }

    SpotOverlay overlay;
    Recolouring recoloured;
    if (const int count = std::max(options.spots, options.bins); count > 0) {
        scatter(overlay, slide->info(), count, options.bins > 0);
        overlay.setOpacity(0.8);
        view.addLayer(&overlay);
        recoloured = recolour(overlay, view);
    }
    view.setAngle(options.turned);
    view.fit();
    const ViewTransform start = view.transform();
    ride.glide(start.centre(), start.scale() * 1.5, kWarmUpFrames);
    ride.frames.clear();
    ride.stops.clear();
    ride_path(ride, view);
    const double tiles = jump_about(view, ride);
    const auto fluent = std::count_if(ride.frames.begin(), ride.frames.end(), [](double ms) { return ms <= 16; });
    return {
        {"slide", path.filename().string()},
        {"width", slide->info().width},
        {"height", slide->info().height},
        {"view", {kWidth, kHeight}},
        {"turned", options.turned},
        {"stain", to_string(look.view)},
        {"stain_estimate_ms", estimated},
        {"stain_ms_per_tile", per_tile},
        {"spots", options.spots},
        {"bins", options.bins},
        {"recolour_ms", recoloured.all_ms},
        {"recolour_window_ms", recoloured.window_ms},
        {"frames", ride.frames.size()},
        {"frame_ms", {{"median", quantile(ride.frames, 0.5)}, {"p95", quantile(ride.frames, 0.95)}, {"worst", quantile(ride.frames, 1)}}},
        {"frames_within_16_ms", static_cast<double>(fluent) / static_cast<double>(ride.frames.size())},
        {"open_ms", opened},
        {"first_sharp_ms", first},
        {"sharp_after_stop_ms", {{"median", quantile(ride.stops, 0.5)}, {"worst", quantile(ride.stops, 1)}}},
        {"tiles_per_s", tiles},
        {"unreadable_tiles", view.loader()->cache().unreadable()},
        {"tile_cache_mb", static_cast<double>(view.loader()->cache().bytes()) / 1e6},
        {"tile_cache_cap_mb", static_cast<double>(view.loader()->cache().capacity()) / 1e6},
        {"tile_images_cap_mb", static_cast<double>(view.loader()->imageCapacity()) / 1e6},
        {"tile_images_mb", static_cast<double>(view.loader()->imageBytes()) / 1e6},
        {"peak_memory_mb", static_cast<double>(peak_memory_bytes()) / 1e6}};
}

void print_words(const nlohmann::json& f) {
    const auto n = [&](const char* key) { return f.at(key).get<double>(); };
    std::printf("%s: %.0f x %.0f pixels, view %d x %d, %.0f frames\n", f.at("slide").get<std::string>().c_str(), n("width"), n("height"),
                kWidth, kHeight, n("frames"));
    std::printf("  frame               median %.1f ms, 95 %% within %.1f ms, worst %.1f ms; %.1f %% within 16 ms\n",
                f.at("frame_ms").at("median").get<double>(), f.at("frame_ms").at("p95").get<double>(),
                f.at("frame_ms").at("worst").get<double>(), 100 * n("frames_within_16_ms"));
    if (n("spots") + n("bins") > 0) std::printf("  recolouring         %.1f ms for %.0f, of which %.1f ms on the window's thread\n", n("recolour_ms"), std::max(n("spots"), n("bins")), n("recolour_window_ms"));
    std::printf("  first sharp view    %.0f ms (opening the file %.0f ms)\n", n("first_sharp_ms"), n("open_ms"));
    std::printf("  sharp after a stop  median %.0f ms, worst %.0f ms\n", f.at("sharp_after_stop_ms").at("median").get<double>(),
                f.at("sharp_after_stop_ms").at("worst").get<double>());
    std::printf("  tiles               %.0f a second\n", n("tiles_per_s"));
    if (n("stain_ms_per_tile") > 0) std::printf("  stain               %.2f ms a tile (%s); estimating the slide's own %.0f ms\n", n("stain_ms_per_tile"), f.at("stain").get<std::string>().c_str(), n("stain_estimate_ms"));
    std::printf("  memory              peak %.0f MB; tile cache %.0f MB of at most %.0f, tiles as images %.0f MB of at most %.0f\n", n("peak_memory_mb"), n("tile_cache_mb"),
                n("tile_cache_cap_mb"), n("tile_images_mb"), n("tile_images_cap_mb"));
}

}  // namespace

int benchmark_view(const StudioOptions& options) {
    try {
        const nlohmann::json figures = measure(options);
        if (options.json)
            std::printf("%s\n", figures.dump(2).c_str());
        else
            print_words(figures);
        return 0;
    } catch (const Error& error) {
        std::fprintf(stderr, "c2l-studio: %s\n", error.line().c_str());
        return 1;
    }
}

}  // namespace c2l::ui
