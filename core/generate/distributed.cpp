#include "generate/distributed.h"

#include <ATen/ATen.h>
#include <torch/version.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "base/cores.h"
#include "base/error.h"

#ifdef C2L_GLOO
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#ifdef C2L_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif
#endif

namespace c2l {

#ifdef C2L_GLOO

namespace {

#if TORCH_VERSION_MAJOR >= 2
using Group = c10d::Backend;
#else
using Group = c10d::ProcessGroup;
#endif

bool is_loopback(const std::string& address) { return address == "localhost" || address == "::1" || address.rfind("127.", 0) == 0; }

c10::intrusive_ptr<Group> make_gloo(const c10::intrusive_ptr<c10d::Store>& store, const Launch& launch, std::chrono::milliseconds limit) {
    auto options = c10d::ProcessGroupGloo::Options::create(limit);
    if (const char* name = std::getenv("GLOO_SOCKET_IFNAME"); name && *name)
        options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForInterface(name));
    else if (is_loopback(launch.address))
        options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1"));
    else
        options->devices.push_back(c10d::ProcessGroupGloo::createDefaultDevice());
    return c10::make_intrusive<c10d::ProcessGroupGloo>(store, launch.rank, launch.world, options);
}

c10::intrusive_ptr<Group> make_nccl([[maybe_unused]] const c10::intrusive_ptr<c10d::Store>& store, [[maybe_unused]] const Launch& launch,
                                    [[maybe_unused]] std::chrono::milliseconds limit) {
#ifdef C2L_NCCL
    // A process that waits for a dead one gets an exception at the limit instead of being aborted by a watchdog.
    ::setenv("TORCH_NCCL_BLOCKING_WAIT", "1", 0);
    ::setenv("NCCL_BLOCKING_WAIT", "1", 0);
    auto options = c10d::ProcessGroupNCCL::Options::create();
    options->timeout = limit;
    return c10::make_intrusive<c10d::ProcessGroupNCCL>(store, launch.rank, launch.world, options);
#else
    throw Error(ErrorCode::Unsupported, "this program was built without NCCL, which several processes on GPUs need; build it where nccl.h is found, or use one process or --device cpu");
#endif
}

// What c10d throws is meant for programmers; the user hears which process is gone and what to do.
template <class F> auto spoken(const Launch& launch, const char* what, F&& call) {
    try {
        return call();
    } catch (const Error&) {
        throw;
    } catch (const std::exception& error) {
        throw Error(ErrorCode::Io,
                    "process " + std::to_string(launch.rank) + " of " + std::to_string(launch.world) + " " + what +
                        "; look for the error of the process that ended first, then start the same command again: it goes on from the last checkpoint",
                    {}, error.what());
    }
}

constexpr const char* kLost = "has lost another process of this training";

}  // namespace

struct Processes::State {
    c10::intrusive_ptr<c10d::Store> store;
    c10::intrusive_ptr<Group> group;
    c10::Device device{c10::kCPU};
    std::chrono::milliseconds limit{};

    // Runs `call` on a contiguous copy on the group's device and writes the result back where it is not the tensor itself.
    template <class F> void in_place(const Launch& launch, at::Tensor& tensor, F&& call) const {
        spoken(launch, kLost, [&] {
            const auto flat = tensor.detach();
            std::vector<at::Tensor> wrapped{flat.device() == device && flat.is_contiguous() ? flat : flat.to(device).contiguous()};
            if (!call(wrapped)->wait()) throw std::runtime_error("the work was not finished");
            if (wrapped[0].data_ptr() != flat.data_ptr()) tensor.detach().copy_(wrapped[0]);
        });
    }
};

Processes::Processes(const Launch& launch, const std::string& device, std::chrono::seconds time_limit) : launch_(launch) {
    if (launch.world == 1) return;
    state_ = std::make_unique<State>();
    state_->device = c10::Device(device);
    state_->limit = time_limit;
    spoken(launch_, ("does not reach the others through " + launch.address + ":" + std::to_string(launch.port)).c_str(), [&] {
        c10d::TCPStoreOptions options;
        options.port = static_cast<std::uint16_t>(launch.port);
        options.isServer = launch.rank == 0;
        options.numWorkers = static_cast<std::size_t>(launch.world);
        options.waitWorkers = false;
        options.timeout = state_->limit;
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 3)
        options.useLibUV = false;
#endif
        state_->store = c10::make_intrusive<c10d::TCPStore>(launch.address, options);
        state_->group = state_->device.is_cuda() ? make_nccl(state_->store, launch_, state_->limit) : make_gloo(state_->store, launch_, state_->limit);
    });
}

