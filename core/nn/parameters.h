// Named parameters of a network, and the flat buffers an optimiser works on.
//
// Tensors are handles: a layer keeps a copy of the handle that add() returns and sees every later change of device or storage.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "nn/safetensors.h"

namespace c2l::nn {

class ParameterSet {
public:
    at::Tensor add(const std::string& name, at::Tensor initial);
    at::Tensor get(const std::string& name) const;
    const std::vector<std::pair<std::string, at::Tensor>>& all() const { return parameters_; }
    std::int64_t count() const;  // numbers, not tensors

    // Copies values of the same names (with `prefix` in the file); every parameter must be there in its exact shape, and nothing else
    // with that prefix; they are finite real numbers. Throws Error(Mismatch|BadInput).
    void load(const TensorFile& file, const std::string& prefix = {});
    std::map<std::string, at::Tensor> state(const std::string& prefix = {}) const;  // fp32 copies on the CPU
    void to(const c10::Device& device);

private:
    std::vector<std::pair<std::string, at::Tensor>> parameters_;
};

// Fresh weights: normal with the given standard deviation from a seeded generator, in a fixed order.
class Initialiser {
public:
    explicit Initialiser(std::uint64_t seed);
    at::Tensor normal(at::IntArrayRef shape, double sd);
    at::Tensor fan_in(at::IntArrayRef shape, double gain = 1.0);  // sd = gain / sqrt(inputs)
    static at::Tensor constant(at::IntArrayRef shape, double value);

private:
    at::Generator generator_;
};

at::Generator seeded_generator(std::uint64_t seed);  // CPU

}  // namespace c2l::nn
