#include "nn/device.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/DeviceGuard.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "base/cores.h"
#include "base/error.h"

namespace c2l::nn {

c10::Device open_device(const std::string& name, int threads) {
    // LibTorch 1.13 starts with one thread.
    const int wanted = threads > 0 ? threads : usable_cores();
    if (at::get_num_threads() != wanted) at::set_num_threads(wanted);
    if (name == "cpu") return c10::Device(c10::kCPU);
    if (name == "auto") return at::hasCUDA() ? c10::Device(c10::kCUDA, 0) : c10::Device(c10::kCPU);
    const bool cuda = name == "cuda" || (name.rfind("cuda:", 0) == 0 && name.find_first_not_of("0123456789", 5) == std::string::npos &&
                                         name.size() > 5 && name.size() < 8);
    if (!cuda) throw Error(ErrorCode::BadInput, "device \"" + name + "\" is not one of auto, cpu, cuda, cuda:N");
    const int index = name == "cuda" ? 0 : std::stoi(name.substr(5));
    if (!at::hasCUDA()) throw Error(ErrorCode::NotFound, "no CUDA device here (or this build's LibTorch has no CUDA); use --device cpu");
    if (index >= static_cast<int>(at::getNumGPUs()))
        throw Error(ErrorCode::NotFound, "CUDA device " + std::to_string(index) + " does not exist; this machine has " + std::to_string(at::getNumGPUs()));
    return c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(index));
}

#if defined(__x86_64__)
namespace {

bool has_amx_bf16() {
    unsigned a = 0, b = 0, c = 0, d = 0;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & (1u << 22));
}

}  // namespace
#endif

bool bf16_pays(const c10::Device& device) {
    if (device.is_cuda()) {
        const c10::OptionalDeviceGuard guard(device);
        return at::detail::getCUDAHooks().supportsBFloat16ConvolutionWithCuDNNv8();  // older GPUs compute it in roundabout ways
    }
#if defined(__x86_64__)
    // Intel's vector unit multiplies bfloat16 no faster than single precision; only its matrix unit does (docs/benchmarks.md).
    return __builtin_cpu_supports("avx512bf16") && (__builtin_cpu_is("amd") || has_amx_bf16());
#else
    return false;
#endif
}

std::string describe_device(const c10::Device& device) { return device.str(); }

}  // namespace c2l::nn
