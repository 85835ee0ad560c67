// Does another device compute what the CPU does? Velocities in fp32 and bfloat16, and three training steps, of each preset's denoiser with the same
// weights and inputs; needs LibTorch alone, so that it runs where there is no Qt. Usage: device_check [DEVICE]; fails where a bound is passed.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cstdio>
#include <iostream>

#include "base/error.h"
#include "generate/flow.h"
#include "generate/preset.h"
#include "nn/adamw.h"
#include "nn/device.h"

using namespace c2l;

namespace {

constexpr double kBoundFine = 2e-3;  // TF32 in convolutions rounds to 10 bits
constexpr double kBoundHalf = 3e-2;

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
};

Outcome compute(const generate::Preset& preset, const c10::Device& device) {
    Random random(2);
    const std::int64_t side = preset.latent_side();
    const auto draw = [&] { return generate::normal_noise({4, preset.latent_channels, side, side}, random).to(device).contiguous(at::MemoryFormat::ChannelsLast); };
    const auto image = draw(), noise = draw(), time = generate::logit_normal_times(4, random).to(device);
    const auto net = lively(preset, device);
    Outcome out;
    {
        c10::NoGradGuard no_grad;
        out.fine = (*net)(image, time, nullptr, false).to(c10::kCPU);
        out.half = (*net)(image, time, nullptr, true).to(c10::kCPU);
    }
    nn::AdamWParams params;
    params.learning_rate = 1e-4;
    nn::AdamW optimiser({{net->parameters().all(), 1.0}}, params);
    for (int i = 0; i < 3; ++i) {
        generate::flow_loss(image, noise, time, [&](const at::Tensor& x, const at::Tensor& t) { return (*net)(x, t, nullptr, false); }).backward();
        optimiser.step(1.0);
    }
    c10::NoGradGuard no_grad;
    out.trained = (*net)(image, time, nullptr, false).to(c10::kCPU);
    return out;
}

bool agree(const std::string& what, const at::Tensor& a, const at::Tensor& b, double bound) {
    const double difference = ((a - b).abs().max() / b.abs().max()).item<double>();
    std::printf("%-28s %.1e of the largest value (bound %.0e)%s\n", what.c_str(), difference, bound, difference < bound ? "" : "  FAILED");
    return difference < bound;
}

}  // namespace

int main(int argc, char** argv) try {
    const auto device = nn::open_device(argc > 1 ? argv[1] : "auto", 0);
    std::cout << "cpu against " << device.str() << std::endl;
    bool sound = true;
    for (const char* name : {"tiny", "nano", "base"}) {
        const auto& preset = generate::find_preset(name);
        const auto here = compute(preset, c10::Device(c10::kCPU)), there = compute(preset, device);
        sound &= agree(std::string(name) + ", fp32", there.fine, here.fine, kBoundFine);
        sound &= agree(std::string(name) + ", bfloat16", there.half, here.fine, kBoundHalf);
        sound &= agree(std::string(name) + ", after 3 steps", there.trained, here.trained, 10 * kBoundFine);
    }
    return sound ? 0 : 1;
} catch (const Error& error) {
    std::cerr << error.line() << "\n";
    return 1;
}
