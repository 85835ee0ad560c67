// Sends progress at most ten times a second, with the latest state and every loss point since the last time.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>
#include <vector>

#include "rpc/message.h"

namespace c2l::rpc {

// Thread-safe. `send` is called from the caller of progress() or from the notifier's own thread, one at a time.
class ProgressNotifier {
public:
    ProgressNotifier(nlohmann::json job, std::function<void(const nlohmann::json& message)> send);
    ~ProgressNotifier();  // flushes
    void progress(const Progress& progress);
    void flush();

private:
    void run(std::stop_token stop);

    nlohmann::json job_;
    std::function<void(const nlohmann::json&)> send_;
    std::mutex sending_;  // keeps the order of what is sent
    std::mutex mutex_;
    std::condition_variable_any wake_;
    std::optional<Progress> latest_;
    std::vector<LossPoint> losses_;
    std::jthread thread_;
};

}  // namespace c2l::rpc
