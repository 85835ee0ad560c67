// Makes the batch of the next step while this one is being learnt from, so that a GPU does not wait for it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <utility>

namespace c2l::generate {

template <class T> class Ahead {
public:
    // `make(step)` depends on `step` alone. Where not `enabled` (a CPU has no hands free) it is called when asked for.
    Ahead(std::function<T(std::int64_t)> make, bool enabled) : make_(std::move(make)), enabled_(enabled) {}
    // What make(step) gives, or throws; begins with the one for step + 1 unless that is `end`.
    T get(std::int64_t step, std::int64_t end) {
        const auto begin = std::chrono::steady_clock::now();
        T out = next_.valid() && next_step_ == step ? next_.get() : make_(step);
        waited_ += std::chrono::steady_clock::now() - begin;
        if (enabled_ && step + 1 < end) {
            next_step_ = step + 1;
            next_ = std::async(std::launch::async, make_, next_step_);
        }
        return out;
    }
    // Time in which get() had nothing to give yet: making included where nothing is made ahead.
    double waited_s() const { return std::chrono::duration<double>(waited_).count(); }

private:
    std::function<T(std::int64_t)> make_;
    bool enabled_;
    std::int64_t next_step_ = -1;
    std::chrono::steady_clock::duration waited_{};
    std::future<T> next_;  // last, so that it has ended before what it uses goes
};

}  // namespace c2l::generate
