#include "nn/parameters.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <ATen/CPUGeneratorImpl.h>

#include <cmath>
#include <set>

#include "base/error.h"

namespace c2l::nn {

at::Tensor ParameterSet::add(const std::string& name, at::Tensor initial) {
    for (const auto& [known, tensor] : parameters_)
        if (known == name) throw Error(ErrorCode::Internal, "parameter \"" + name + "\" exists twice");
    parameters_.emplace_back(name, std::move(initial));
    return parameters_.back().second;
}

at::Tensor ParameterSet::get(const std::string& name) const {
    for (const auto& [known, tensor] : parameters_)
        if (known == name) return tensor;
    throw Error(ErrorCode::Internal, "parameter \"" + name + "\" does not exist");
}

std::int64_t ParameterSet::count() const {
    std::int64_t total = 0;
    for (const auto& [name, tensor] : parameters_) total += tensor.numel();
    return total;
}

void ParameterSet::load(const TensorFile& file, const std::string& prefix) {
    std::set<std::string> known;
    for (const auto& [name, tensor] : parameters_) known.insert(prefix + name);
    for (auto found = file.tensors.lower_bound(prefix); found != file.tensors.end() && found->first.starts_with(prefix); ++found)
        if (!known.count(found->first))
            throw Error(ErrorCode::Mismatch, "has a tensor \"" + found->first + "\" that this architecture lacks; these weights belong to another one", file.path);
    file.require_finite(prefix);
    c10::NoGradGuard no_grad;
    for (auto& [name, tensor] : parameters_) tensor.copy_(file.at(prefix + name, tensor.sizes()));
}

std::map<std::string, at::Tensor> ParameterSet::state(const std::string& prefix) const {
    std::map<std::string, at::Tensor> out;
    for (const auto& [name, tensor] : parameters_)
        out.emplace(prefix + name, tensor.detach().to(c10::kCPU, c10::kFloat, /*non_blocking=*/false, /*copy=*/true).contiguous());
    return out;
}

void ParameterSet::to(const c10::Device& device) {
    for (auto& [name, tensor] : parameters_)
        if (tensor.device() != device) tensor.set_data(tensor.detach().to(device));
}

at::Generator seeded_generator(std::uint64_t seed) { return at::make_generator<at::CPUGeneratorImpl>(seed); }

Initialiser::Initialiser(std::uint64_t seed) : generator_(seeded_generator(seed)) {}

at::Tensor Initialiser::normal(at::IntArrayRef shape, double sd) { return at::empty(shape, c10::kFloat).normal_(0.0, sd, generator_); }

at::Tensor Initialiser::fan_in(at::IntArrayRef shape, double gain) {
    std::int64_t inputs = 1;
    for (std::size_t i = 1; i < shape.size(); ++i) inputs *= shape[i];
    return normal(shape, gain / std::sqrt(static_cast<double>(inputs)));
}

at::Tensor Initialiser::constant(at::IntArrayRef shape, double value) { return at::full(shape, value, c10::kFloat); }

}  // namespace c2l::nn
