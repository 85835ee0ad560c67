// A fitted predictor as a safetensors file. Doubles are kept, so that a loaded predictor predicts what the saved one did.
#include <ATen/TensorOperators.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/isfinite.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "nn/safetensors.h"
#include "predict/predictor_state.h"

namespace c2l {
namespace {

constexpr const char* kKind = "c2l-predictor";
constexpr int kVersion = 1;
using Tensors = std::map<std::string, at::Tensor>;

at::Tensor from_floats(const std::vector<float>& v) {
    return at::from_blob(const_cast<float*>(v.data()), {static_cast<std::int64_t>(v.size())}, at::kFloat).clone();
}

std::vector<float> to_floats(const at::Tensor& t) {
    const auto f = t.to(at::kFloat).contiguous();
    return {f.data_ptr<float>(), f.data_ptr<float>() + f.numel()};
}

// A tensor of the given shape and of finite values; -1 stands for any length.
at::Tensor checked(const nn::TensorFile& file, const std::string& name, std::vector<std::int64_t> shape) {
    const auto t = file.at(name).to(at::kDouble).contiguous();
    bool fits = t.dim() == static_cast<std::int64_t>(shape.size());
    for (std::int64_t d = 0; fits && d < t.dim(); ++d)
        fits = shape[static_cast<std::size_t>(d)] < 0 || t.size(d) == shape[static_cast<std::size_t>(d)];
    if (!fits) throw Error(ErrorCode::BadInput, "the predictor's '" + name + "' has the wrong shape; fit the predictor again", file.path);
    if (!at::isfinite(t).all().item<bool>())
        throw Error(ErrorCode::BadInput, "the predictor's '" + name + "' holds values that are not finite; fit the predictor again",
                    file.path);
    return t;
}

std::vector<float> checked_floats(const nn::TensorFile& file, const std::string& name, std::int64_t count) {
    return to_floats(checked(file, name, {count}));
}

std::string member_name(std::size_t m, const char* part) { return "member." + std::to_string(m) + "." + part; }
std::string block_name(std::size_t b, const char* part) { return "block." + std::to_string(b) + "." + part; }

DualRidge read_ridge(const nn::TensorFile& file, const std::string& dual, const std::string& intercept, std::int64_t rows,
                     std::int64_t genes) {
    return {checked(file, dual, {rows, genes}), checked(file, intercept, {1, genes})};
}

std::vector<float> non_empty(std::vector<float> v, const std::filesystem::path& path) {
    if (v.empty()) throw Error(ErrorCode::BadInput, "the predictor's calibration is empty; fit the predictor again", path);
    return v;
}

double positive(const nlohmann::json& json, const char* key, bool zero_too, const std::filesystem::path& path) {
    const double v = json.at(key).get<double>();
    if (!std::isfinite(v) || v < 0 || (v == 0 && !zero_too))
        throw Error(ErrorCode::BadInput, "the predictor's '" + std::string(key) + "' is " + std::to_string(v) + "; fit the predictor again",
                    path);
    return v;
}

}  // namespace

void Predictor::save(const std::filesystem::path& path, const std::map<std::string, std::string>& notes) const {
    const State& s = *state_;
    if (!s.kernel) throw Error(ErrorCode::Internal, "a predictor that has not been fitted cannot be saved", path);
    Tensors tensors{{"dual", s.ridge.dual},
                    {"intercept", s.ridge.intercept},
                    {"residual_quantile", s.calibration.residual_quantile},
                    {"likeness", from_floats(s.calibration.likeness)},
                    {"panel.mean", from_floats(s.panel.mean)},
                    {"panel.sd", from_floats(s.panel.sd)},
                    {"member_variance", s.member_variance}};
    if (s.rows.position.defined()) tensors["rows.position"] = s.rows.position;
    auto blocks = nlohmann::json::array();
    for (std::size_t b = 0; b < s.kernel->scales().size(); ++b) {
        blocks.push_back(s.kernel->scales()[b].name);
        tensors[block_name(b, "mean")] = s.kernel->scales()[b].mean;
        tensors[block_name(b, "sd")] = s.kernel->scales()[b].sd;
        tensors[block_name(b, "rows")] = s.rows.features[b];
    }
    for (std::size_t m = 0; m < s.members.size(); ++m) {
        tensors[member_name(m, "dual")] = s.members[m].dual;
        tensors[member_name(m, "intercept")] = s.members[m].intercept;
    }
    for (auto& [name, tensor] : tensors) tensor = tensor.contiguous();
    const nlohmann::json record{{"version", kVersion},
                                {"genes", s.panel.genes},
                                {"unit", to_string(s.panel.unit)},
                                {"encoder", s.encoder_id},
                                {"blocks", blocks},
                                {"members", s.members.size()},
                                {"spots", s.spots},
                                {"lambda", s.lambda},
                                {"synthetic_weight", s.synthetic_weight},
                                {"spatial_weight", s.kernel->spatial_weight()},
                                {"spatial_length_um", s.kernel->spatial_length_um()},
                                {"non_negative", s.non_negative},
                                {"base_variance", s.calibration.base_variance},
                                {"inner_error", {s.inner_error.real_only, s.inner_error.chosen, s.inner_error.se}}};
    auto metadata = notes;
    metadata["architecture"] = kKind;
    metadata["predictor"] = record.dump();
    nn::write_safetensors(path, tensors, metadata);
}

Predictor Predictor::load(const std::filesystem::path& path) {
    const nn::TensorFile file = nn::read_safetensors(path);
    if (file.meta("architecture") != kKind)
        throw Error(ErrorCode::Mismatch, "this file holds no expression predictor; give one made by fit", path);
    try {
        const auto record = nlohmann::json::parse(file.meta("predictor"));
        if (record.at("version").get<int>() != kVersion)
            throw Error(ErrorCode::Unsupported, "this predictor was written by another version of the program; fit it again", path);
        Predictor out;
        State& s = *out.state_;
        s.panel.genes = record.at("genes").get<std::vector<std::string>>();
        const auto genes = static_cast<std::int64_t>(s.panel.genes.size());
        const auto unit = target_unit(record.at("unit").get<std::string>());
        if (!unit) throw Error(ErrorCode::Unsupported, "predicts in a unit that this version does not know; use a newer version", path);
        s.panel.unit = *unit;
        s.panel.mean = checked_floats(file, "panel.mean", genes);
        s.panel.sd = checked_floats(file, "panel.sd", genes);
        s.encoder_id = record.at("encoder").get<std::string>();
        s.lambda = positive(record, "lambda", false, path);
        s.synthetic_weight = positive(record, "synthetic_weight", true, path);
        s.non_negative = record.at("non_negative").get<bool>();
        const auto error = record.at("inner_error").get<std::vector<double>>();
        if (error.size() == 3) s.inner_error = {error[0], error[1], error[2]};

        std::vector<BlockScale> scales;
        std::int64_t rows = -1;
        for (const auto& name : record.at("blocks")) {
            const std::size_t b = scales.size();
            const auto block = checked(file, block_name(b, "rows"), {rows, -1});
            rows = block.size(0);
            const auto dims = block.size(1);
            scales.push_back(
                {name.get<std::string>(), checked(file, block_name(b, "mean"), {1, dims}), checked(file, block_name(b, "sd"), {1, dims})});
            s.rows.features.push_back(block);
        }
        s.spots = record.at("spots").get<std::int64_t>();
        if (genes < 1 || scales.empty() || s.spots < 1 || s.spots > rows)
            throw Error(ErrorCode::BadInput, "the predictor has no genes, features or spots; fit it again", path);
        if (file.has("rows.position")) s.rows.position = checked(file, "rows.position", {rows, 2});
        s.kernel.emplace(std::move(scales), positive(record, "spatial_weight", true, path),
                         positive(record, "spatial_length_um", false, path));
        s.ridge = read_ridge(file, "dual", "intercept", rows, genes);
        const auto followed = static_cast<std::int64_t>(ensemble_genes(genes).size());
        const auto members = record.at("members").get<std::size_t>();
        for (std::size_t m = 0; m < members; ++m)
            s.members.push_back(read_ridge(file, member_name(m, "dual"), member_name(m, "intercept"), rows, followed));
        s.member_variance = checked(file, "member_variance", {1, followed});
        s.calibration.residual_quantile = checked(file, "residual_quantile", {1, genes});
        s.calibration.likeness = non_empty(checked_floats(file, "likeness", -1), path);
        s.calibration.base_variance = positive(record, "base_variance", false, path);
        return out;
    } catch (const nlohmann::json::exception& e) {
        throw Error(ErrorCode::BadInput, "the predictor's description is damaged; fit the predictor again", path, e.what());
    }
}

}  // namespace c2l
