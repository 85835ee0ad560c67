// Devices, threads and number formats.
#pragma once

#include <c10/core/Device.h>

#include <string>

namespace c2l::nn {

// "auto", "cpu", "cuda", "cuda:1" → a device that is there; sets the number of CPU threads (0: all cores that this process may use).
// Throws Error(NotFound) for a CUDA device that this machine or this LibTorch does not have, Error(BadInput) for other words.
c10::Device open_device(const std::string& name, int threads);

// Whether convolutions and products run faster in bfloat16 on this device: CUDA from Ampere on, AMD with AVX512-BF16, Intel with AMX.
bool bf16_pays(const c10::Device& device);

std::string describe_device(const c10::Device& device);  // "cpu", "cuda:0"

}  // namespace c2l::nn
