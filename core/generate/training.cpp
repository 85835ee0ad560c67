#include "generate/training.h"

#include <ATen/ATen.h>

#include <chrono>
#include <cmath>

#include "base/error.h"

namespace c2l::generate {
namespace {

constexpr auto kCheckpointEvery = std::chrono::seconds(30);

struct Checkpoint {
    std::filesystem::path path;
    std::string fingerprint;

    void save(const nn::AdamW& optimiser, const Stage& stage, bool finished) const {
        nn::write_safetensors(path, optimiser.state(),
                              {{"fingerprint", fingerprint}, {"finished", finished ? "1" : "0"}, {"state", stage.save_state ? stage.save_state() : ""}});
    }
    // True when the stage is finished.
    bool load(nn::AdamW& optimiser, const Stage& stage) const {
        if (!std::filesystem::exists(path)) return false;
        const auto file = nn::read_safetensors(path);
        if (file.meta("fingerprint") != fingerprint)
            throw Error(ErrorCode::Mismatch, "is a checkpoint of a run with other settings; remove it or choose another work folder", path);
        optimiser.load_state(file);
        if (stage.load_state) stage.load_state(file.meta("state"));
        return file.meta("finished") == "1";
    }
};

}  // namespace

void run_stage(const Stage& stage, nn::AdamW& optimiser, const JobContext& ctx) {
    std::filesystem::create_directories(stage.work);
    const Checkpoint checkpoint{stage.work / (stage.name + ".checkpoint.safetensors"), stage.fingerprint};
    if (checkpoint.load(optimiser, stage)) return;
    const auto first = optimiser.steps();
    EtaClock clock;
    auto saved = std::chrono::steady_clock::now();
    for (auto step = first; step < stage.steps; ++step) {
        if (ctx.stop.stop_requested()) {
            checkpoint.save(optimiser, stage, false);
            ctx.check_stop();
        }
        optimiser.zero_grad();
        const auto loss = stage.loss(step);
        loss.backward();
        const double value = loss.item<double>();
        if (!std::isfinite(value))
            throw Error(ErrorCode::BadInput, "training of the " + stage.name + " diverged at step " + std::to_string(step) + "; try a lower learning rate");
        optimiser.step(nn::cosine_schedule(step, stage.steps, stage.warmup));
        ctx.progress({stage.name, step + 1, stage.steps, clock.eta_s(step + 1 - first, stage.steps - first), value, false, peak_memory_bytes(), {}});
        const bool go_on = !stage.after || stage.after(step, value);
        if (!go_on) break;
        if (std::chrono::steady_clock::now() - saved > kCheckpointEvery) {
            checkpoint.save(optimiser, stage, false);
            saved = std::chrono::steady_clock::now();
        }
    }
    checkpoint.save(optimiser, stage, true);
}

}  // namespace c2l::generate
