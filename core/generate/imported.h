// What networks of other projects are read with: their config.json, and layers filled from their weights.
#pragma once

#include <filesystem>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "nn/layers.h"
#include "nn/tensor_source.h"

namespace c2l::generate {

// A flat JSON object of settings (diffusers' config.json). A key that is absent or null takes the default; a value of another kind or
// outside its range throws Error(BadInput) that names the key and the file.
class ModelConfig {
public:
    explicit ModelConfig(const std::filesystem::path& path);
    ModelConfig(const std::string& json_text, const std::filesystem::path& path);
    ~ModelConfig();
    ModelConfig(ModelConfig&&) noexcept;

    const std::filesystem::path& path() const { return path_; }
    bool has(const std::string& key) const;
    int integer(const std::string& key, int fallback, int low, int high) const;
    double number(const std::string& key, double fallback, double low, double high) const;
    bool flag(const std::string& key, bool fallback) const;
    std::string text(const std::string& key, const std::string& fallback) const;
    std::vector<int> integers(const std::string& key, int low, int high) const;  // 1 to 16 of them
    std::vector<std::string> texts(const std::string& key) const;                // empty where absent

    [[noreturn]] void refuse(const std::string& key, const std::string& why) const;       // Error(BadInput)
    [[noreturn]] void unsupported(const std::string& key, const std::string& value) const;  // Error(Unsupported)

private:
    const nlohmann::json* find(const std::string& key) const;  // null where absent or null
    std::filesystem::path path_;
    std::unique_ptr<nlohmann::json> root_;
};

// GroupNorm with the small epsilon of diffusers' autoencoders.
struct FineGroupNorm {
    at::Tensor weight, bias;
    int groups = 1;
    at::Tensor operator()(const at::Tensor& x) const;
};

// Makes layers out of the tensors of a source; each becomes a parameter under its own name.
class ImportedLayers {
public:
    ImportedLayers(nn::ParameterSet& set, nn::TensorSource& source) : set_(set), source_(source) {}

    at::Tensor tensor(const std::string& name, at::IntArrayRef shape);
    nn::Conv conv(const std::string& name, int in, int out, int kernel, int stride = 1, int padding = -1);  // −1: kernel / 2
    nn::Linear linear(const std::string& name, int in, int out, bool bias = true);
    FineGroupNorm group_norm(const std::string& name, int channels, int groups);
    nn::TensorSource& source() { return source_; }

private:
    nn::ParameterSet& set_;
    nn::TensorSource& source_;
};

}  // namespace c2l::generate
