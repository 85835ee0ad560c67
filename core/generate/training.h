// The loop that every training stage shares: schedule, checkpoints, stop, progress.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "base/job.h"
#include "generate/distributed.h"
#include "nn/adamw.h"
#include "nn/replay.h"

namespace c2l::generate {

struct Stage {
    std::string name;                      // of the progress and the checkpoint file
    std::int64_t steps = 0;
    std::int64_t warmup = 100;
    std::filesystem::path work;            // folder of the checkpoint
    std::string fingerprint;               // what the run depends on; a checkpoint of another run is refused
    // Adds the gradients of one step's loss to the optimiser's and returns the loss; all randomness from `step`.
    std::function<at::Tensor(std::int64_t step)> learn;
    const Processes* processes = nullptr;               // losses and gradients are means over them; null: this one alone
    // Called after each step with the loss; may return false for an early stop. State it needs in a checkpoint comes and goes as JSON.
    std::function<bool(std::int64_t step, double loss)> after;
    std::function<std::string()> save_state;
    std::function<void(const std::string&)> load_state;
};

// Learning from a loss that builds its own graph.
std::function<at::Tensor(std::int64_t step)> backward_of(std::function<at::Tensor(std::int64_t step)> loss);

// Learning from a loss that is computed in the same way in every step, from tensors of the same shapes: see nn/replay.h for what it may not do.
std::function<at::Tensor(std::int64_t step)> replayed(std::function<nn::Replay::Tensors(std::int64_t step)> inputs, std::function<at::Tensor(const nn::Replay::Tensors&)> loss);

// Runs or resumes the stage; when it returns, the optimiser holds the final weights. A stop leaves a checkpoint and throws
// Error(Stopped); a finished stage keeps its checkpoint, so that a later call returns at once. Of several processes the first reads and
// writes the checkpoint, all begin from it, and a stop of any stops all after the same step.
void run_stage(const Stage& stage, nn::AdamW& optimiser, const JobContext& ctx);

}  // namespace c2l::generate
