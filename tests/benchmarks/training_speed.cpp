// Images per second of a training step and of a forward pass of the tiny denoiser. Usage: training_speed [THREADS] [DEVICE]
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <iostream>

#include "base/job.h"
#include "generate/flow.h"
#include "generate/unet.h"
#include "nn/adamw.h"
#include "nn/device.h"

using namespace c2l;

int main(int argc, char** argv) {
    const auto device = nn::open_device(argc > 2 ? argv[2] : "cpu", argc > 1 ? std::stoi(argv[1]) : 0);
    const bool bf16 = nn::bf16_pays(device);
    generate::UNet net(1);
    net.parameters().to(device);
    nn::AdamW optimiser({{net.parameters().all(), 1.0}}, {});
    Random random(1);
    constexpr int kBatch = 32, kWarm = 3, kSteps = 20;
    const auto draw = [&] { return generate::normal_noise({kBatch, 8, 16, 16}, random).to(device).contiguous(at::MemoryFormat::ChannelsLast); };
    const auto image = draw(), noise = draw();
    const auto time = generate::logit_normal_times(kBatch, random).to(device);
    const generate::Velocity velocity = [&](const at::Tensor& x, const at::Tensor& t) { return net(x, t, nullptr, bf16); };
    const auto measure = [&](const char* what, const std::function<void()>& step) {
        for (int i = 0; i < kWarm; ++i) step();
        const EtaClock clock;
        for (int i = 0; i < kSteps; ++i) step();
        std::cout << what << ": " << kBatch * kSteps / clock.elapsed_s() << " images/s\n";
    };
    std::cout << "tiny denoiser, " << net.parameters().count() << " parameters, " << (bf16 ? "bf16" : "fp32") << ", batch " << kBatch << "\n";
    measure("training step", [&] {
        optimiser.zero_grad();
        const auto loss = generate::flow_loss(image, noise, time, velocity);
        loss.backward();
        optimiser.step(1.0);
        loss.item<double>();
    });
    measure("forward", [&] {
        c10::NoGradGuard no_grad;
        velocity(image, time).sum().item<double>();
    });
}
