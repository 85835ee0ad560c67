// Does another device compute what the CPU does? Velocities in fp32 and bfloat16, and training steps, of each preset's denoiser with the same weights
// and inputs, on CUDA once more from captured graphs; needs LibTorch alone, so that it runs where there is no Qt. Usage: device_check [DEVICE]; fails
// where a bound is passed, or where nothing was captured although the program can.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>

#include "base/error.h"
#include "generate/flow.h"
#include "generate/preset.h"
#include "nn/adamw.h"
#include "nn/device.h"
#include "nn/replay.h"

using namespace c2l;

namespace {

constexpr double kBoundFine = 2e-3;  // TF32 in convolutions rounds to 10 bits
constexpr double kBoundHalf = 3e-2;
constexpr int kCalls = 6;  // more than pass before a capture

// The zeros of a fresh network would hide differences.
std::unique_ptr<generate::Denoiser> lively(const generate::Preset& preset, const c10::Device& device) {
    auto net = generate::make_denoiser(preset, 1);
    nn::Initialiser init(7);
    c10::NoGradGuard no_grad;
    for (const auto& [name, tensor] : net->parameters().all())
        if (tensor.abs().max().item<double>() == 0) tensor.copy_(tensor.dim() > 1 ? init.fan_in(tensor.sizes()) : init.normal(tensor.sizes(), 0.1));
    net->parameters().to(device);
    return net;
}

struct Outcome {
    at::Tensor fine, half, trained;  // on the CPU
    bool captured = true;
};

Outcome compute(const generate::Preset& preset, const c10::Device& device) {
    Random random(2);
    const std::int64_t side = preset.latent_side();
    const auto draw = [&] { return generate::normal_noise({4, preset.latent_channels, side, side}, random).to(device).contiguous(at::MemoryFormat::ChannelsLast); };
    const auto image = draw(), noise = draw(), time = generate::logit_normal_times(4, random).to(device);
    const auto net = lively(preset, device);
    Outcome out;
    const auto velocities = [&](bool bf16) {  // of several times in turn
        c10::NoGradGuard no_grad;
        nn::Replay velocity([&](const nn::Replay::Tensors& in) { return nn::Replay::Tensors{(*net)(in[0], in[1], nullptr, bf16)}; });
        nn::Replay::Tensors all;
        for (int i = 0; i < kCalls; ++i) all.push_back(velocity({image, time * ((i + 1.0) / kCalls)})[0]);
        out.captured &= velocity.captured();
        return at::stack(all).to(c10::kCPU);
    };
    out.fine = velocities(false);
    const bool half = nn::bf16_pays(device);  // without instructions for it, bfloat16 takes a CPU minutes
    out.half = half ? velocities(true) : out.fine;
    nn::AdamWParams params;
    params.learning_rate = 1e-4;
    nn::AdamW optimiser({{net->parameters().all(), 1.0}}, params);
    nn::Replay learn([&](const nn::Replay::Tensors& in) {
        const auto loss = generate::flow_loss(in[0], in[1], in[2], [&](const at::Tensor& x, const at::Tensor& t) { return (*net)(x, t, nullptr, half); });
        loss.backward();
        return nn::Replay::Tensors{loss.detach()};
    });
    for (int i = 0; i < kCalls; ++i) {
        learn({image, noise, time * ((i + 1.0) / kCalls)});
        optimiser.step(1.0);
    }
    out.captured &= learn.captured();
    c10::NoGradGuard no_grad;
    out.trained = (*net)(image, time, nullptr, false).to(c10::kCPU);
    return out;
}

bool agree(const std::string& what, const at::Tensor& a, const at::Tensor& b, double bound) {
    const double difference = ((a - b).abs().max() / b.abs().max()).item<double>();
    std::printf("%-34s %.1e of the largest value (bound %.0e)%s\n", what.c_str(), difference, bound, difference < bound ? "" : "  FAILED");
    return difference < bound;
}

}  // namespace

int main(int argc, char** argv) try {
    const auto device = nn::open_device(argc > 1 ? argv[1] : "auto", 0);
    std::cout << "cpu against " << device.str() << std::endl;
    bool sound = true;
    for (const char* name : {"tiny", "nano", "base"}) {
        const auto& preset = generate::find_preset(name);
        const auto here = compute(preset, c10::Device(c10::kCPU));
        const auto compare = [&](const std::string& what) {
            const auto there = compute(preset, device);
            sound &= agree(what + ", fp32", there.fine, here.fine, kBoundFine);
            sound &= agree(what + ", bfloat16", there.half, here.fine, kBoundHalf);
            sound &= agree(what + ", after training", there.trained, here.trained, kBoundHalf);
            return there.captured;
        };
        setenv("C2L_CUDA_GRAPHS", "0", 1);
        compare(name);
        setenv("C2L_CUDA_GRAPHS", "1", 1);
        if (!device.is_cuda() || !nn::replays()) continue;
        if (!compare(std::string(name) + ", captured")) {
            std::cout << name << ": nothing was captured  FAILED" << std::endl;
            sound = false;
        }
    }
    if (device.is_cuda() && !nn::replays()) std::cout << "built without the CUDA toolkit's headers: no graphs" << std::endl;
    return sound ? 0 : 1;
} catch (const Error& error) {
    std::cerr << error.line() << "\n";
    return 1;
}