void Processes::sum(at::Tensor tensor) const {
    if (!state_) return;
    state_->in_place(launch_, tensor, [&](std::vector<at::Tensor>& t) { return state_->group->allreduce(t); });
}

void Processes::broadcast(at::Tensor tensor) const {
    if (!state_) return;
    state_->in_place(launch_, tensor, [&](std::vector<at::Tensor>& t) { return state_->group->broadcast(t); });
}

at::Tensor Processes::gather(const at::Tensor& tensor) const {
    if (!state_) return tensor.detach().unsqueeze(0);
    std::vector<at::Tensor> own{tensor.detach().contiguous()};
    std::vector<std::vector<at::Tensor>> all(1);
    for (int i = 0; i < launch_.world; ++i) all[0].push_back(at::empty_like(own[0]));
    spoken(launch_, kLost, [&] { state_->group->allgather(all, own)->wait(); });
    return at::stack(all[0]);
}

double Processes::sum(double value) const {
    if (!state_) return value;
    auto tensor = at::full({1}, value, at::TensorOptions(c10::kDouble).device(state_->device));
    sum(tensor);
    return tensor.item<double>();
}

void Processes::first_does(const std::string& name, const std::function<void()>& work) const {
    if (!state_) return work();
    const auto tell = [&](const std::string& word) { state_->store->set(name, std::vector<std::uint8_t>(word.begin(), word.end())); };
    if (first()) {
        try {
            work();
        } catch (const Error& error) {
            spoken(launch_, kLost, [&] { tell(error.code() == ErrorCode::Stopped ? "stopped" : "failed"); });
            std::this_thread::sleep_for(std::chrono::seconds(1));  // the meeting place closes with this process
            throw;
        }
        return spoken(launch_, kLost, [&] { tell("done"); });
    }
    std::string word;
    while (word.empty()) {
        spoken(launch_, "has lost the first one", [&] {
            if (!state_->store->check({name})) return;
            const auto bytes = state_->store->get(name);
            word.assign(bytes.begin(), bytes.end());
        });
        if (word.empty()) std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    if (word == "stopped") throw Error(ErrorCode::Stopped, "stopped by the user; run the command again to go on");
    if (word != "done") throw Error(ErrorCode::Io, "process 0 of " + std::to_string(count()) + " has failed; its message says why");
}

void Processes::part() const {
    if (!state_) return;
    spoken(launch_, kLost, [&] {
        const auto here = state_->store->add("parting", 1);
        if (!first() || here == launch_.world) return;
        const auto end = std::chrono::steady_clock::now() + state_->limit;
        while (state_->store->add("parting", 0) < launch_.world && std::chrono::steady_clock::now() < end)
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
    });
}

#else

struct Processes::State {};

Processes::Processes(const Launch& launch, const std::string&, std::chrono::seconds) : launch_(launch) {
    if (launch.world > 1)
        throw Error(ErrorCode::Unsupported, "this program was built without Gloo, which several processes need; build it where gloo/algorithm.h is found (libgloo-dev), or start one process");
}
void Processes::sum(at::Tensor) const {}
void Processes::broadcast(at::Tensor) const {}
at::Tensor Processes::gather(const at::Tensor& tensor) const { return tensor.detach().unsqueeze(0); }
double Processes::sum(double value) const { return value; }
void Processes::first_does(const std::string&, const std::function<void()>& work) const { work(); }
void Processes::part() const {}

#endif

Processes::Processes() = default;
Processes::~Processes() = default;

ComputeParams compute_of(const Launch& launch, ComputeParams compute) {
    if (launch.world == 1) return compute;
    if ((compute.device == "auto" || compute.device == "cuda") && at::hasCUDA())
        compute.device = "cuda:" + std::to_string(launch.local_rank % std::max<int>(1, static_cast<int>(at::getNumGPUs())));
    if (compute.threads == 0) compute.threads = launch.cores > 0 ? std::min(launch.cores, usable_cores()) : std::max(1, usable_cores() / launch.local_world);
    return compute;
}

}  // namespace c2l
