// The tiny denoiser's speed, beside tests/peers/tiny_eager.py (the same network in PyTorch; tests/peers/speed.sh runs both in turn).
//
//   training_speed [THREADS [DEVICE [REPEATS]]]   times a training step (batch 32) and sampling (Heun 10, guidance), best and median
//   training_speed check OUT.safetensors          writes random weights, an input and our output, for the peer to compare
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <malloc.h>

#include <algorithm>
#include <ctime>
#include <iostream>

#include "base/error.h"
#include "base/job.h"
#include "generate/flow.h"
#include "generate/unet.h"
#include "nn/adamw.h"
#include "nn/device.h"
#include "nn/safetensors.h"

using namespace c2l;

namespace {

double seconds(clockid_t clock) {
    timespec t{};
    clock_gettime(clock, &t);
    return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

void measure(const std::string& name, int repeats, const std::function<void()>& step) {
    step();
    std::vector<double> wall, cpu;
    for (int i = 0; i < repeats; ++i) {
        const double wall0 = seconds(CLOCK_MONOTONIC), cpu0 = seconds(CLOCK_PROCESS_CPUTIME_ID);
        step();
        wall.push_back(1e3 * (seconds(CLOCK_MONOTONIC) - wall0));
        cpu.push_back(1e3 * (seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu0));
    }
    std::sort(wall.begin(), wall.end());
    std::sort(cpu.begin(), cpu.end());
    const auto middle = wall.size() / 2;
    std::cout << name << ": wall " << wall[0] << " " << wall[middle] << " cpu " << cpu[0] << " " << cpu[middle] << " ms" << std::endl;
}

at::Tensor draw(std::int64_t n, Random& random, const c10::Device& device) {
    return generate::normal_noise({n, 8, 16, 16}, random).to(device).contiguous(at::MemoryFormat::ChannelsLast);
}

void time_all(const c10::Device& device, int repeats) {
    const bool bf16 = nn::bf16_pays(device);
    generate::UNet net(1);
    net.parameters().to(device);
    nn::AdamW optimiser({{net.parameters().all(), 1.0}}, {});
    Random random(1);
    constexpr int kBatch = 32;
    const auto image = draw(kBatch, random, device), noise = draw(kBatch, random, device);
    const auto time = generate::logit_normal_times(kBatch, random).to(device);
    const generate::Velocity velocity = [&](const at::Tensor& x, const at::Tensor& t) { return net(x, t, nullptr, bf16); };
    std::cout << "tiny denoiser, " << net.parameters().count() << " parameters, " << (bf16 ? "bf16" : "fp32") << ", training batch " << kBatch << std::endl;
    measure("ours training", repeats, [&] {
        const auto loss = generate::flow_loss(image, noise, time, velocity);
        loss.backward();
        optimiser.step(1.0);
        loss.item<double>();
    });
    c10::NoGradGuard no_grad;
    SampleParams params;
    const generate::VelocityPair both = [&](const at::Tensor& x, const at::Tensor& t) {
        const auto parts = velocity(at::cat({x, x}).contiguous(at::MemoryFormat::ChannelsLast), at::cat({t, t})).chunk(2);
        return std::pair{parts[0], parts[1]};
    };
    for (const int batch : {1, 4})
        measure("ours sampling " + std::to_string(batch), repeats / 4 + 1,
                [&] { generate::integrate(draw(batch, random, device), velocity, &both, params, {}).sum().item<double>(); });
}

void write_check(const std::filesystem::path& path) {
    c10::NoGradGuard no_grad;
    generate::UNet net(1);
    for (const auto& [name, tensor] : net.parameters().all())  // the zeros of a fresh network would hide differences
        if (name.find("conv2.weight") != std::string::npos || name.find("out.weight") != std::string::npos)
            tensor.copy_(nn::Initialiser(7).fan_in(tensor.sizes()));
    Random random(2);
    auto tensors = net.parameters().state();
    const auto latent = draw(4, random, c10::kCPU), time = generate::logit_normal_times(4, random);
    tensors["check.latent"] = latent.contiguous();
    tensors["check.time"] = time;
    tensors["check.fp32"] = net(latent, time, nullptr, false).contiguous();
    tensors["check.bf16"] = net(latent, time, nullptr, true).contiguous();
    nn::write_safetensors(path, tensors, {});
}

}  // namespace

int main(int argc, char** argv) try {
    mallopt(M_MMAP_THRESHOLD, 1 << 30);  // as the program does
    mallopt(M_TRIM_THRESHOLD, 2147483647);
    if (argc == 3 && std::string(argv[1]) == "check") {
        nn::open_device("cpu", 0);
        write_check(argv[2]);
    } else {
        time_all(nn::open_device(argc > 2 ? argv[2] : "cpu", argc > 1 ? std::stoi(argv[1]) : 0), argc > 3 ? std::stoi(argv[3]) : 20);
    }
    return 0;
} catch (const Error& error) {
    std::cerr << error.line() << "\n";
    return 1;
}
