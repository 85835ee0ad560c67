#include "ui/viewer/tile_loader.h"

#include <QMetaObject>
#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#ifdef __linux__
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "base/error.h"

namespace c2l {

namespace {

// The painter comes first: where cores are few, reading tiles must not take its time slices.
void yield_to_painting() {
#ifdef __linux__
    setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), 5);  // of this thread alone
#endif
}

Image recoloured(Image image, const StainTransform& transform) {
    transform.apply(image);
    return image;
}

}  // namespace

// What the workers and the GUI thread share.
struct TileLoader::Shared {
    std::mutex mutex;
    std::condition_variable_any wake;
    std::map<const void*, std::vector<TileKey>> wanted;  // per view, most wanted last; all of them with `look`
    const void* served = nullptr;                        // view served last: views take turns
    StainLook look;
    std::shared_ptr<const StainTransform> transform;  // null: as scanned
    std::set<LookedTile> reading;
    std::map<LookedTile, TileImage> done;
    std::shared_ptr<const Image> plain_overview;
    QImage overview;
    bool overview_taken = false;  // with this look
    bool overview_done = false;
    bool estimate_wanted = false;
    std::shared_ptr<const StainProfile> profile;
    std::string estimate_error;
    bool announced = false;  // a collect() is on its way
    std::vector<std::jthread> workers;

    // The next tile, views in turn; false when nothing is wanted.
    bool take(TileKey& key) {
        for (auto& [view, keys] : wanted) {  // what is being read or done already needs no second reading
            while (!keys.empty() && (reading.count({look, keys.back()}) || done.count({look, keys.back()}))) keys.pop_back();
        }
        auto next = wanted.upper_bound(served);
        for (std::size_t i = 0; i < wanted.size(); ++i, ++next) {
            if (next == wanted.end()) next = wanted.begin();
            if (next->second.empty()) continue;
            key = next->second.back();
            next->second.pop_back();
            served = next->first;
            reading.insert({look, key});
            return true;
        }
        return false;
    }
};

// What the GUI thread holds.
struct TileLoader::Held {
    struct Entry {
        TileImage image;
        std::uint64_t used = 0;
    };
    std::map<LookedTile, Entry> tiles;
    std::map<const void*, std::set<TileKey>> named;  // by the views' last requests, with the look of now: never evicted
    std::uint64_t clock = 0;

    bool isNamed(const TileKey& key) const {
        return std::any_of(named.begin(), named.end(), [&](const auto& view) { return view.second.count(key) > 0; });
    }
};

TileLoader::TileLoader(std::shared_ptr<const Slide> slide, std::size_t cache_bytes, std::size_t image_bytes)
    : slide_(std::move(slide)),
      cache_(std::make_shared<TileCache>(slide_, cache_bytes)),
      shared_(std::make_unique<Shared>()),
      held_(std::make_unique<Held>()),
      image_capacity_(image_bytes) {
    for (int i = 0; i < workers(); ++i) shared_->workers.emplace_back([this](std::stop_token stop) { work(std::move(stop)); });
}

// A worker: what is waited for longest comes first, the overview, then the stain, then tiles.
void TileLoader::work(std::stop_token stop) {
    yield_to_painting();
    enum class Task { Nothing, Overview, Estimate, Tile };
    while (true) {
        TileKey key;
        Task task = Task::Nothing;
        std::unique_lock lock(shared_->mutex);
        shared_->wake.wait(lock, stop, [&] {
            if (!std::exchange(shared_->overview_taken, true)) task = Task::Overview;
            else if (std::exchange(shared_->estimate_wanted, false)) task = Task::Estimate;
            else if (shared_->take(key)) task = Task::Tile;
            return task != Task::Nothing;
        });
        if (stop.stop_requested() || task == Task::Nothing) return;
        if (task == Task::Overview) readOverview(lock);
        else if (task == Task::Estimate) estimate(lock, stop);
        else readTile(lock, key);
        const bool first = !std::exchange(shared_->announced, true);
        lock.unlock();
        if (first)
            QMetaObject::invokeMethod(
                this, [this] { collect(); }, Qt::QueuedConnection);
    }
}

