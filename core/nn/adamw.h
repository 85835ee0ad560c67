// AdamW (Loshchilov & Hutter 2019) with an exponential moving average of the weights, in one pass over flat buffers.
//
// Takes over the storage of the parameters it is given: they become views into one buffer, their gradients into another, so
// that a step touches each number once and a checkpoint is four flat tensors. On the CPU the pass is one fused loop.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "nn/safetensors.h"

namespace c2l::nn {

struct AdamWParams {
    double learning_rate = 1e-3;
    double beta1 = 0.9, beta2 = 0.99;
    double epsilon = 1e-8;
    double weight_decay = 0.01;  // not on vectors (biases, scales)
    double clip_norm = 1.0;      // of the whole gradient; 0: none
    double ema = 0.999;          // after a warm-up of (1 + n) / (10 + n)
    bool fused = true;           // on the CPU, the one loop; without it the operations that other devices take
};

class AdamW {
public:
    // Trainable parameters with a factor on the learning rate each.
    struct Group {
        std::vector<std::pair<std::string, at::Tensor>> parameters;
        double rate = 1.0;
    };
    AdamW(std::vector<Group> groups, const AdamWParams& params);

    // Takes one step down the gradients that backward has added up since the last one, and leaves them at zero. On a GPU it returns at
    // once: nothing is waited for, and the operations are as many whatever the number of parameters. On the CPU it does nothing and returns false where a
    // gradient is not finite; on a GPU that shows in is_finite() alone.
    bool step(double rate_factor);  // the schedule's factor
    bool is_finite() const;         // whether all gradients were; waits for the device
    std::int64_t steps() const { return steps_; }
    at::Tensor gradients() const { return gradients_; }  // all of them in one flat buffer: what several processes add up

    // The averaged weights by name, fp32 on the CPU.
    std::map<std::string, at::Tensor> averaged() const;
    // Exchanges the live weights with the averaged ones (call twice to come back).
    void swap_averaged();

    std::map<std::string, at::Tensor> state() const;  // for a checkpoint
    void load_state(const TensorFile& file);

private:
    struct Span {
        std::string name;
        std::int64_t offset, count;
        std::vector<std::int64_t> shape, strides;
        double rate;
        bool decay;
    };
    void step_fused(double rate, double ema, double norm);
    void step_whole(double rate, double ema);
    void touch();  // tells whoever keeps something made of the weights that they have changed

    AdamWParams params_;
    std::vector<Span> spans_;
    std::vector<at::Tensor> parameters_;
    at::Tensor weights_, gradients_, first_, second_, average_;
    at::Tensor rates_, decays_;  // factors of each number, for step_whole; `rates_` undefined where all are 1
    std::int64_t steps_ = 0;
};

// 1 after a linear warm-up, then a cosine down to `floor`.
double cosine_schedule(std::int64_t step, std::int64_t total, std::int64_t warmup, double floor = 0.02);

}  // namespace c2l::nn
