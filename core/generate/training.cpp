#include "generate/training.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>

#include "base/error.h"
#include "base/file.h"

namespace c2l::generate {
namespace {

constexpr auto kCheckpointEvery = std::chrono::seconds(30);  // at least; and so seldom that a twentieth of the time goes into it at most
constexpr int kLargestShare = 20;

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

// What the first process holds becomes that of all; true when the stage was finished already.
bool agree(const Processes& processes, nn::AdamW& optimiser, bool finished) {
    if (processes.count() == 1) return finished;
    nn::TensorFile state;
    state.tensors = optimiser.state();
    for (auto& [name, tensor] : state.tensors) processes.broadcast(tensor);
    if (!processes.first()) optimiser.load_state(state);
    return processes.any(finished);
}

at::Tensor backward(const at::Tensor& loss) {
    loss.backward();
    return loss.detach();
}

}  // namespace

std::function<at::Tensor(std::int64_t step)> backward_of(std::function<at::Tensor(std::int64_t step)> loss) {
    return [loss = std::move(loss)](std::int64_t step) { return backward(loss(step)); };
}

std::function<at::Tensor(std::int64_t step)> replayed(std::function<nn::Replay::Tensors(std::int64_t step)> inputs, std::function<at::Tensor(const nn::Replay::Tensors&)> loss) {
    const auto learn = std::make_shared<nn::Replay>([loss = std::move(loss)](const nn::Replay::Tensors& given) { return nn::Replay::Tensors{backward(loss(given))}; });
    return [inputs = std::move(inputs), learn](std::int64_t step) { return (*learn)(inputs(step)).front(); };
}

void run_stage(const Stage& stage, nn::AdamW& optimiser, const JobContext& ctx) {
    using Clock = std::chrono::steady_clock;
    static const Processes alone;
    const auto& processes = stage.processes ? *stage.processes : alone;
    const Checkpoint checkpoint{stage.work / (stage.name + ".checkpoint.safetensors"), stage.fingerprint};
    auto saved = Clock::now();
    Clock::duration pause = kCheckpointEvery;
    const auto diverged = [&](std::int64_t step) {
        return Error(ErrorCode::BadInput, "training of the " + stage.name + " diverged at step " + std::to_string(step) + "; try a lower learning rate");
    };
    const auto save = [&](bool finished) {
        if (!processes.first()) return;
        if (!optimiser.is_finite()) throw diverged(optimiser.steps());  // a checkpoint of it could never be gone on from
        const auto begin = Clock::now();
        checkpoint.save(optimiser, stage, finished);
        saved = Clock::now();
        pause = std::max<Clock::duration>(kCheckpointEvery, kLargestShare * (saved - begin));
    };
    if (processes.first()) make_folder(stage.work);
    if (agree(processes, optimiser, processes.first() && checkpoint.load(optimiser, stage))) return;
    const auto first = optimiser.steps();
    EtaClock clock;
    for (auto step = first; step < stage.steps; ++step) {
        if (processes.any(ctx.stop.stop_requested())) {
            save(false);
            processes.any(false);  // none ends before the checkpoint is written: launchers kill all when the first one has ended
            throw Error(ErrorCode::Stopped, "stopped by the user; run the command again to go on");
        }
        const auto loss = stage.learn(step);
        if (processes.count() > 1) {
            auto gradients = optimiser.gradients();
            processes.sum(gradients);
            gradients.div_(processes.count());
        }
        const double value = processes.sum(loss.item<double>()) / processes.count();
        if (!std::isfinite(value) || !optimiser.step(nn::cosine_schedule(step, stage.steps, stage.warmup))) throw diverged(step);
        ctx.progress({stage.name, step + 1, stage.steps, clock.eta_s(step + 1 - first, stage.steps - first), value, false, peak_memory_bytes(), {}});
        const bool go_on = !stage.after || stage.after(step, value);
        if (!go_on) break;
        if (Clock::now() - saved > pause) save(false);
    }
    save(true);
}

}  // namespace c2l::generate
