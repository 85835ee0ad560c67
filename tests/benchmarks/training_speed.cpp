// The speed of a preset's denoiser, beside tests/peers/eager.py (the same network in PyTorch; tests/peers/speed.sh runs both in turn).
//
//   training_speed time [preset=tiny] [device=cpu] [threads=0] [repeats=20] [batch=32] [sample=1,4]
//       a training step and sampling (Heun 10, guidance) of as many tiles: best and median
//   training_speed check OUT.safetensors [preset=tiny]
//       writes random weights, an input and our output, for the peer to compare
// With C2L_CUDA_GRAPHS=1 on a CUDA device, from captured graphs (nn/replay.h).
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <malloc.h>

#include <algorithm>
#include <ctime>
#include <iostream>
#include <map>
#include <sstream>

#include "base/error.h"
#include "base/job.h"
#include "generate/flow.h"
#include "generate/preset.h"
#include "nn/adamw.h"
#include "nn/device.h"
#include "nn/replay.h"
#include "nn/safetensors.h"

using namespace c2l;

namespace {

double seconds(clockid_t clock) {
    timespec t{};
    clock_gettime(clock, &t);
    return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

void measure(const std::string& name, int repeats, const std::function<void()>& step) {
    for (int i = 0; i < (nn::replays() ? 3 : 1); ++i) step();  // a graph is captured in the third call
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

// Words of the form name=value.
class Options {
public:
    Options(char** first, char** last) {
        for (; first != last; ++first) {
            const std::string word = *first;
            const auto sign = word.find('=');
            if (sign == std::string::npos || !values_.contains(word.substr(0, sign))) throw Error(ErrorCode::BadInput, "there is no option " + word);
            values_[word.substr(0, sign)] = word.substr(sign + 1);
        }
    }
    const std::string& operator[](const std::string& name) const { return values_.at(name); }
    int number(const std::string& name) const { return std::stoi(values_.at(name)); }

private:
    std::map<std::string, std::string> values_{{"preset", "tiny"}, {"device", "cpu"}, {"threads", "0"}, {"repeats", "20"}, {"batch", "32"}, {"sample", "1,4"}};
};

at::Tensor draw(const generate::Preset& preset, std::int64_t n, Random& random, const c10::Device& device) {
    const std::int64_t side = preset.latent_side();
    return generate::normal_noise({n, preset.latent_channels, side, side}, random).to(device).contiguous(at::MemoryFormat::ChannelsLast);
}

void time_training(const generate::Preset& preset, generate::Denoiser& net, const generate::Velocity& velocity, const c10::Device& device, const Options& options) {
    nn::AdamW optimiser({{net.parameters().all(), 1.0}}, {});
    Random random(1);
    const int batch = options.number("batch");
    const auto image = draw(preset, batch, random, device), noise = draw(preset, batch, random, device);
    const auto time = generate::logit_normal_times(batch, random).to(device);
    nn::Replay learn([&](const nn::Replay::Tensors& in) {
        const auto loss = generate::flow_loss(in[0], in[1], in[2], velocity);
        loss.backward();
        return nn::Replay::Tensors{loss.detach()};
    });
    measure("ours training " + std::to_string(batch), options.number("repeats"), [&] {
        const auto loss = learn({image, noise, time})[0];
        optimiser.step(1.0);
        loss.item<double>();
    });
}

void time_all(const Options& options) {
    const auto device = nn::open_device(options["device"], options.number("threads"));
    const auto& preset = generate::find_preset(options["preset"]);
    const bool bf16 = nn::bf16_pays(device);
    const auto net = generate::make_denoiser(preset, 1);
    net->parameters().to(device);
    const generate::Velocity velocity = [&](const at::Tensor& x, const at::Tensor& t) { return (*net)(x, t, nullptr, bf16); };
    std::cout << preset.name << " denoiser, " << net->parameters().count() << " parameters, " << (bf16 ? "bf16" : "fp32") << std::endl;
    time_training(preset, *net, velocity, device, options);
    c10::NoGradGuard no_grad;
    SampleParams params;
    nn::Replay alone([&](const nn::Replay::Tensors& in) { return nn::Replay::Tensors{velocity(in[0], in[1])}; });
    nn::Replay pair([&](const nn::Replay::Tensors& in) { return velocity(at::cat({in[0], in[0]}).contiguous(at::MemoryFormat::ChannelsLast), at::cat({in[1], in[1]})).chunk(2); });
    const generate::Velocity conditional = [&](const at::Tensor& x, const at::Tensor& t) { return alone({x, t})[0]; };
    const generate::VelocityPair both = [&](const at::Tensor& x, const at::Tensor& t) {
        const auto parts = pair({x, t});
        return std::pair{parts[0], parts[1]};
    };
    Random random(1);
    std::istringstream batches(options["sample"]);
    for (std::string batch; std::getline(batches, batch, ',');)
        measure("ours sampling " + batch, options.number("repeats") / 4 + 1,
                [&] { generate::integrate(draw(preset, std::stoi(batch), random, device), conditional, &both, params, {}).sum().item<double>(); });
}

void write_check(const std::filesystem::path& path, const Options& options) {
    c10::NoGradGuard no_grad;
    nn::open_device("cpu", options.number("threads"));
    const auto& preset = generate::find_preset(options["preset"]);
    const auto net = generate::make_denoiser(preset, 1);
    nn::Initialiser init(7);
    for (const auto& [name, tensor] : net->parameters().all())  // the zeros of a fresh network would hide differences
        if (tensor.abs().max().item<double>() == 0) tensor.copy_(tensor.dim() > 1 ? init.fan_in(tensor.sizes()) : init.normal(tensor.sizes(), 0.1));
    Random random(2);
    auto tensors = net->parameters().state();
    const auto latent = draw(preset, 4, random, c10::kCPU), time = generate::logit_normal_times(4, random);
    tensors["check.latent"] = latent.contiguous();
    tensors["check.time"] = time;
    tensors["check.fp32"] = (*net)(latent, time, nullptr, false).contiguous();
    tensors["check.bf16"] = (*net)(latent, time, nullptr, true).contiguous();
    nn::write_safetensors(path, tensors, {});
}

}  // namespace

int main(int argc, char** argv) try {
    mallopt(M_MMAP_THRESHOLD, 1 << 30);  // as the program does
    mallopt(M_TRIM_THRESHOLD, 2147483647);
    const std::string what = argc > 1 ? argv[1] : "time";
    if (what == "check" && argc > 2)
        write_check(argv[2], Options(argv + 3, argv + argc));
    else if (what == "time")
        time_all(Options(argv + std::min(argc, 2), argv + argc));
    else
        throw Error(ErrorCode::BadInput, "give time or check OUT.safetensors (see the head of training_speed.cpp)");
    return 0;
} catch (const Error& error) {
    std::cerr << error.line() << "\n";
    return 1;
}
