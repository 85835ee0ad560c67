#include "rpc/notifier.h"

#include <chrono>
#include <cmath>

namespace c2l::rpc {

using nlohmann::json;

ProgressNotifier::ProgressNotifier(json job, std::function<void(const json&)> send)
    : job_(std::move(job)), send_(std::move(send)), thread_([this](std::stop_token stop) { run(stop); }) {}

ProgressNotifier::~ProgressNotifier() {
    thread_.request_stop();
    thread_.join();
    flush();
}

void ProgressNotifier::progress(const Progress& progress) {
    bool other_step = false;
    {
        const std::lock_guard lock(mutex_);
        other_step = latest_ && latest_->step != progress.step;
    }
    if (other_step) flush();  // loss points of one step never travel under the name of the next
    {
        const std::lock_guard lock(mutex_);
        latest_ = progress;
        if (std::isfinite(progress.loss)) losses_.push_back({progress.done, progress.loss, progress.held_out});
    }
    wake_.notify_one();
}

void ProgressNotifier::flush() {
    const std::lock_guard order(sending_);
    std::optional<Progress> latest;
    std::vector<LossPoint> losses;
    {
        const std::lock_guard lock(mutex_);
        latest.swap(latest_);
        losses.swap(losses_);
    }
    if (latest) send_(notification("progress", progress_params(job_, *latest, losses)));
}

void ProgressNotifier::run(std::stop_token stop) {
    while (!stop.stop_requested()) {
        {
            std::unique_lock lock(mutex_);
            if (!wake_.wait(lock, stop, [&] { return latest_.has_value(); })) return;
        }
        flush();
        std::unique_lock lock(mutex_);
        wake_.wait_for(lock, stop, std::chrono::milliseconds(100), [] { return false; });
    }
}

}  // namespace c2l::rpc
