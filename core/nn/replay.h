// A computation that runs again and again on tensors of the same shapes.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <vector>

namespace c2l::nn {

// On a CUDA device, where replays() says so, the computation runs twice as it is, is then captured as a CUDA graph, and from there on replayed: the
// processor starts all its kernels in one go instead of one by one. Everywhere else it is simply called.
//
// What is captured is a list of kernels on fixed memory. So the computation may use its inputs, parameters that stay where they are (AdamW keeps
// them in one buffer) and what it makes of them; it must not read a value back, draw random numbers on the device or go another way from one
// call to the next. What it keeps between calls in reduced precision must be made anew in each (weights have changed since, as after every step of a training) or never change.
// One caller at a time.
class Replay {
public:
    using Tensors = std::vector<at::Tensor>;

    explicit Replay(std::function<Tensors(const Tensors&)> compute);
    ~Replay();

    // The outputs are the caller's. Inputs of other shapes than the last ones begin anew. Throws c10::Error where the computation cannot be captured.
    Tensors operator()(const Tensors& inputs);
    bool captured() const;

private:
    struct Captured;
    Tensors on_device(const Tensors& inputs);

    std::function<Tensors(const Tensors&)> compute_;
    std::unique_ptr<Captured> captured_;
};

// Whether computations on CUDA devices are captured: where $C2L_CUDA_GRAPHS is 1 and the program was built with a CUDA toolkit's headers.
// Not by default: device_check (tests/benchmarks) has yet to be run on a GPU.
bool replays();

}  // namespace c2l::nn