// These three come and go with the lock held, and let go of it while they read.
void TileLoader::readOverview(std::unique_lock<std::mutex>& lock) {
    const StainLook look = shared_->look;
    const auto transform = shared_->transform;
    auto plain = shared_->plain_overview;
    lock.unlock();
    QImage image;
    try {
        if (!plain) plain = std::make_shared<const Image>(slide_->overview(kOverviewPx));
        image = to_qimage(transform ? recoloured(*plain, *transform) : *plain);
    } catch (const std::exception&) {
        // The slide stays usable without its map; tiles that cannot be read are counted by the cache.
    }
    lock.lock();
    if (plain) shared_->plain_overview = plain;
    if (look != shared_->look) return;  // another one is on its way
    shared_->overview = image;
    shared_->overview_done = true;
}

void TileLoader::estimate(std::unique_lock<std::mutex>& lock, const std::stop_token& stop) {
    lock.unlock();
    std::shared_ptr<const StainProfile> profile;
    std::string error;
    try {
        JobContext context;
        context.stop = stop;
        profile = std::make_shared<const StainProfile>(estimate_stains(*slide_, context));
    } catch (const Error& e) {
        error = e.line();
    } catch (const std::exception&) {
        error = "Not enough memory to estimate the stain; close other programs and try again";
    }
    lock.lock();
    shared_->profile = std::move(profile);
    shared_->estimate_error = std::move(error);
}

void TileLoader::readTile(std::unique_lock<std::mutex>& lock, const TileKey& key) {
    const LookedTile which{shared_->look, key};
    const auto transform = shared_->transform;
    lock.unlock();
    TileImage tile;
    try {
        const auto pixels = cache_->get(key);
        tile = to_tile(transform ? recoloured(*pixels, *transform) : *pixels);
    } catch (const std::exception&) {  // out of memory: a grey tile, and the program goes on
        tile = grey_tile();
    }
    lock.lock();
    shared_->reading.erase(which);
    shared_->done[which] = std::move(tile);
}

int TileLoader::workers() { return static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 2U, 4U)); }

TileLoader::~TileLoader() {
    for (auto& worker : shared_->workers) worker.request_stop();
    shared_->workers.clear();  // joins
}

const TileImage* TileLoader::find(const TileKey& key) {
    const auto at = held_->tiles.find({look_, key});
    if (at == held_->tiles.end()) return nullptr;
    at->second.used = ++held_->clock;
    return &at->second.image;
}

bool TileLoader::has(const TileKey& key) const { return held_->tiles.count({look_, key}) > 0; }

void TileLoader::setLook(const StainLook& look) {
    wanted_look_ = look.effective();
    if (!wanted_look_.needs_profile() || profile_) return adopt(wanted_look_);
    if (std::exchange(estimating_, true)) return;
    {
        std::lock_guard lock(shared_->mutex);
        shared_->estimate_wanted = true;
    }
    shared_->wake.notify_all();
}

// What was asked for in the look before is asked for no more; what of it was read stays, as long as there is room.
void TileLoader::adopt(const StainLook& look) {
    if (look == look_) return;
    const auto transform = look == StainLook() ? nullptr : std::make_shared<const StainTransform>(look, profile_.get());
    {
        std::lock_guard lock(shared_->mutex);
        shared_->look = look;
        shared_->transform = transform;
        shared_->wanted.clear();
        shared_->overview_taken = shared_->overview_done = false;
    }
    look_ = look;
    held_->named.clear();
    shared_->wake.notify_all();
    Q_EMIT lookChanged();
}

void TileLoader::request(const void* view, std::vector<TileKey> wanted) {
    held_->named[view] = {wanted.begin(), wanted.end()};
    std::erase_if(wanted, [this](const TileKey& key) { return has(key); });
    std::reverse(wanted.begin(), wanted.end());
    {
        std::lock_guard lock(shared_->mutex);
        shared_->wanted[view] = std::move(wanted);
    }
    shared_->wake.notify_all();
}

void TileLoader::forget(const void* view) {
    held_->named.erase(view);
    std::lock_guard lock(shared_->mutex);
    shared_->wanted.erase(view);
}

