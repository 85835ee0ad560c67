#include "generate/imported.h"

#include <ATen/ATen.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"

namespace c2l::generate {

namespace {
constexpr std::uint64_t kMostConfigBytes = 1u << 20;
}

ModelConfig::ModelConfig(const std::filesystem::path& path) : ModelConfig(read_file(path, kMostConfigBytes), path) {}

ModelConfig::ModelConfig(const std::string& text, const std::filesystem::path& path) : path_(path), root_(std::make_unique<nlohmann::json>(nlohmann::json::parse(text, nullptr, false))) {
    if (!root_->is_object()) throw Error(ErrorCode::BadInput, "is not a JSON object of settings; get the model's files again from their source", path);
}

ModelConfig::~ModelConfig() = default;
ModelConfig::ModelConfig(ModelConfig&&) noexcept = default;

const nlohmann::json* ModelConfig::find(const std::string& key) const {
    const auto found = root_->find(key);
    return found == root_->end() || found->is_null() ? nullptr : &*found;
}

bool ModelConfig::has(const std::string& key) const { return find(key) != nullptr; }

void ModelConfig::refuse(const std::string& key, const std::string& why) const {
    throw Error(ErrorCode::BadInput, "setting \"" + key + "\" " + why + "; correct it or get the model's files again from their source", path_);
}

void ModelConfig::unsupported(const std::string& key, const std::string& value) const {
    throw Error(ErrorCode::Unsupported, "setting \"" + key + "\" is \"" + value + "\", which this program cannot run; choose another model", path_);
}

int ModelConfig::integer(const std::string& key, int fallback, int low, int high) const {
    const auto* value = find(key);
    if (!value) return fallback;
    if (!value->is_number_integer() || *value < low || *value > high)
        refuse(key, "is not a whole number from " + std::to_string(low) + " to " + std::to_string(high));
    return value->get<int>();
}

double ModelConfig::number(const std::string& key, double fallback, double low, double high) const {
    const auto* value = find(key);
    if (!value) return fallback;
    const double number = value->is_number() ? value->get<double>() : std::nan("");
    if (!(number >= low && number <= high)) refuse(key, "is not a number in its range");
    return number;
}

bool ModelConfig::flag(const std::string& key, bool fallback) const {
    const auto* value = find(key);
    if (!value) return fallback;
    if (!value->is_boolean()) refuse(key, "is neither true nor false");
    return value->get<bool>();
}

std::string ModelConfig::text(const std::string& key, const std::string& fallback) const {
    const auto* value = find(key);
    if (!value) return fallback;
    if (!value->is_string()) refuse(key, "is not text");
    return value->get<std::string>();
}

std::vector<int> ModelConfig::integers(const std::string& key, int low, int high) const {
    const auto* value = find(key);
    if (!value || !value->is_array() || value->empty() || value->size() > 16) refuse(key, "is not a list of 1 to 16 numbers");
    std::vector<int> out;
    for (const auto& item : *value) {
        if (!item.is_number_integer() || item < low || item > high)
            refuse(key, "has an item that is not a whole number from " + std::to_string(low) + " to " + std::to_string(high));
        out.push_back(item.get<int>());
    }
    return out;
}

std::vector<std::string> ModelConfig::texts(const std::string& key) const {
    const auto* value = find(key);
    std::vector<std::string> out;
    if (!value) return out;
    if (!value->is_array() || value->size() > 16) refuse(key, "is not a short list of texts");
    for (const auto& item : *value) {
        if (!item.is_string()) refuse(key, "has an item that is not text");
        out.push_back(item.get<std::string>());
    }
    return out;
}

at::Tensor FineGroupNorm::operator()(const at::Tensor& x) const { return at::group_norm(x, groups, weight, bias, 1e-6); }

at::Tensor ImportedLayers::tensor(const std::string& name, at::IntArrayRef shape) { return set_.add(name, source_.take(name, shape)); }

nn::Conv ImportedLayers::conv(const std::string& name, int in, int out, int kernel, int stride, int padding) {
    nn::Conv conv;
    conv.weight = set_.add(name + ".weight", source_.take(name + ".weight", {out, in, kernel, kernel}).contiguous(at::MemoryFormat::ChannelsLast));
    conv.bias = tensor(name + ".bias", {out});
    conv.stride = stride;
    conv.padding = padding < 0 ? kernel / 2 : padding;
    return conv;
}

nn::Linear ImportedLayers::linear(const std::string& name, int in, int out, bool bias) {
    nn::Linear linear;
    linear.weight = tensor(name + ".weight", {out, in});
    if (bias) linear.bias = tensor(name + ".bias", {out});
    return linear;
}

FineGroupNorm ImportedLayers::group_norm(const std::string& name, int channels, int groups) {
    return {tensor(name + ".weight", {channels}), tensor(name + ".bias", {channels}), groups};
}

}  // namespace c2l::generate
