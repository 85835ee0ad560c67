#include "nn/replay.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cstdlib>
#include <string_view>
#include <utility>

#ifdef C2L_CUDA_GRAPHS
#include <ATen/cuda/CUDAEvent.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#endif

namespace c2l::nn {

bool replays() {
#ifdef C2L_CUDA_GRAPHS
    const char* wish = std::getenv("C2L_CUDA_GRAPHS");
    return wish && std::string_view(wish) == "1";
#else
    return false;
#endif
}

#ifdef C2L_CUDA_GRAPHS

namespace {

constexpr int kWarmUp = 2;  // calls before the capture: cuDNN and cuBLAS make their workspaces in the first

bool same_shapes(const Replay::Tensors& a, const Replay::Tensors& b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (a[i].sizes() != b[i].sizes() || a[i].scalar_type() != b[i].scalar_type() || a[i].device() != b[i].device()) return false;
    return true;
}

// Work queued on `second` from here on waits for what is queued on `first`.
void order(const c10::cuda::CUDAStream& first, const c10::cuda::CUDAStream& second) {
    at::cuda::CUDAEvent event;
    event.record(first);
    event.block(second);
}

// A stream that is left capturing would refuse all that comes after.
void end_spoilt(at::cuda::CUDAGraph& graph) {
    try {
        graph.capture_end();
    } catch (const c10::Error&) {  // it is spoilt; that is known
    }
}

}  // namespace

struct Replay::Captured {
    explicit Captured(const Tensors& like) : stream(c10::cuda::getStreamFromPool(false, like.front().device().index())) {
        c10::NoGradGuard no_grad;
        for (const auto& input : like) inputs.push_back(input.clone());
    }

    c10::cuda::CUDAStream stream;  // capturing is not allowed on the default one, and backward passes keep to the stream of the forward one
    Tensors inputs, outputs;       // the graph's own memory
    std::unique_ptr<at::cuda::CUDAGraph> graph;
    int calls = 0;
};

Replay::Tensors Replay::on_device(const Tensors& inputs) {
    if (!captured_ || !same_shapes(captured_->inputs, inputs)) captured_ = std::make_unique<Captured>(inputs);
    Captured& own = *captured_;
    const auto current = c10::cuda::getCurrentCUDAStream(own.stream.device_index());
    order(current, own.stream);
    const c10::cuda::CUDAStreamGuard guard(own.stream);
    {
        c10::NoGradGuard no_grad;
        for (std::size_t i = 0; i < inputs.size(); ++i) own.inputs[i].copy_(inputs[i], /*non_blocking=*/true);
    }
    Tensors out;
    if (own.calls++ < kWarmUp) {
        out = compute_(own.inputs);
    } else {
        if (!own.graph) {
            // The graph has memory of its own, and nothing cached can be given back during a capture: what the warm-up left goes back now.
            c10::cuda::CUDACachingAllocator::emptyCache();
            auto graph = std::make_unique<at::cuda::CUDAGraph>();
            graph->capture_begin();
            try {
                own.outputs = compute_(own.inputs);
            } catch (...) {
                own.outputs.clear();
                end_spoilt(*graph);
                throw;
            }
            graph->capture_end();
            own.graph = std::move(graph);  // only a whole one
        }
        own.graph->replay();
        out = own.outputs;
    }
    c10::NoGradGuard no_grad;
    for (auto& tensor : out) tensor = tensor.detach().clone();
    order(own.stream, current);
    for (const auto& tensor : out) tensor.record_stream(current.unwrap());
    return out;
}

bool Replay::captured() const { return captured_ && captured_->graph; }

#else

struct Replay::Captured {};

Replay::Tensors Replay::on_device(const Tensors& inputs) { return compute_(inputs); }

bool Replay::captured() const { return false; }

#endif

Replay::Replay(std::function<Tensors(const Tensors&)> compute) : compute_(std::move(compute)) {}
Replay::~Replay() = default;

Replay::Tensors Replay::operator()(const Tensors& inputs) {
    return replays() && !inputs.empty() && inputs.front().is_cuda() ? on_device(inputs) : compute_(inputs);
}

}  // namespace c2l::nn