std::size_t TileLoader::pending() const {
    std::lock_guard lock(shared_->mutex);
    std::size_t sum = 0;
    for (const auto& [view, keys] : shared_->wanted) sum += keys.size();
    return sum;
}

std::vector<TileKey> TileLoader::tilesIn(int level, double x, double y, double w, double h) const {
    const Level& l = slide_->info().levels[static_cast<std::size_t>(level)];
    const double tile = Slide::kTilePx * l.downsample;
    const auto last_x = (l.width - 1) / Slide::kTilePx, last_y = (l.height - 1) / Slide::kTilePx;
    const auto first = [tile](double from, std::int64_t last) {
        return static_cast<std::int64_t>(std::clamp(std::floor(from / tile), 0.0, static_cast<double>(last) + 1));
    };
    const auto end = [tile](double to, std::int64_t last) {
        return static_cast<std::int64_t>(std::clamp(std::ceil(to / tile), 0.0, static_cast<double>(last) + 1));
    };
    std::vector<TileKey> keys;
    for (auto ty = first(y, last_y); ty < end(y + h, last_y); ++ty) {
        for (auto tx = first(x, last_x); tx < end(x + w, last_x); ++tx) keys.push_back({level, tx, ty});
    }
    return keys;
}

QRectF TileLoader::tileRegion(const TileKey& key) const {
    const Level& l = slide_->info().levels[static_cast<std::size_t>(key.level)];
    const double left = static_cast<double>(key.tx * Slide::kTilePx), top = static_cast<double>(key.ty * Slide::kTilePx);
    const double right = std::min(left + Slide::kTilePx, static_cast<double>(l.width));
    const double bottom = std::min(top + Slide::kTilePx, static_cast<double>(l.height));
    return {left * l.downsample, top * l.downsample, (right - left) * l.downsample, (bottom - top) * l.downsample};
}

void TileLoader::collect() {
    std::map<LookedTile, TileImage> done;
    bool new_overview = false;
    std::string estimate_error;
    {
        std::lock_guard lock(shared_->mutex);
        done.swap(shared_->done);
        shared_->announced = false;
        for (auto& [view, keys] : shared_->wanted) std::erase_if(keys, [&](const TileKey& key) { return done.count({look_, key}) > 0; });
        if (std::exchange(shared_->overview_done, false) && !shared_->overview.isNull()) {
            overview_ = shared_->overview;
            overview_look_ = look_;
            new_overview = true;
        }
        if (shared_->profile) profile_ = shared_->profile;
        estimate_error = std::exchange(shared_->estimate_error, {});
    }
    tiles_read_ += done.size();
    for (auto& [key, tile] : done) {
        auto& entry = held_->tiles[key];
        image_bytes_ += tile.bytes() - entry.image.bytes();
        entry.image = std::move(tile);
        entry.used = ++held_->clock;
    }
    evict();
    if (new_overview) Q_EMIT overviewReady();
    if (!done.empty()) Q_EMIT tilesReady();
    if (cache_->unreadable() > 0 && !std::exchange(told_unreadable_, true)) Q_EMIT tilesUnreadable();
    if (estimating_ && (profile_ || !estimate_error.empty())) {
        estimating_ = false;
        if (profile_) return adopt(wanted_look_);
        wanted_look_ = look_;
        Q_EMIT lookFailed(QString::fromStdString(estimate_error));
    }
}

void TileLoader::evict() {
    if (image_bytes_ <= image_capacity_) return;
    std::vector<std::pair<std::uint64_t, LookedTile>> by_age;
    for (const auto& [key, entry] : held_->tiles) by_age.emplace_back(entry.used, key);
    std::sort(by_age.begin(), by_age.end());
    for (const auto& [used, key] : by_age) {
        if (image_bytes_ <= image_capacity_ / 10 * 9) break;
        if (key.look == look_ && held_->isNamed(key.tile)) continue;
        const auto at = held_->tiles.find(key);
        image_bytes_ -= at->second.image.bytes();
        held_->tiles.erase(at);
    }
}

}  // namespace c2l
