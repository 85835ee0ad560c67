#include "c2l/reporter.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <mutex>

#include "rpc/message.h"

namespace c2l {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

struct Reporter::State {
    explicit State(ProgressStyle s) : style(s) {}
    ProgressStyle style;
    std::mutex mutex;
    bool drawn = false;
    std::string issues;  // kept back while nobody watches
    std::string step;
    Clock::time_point last;

    void event(const char* name, json params) {
        json line = {{"event", name}};
        line.update(params);
        line.erase("job");
        const std::string text = rpc::dump(line) + "\n";
        std::fwrite(text.data(), 1, text.size(), stderr);
    }
    void erase() {
        if (drawn) std::fputs("\r\033[K", stderr);
        drawn = false;
    }
    void draw(const Progress& p);
};

namespace {

std::string left(double seconds) {
    if (!std::isfinite(seconds)) return {};
    const auto s = static_cast<long>(std::lround(seconds));
    char text[64];
    if (s >= 3600)
        std::snprintf(text, sizeof text, "%ld:%02ld:%02ld left", s / 3600, s / 60 % 60, s % 60);
    else
        std::snprintf(text, sizeof text, "%ld:%02ld left", s / 60, s % 60);
    return text;
}

}  // namespace

void Reporter::State::draw(const Progress& p) {
    const auto now = Clock::now();
    const bool changed = p.step != step;
    if (!changed && p.done != p.total && now - last < std::chrono::milliseconds(100)) return;
    last = now;
    if (changed && drawn) std::fputs("\n", stderr);
    step = p.step;
    constexpr int kWidth = 24;
    const double share = p.total > 0 ? std::clamp(static_cast<double>(p.done) / static_cast<double>(p.total), 0.0, 1.0) : 0;
    std::string bar(static_cast<std::size_t>(share * kWidth), '#');
    bar.resize(kWidth, '.');
    char loss[32] = "";
    if (std::isfinite(p.loss)) std::snprintf(loss, sizeof loss, "  loss %.4f", p.loss);
    std::fprintf(stderr, "\r\033[K%-16s [%s] %3.0f %%  %s%s  %s", p.step.c_str(), bar.c_str(), 100 * share, left(p.eta_s).c_str(), loss, p.message.c_str());
    std::fflush(stderr);
    drawn = true;
}

Reporter::Reporter(ProgressStyle style) : state_(std::make_unique<State>(style)) {}

Reporter::~Reporter() { clear(); }

void Reporter::clear() {
    const std::lock_guard lock(state_->mutex);
    if (state_->drawn) std::fputs("\n", stderr);
    state_->drawn = false;
}

void Reporter::print_issues() {
    clear();
    std::fputs(state_->issues.c_str(), stderr);
    state_->issues.clear();
}

JobContext Reporter::context(std::stop_token stop) {
    JobContext ctx;
    ctx.stop = stop;
    State* state = state_.get();
    ctx.on_issue = [state](const Issue& issue) {
        const std::lock_guard lock(state->mutex);
        if (state->style == ProgressStyle::JsonLines) return state->event("issue", rpc::issue_params(nullptr, issue));
        const std::string line =
            std::string(rpc::to_string(issue.severity)) + ": " + issue.location + (issue.location.empty() ? "" : ": ") + issue.text + "\n";
        if (state->style == ProgressStyle::None) {
            state->issues += line;
            return;
        }
        state->erase();
        std::fputs(line.c_str(), stderr);
    };
    if (state->style == ProgressStyle::Bar)
        ctx.on_progress = [state](const Progress& p) {
            const std::lock_guard lock(state->mutex);
            state->draw(p);
        };
    if (state->style == ProgressStyle::JsonLines) {
        ctx.on_progress = [state](const Progress& p) {
            const std::lock_guard lock(state->mutex);
            json params = rpc::progress_params(nullptr, p, {});
            params.erase("losses");
            state->event("progress", params);
        };
        ctx.on_preview = [state](const Preview& p) {
            const std::lock_guard lock(state->mutex);
            state->event("preview", rpc::preview_params(nullptr, p));
        };
    }
    return ctx;
}

}  // namespace c2l
