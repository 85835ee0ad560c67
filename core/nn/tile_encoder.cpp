#include "nn/tile_encoder.h"

#include <ATen/Parallel.h>
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cstring>

#include "base/error.h"
#include "base/hash.h"
#include "nn/device.h"
#include "nn/encoder_net.h"
#include "nn/safetensors.h"

namespace c2l {
namespace {

using namespace nn;

constexpr std::int64_t kBatch = 32;

// Runs `forward` (N×3×S×S in −1 … 1 on the device → N×dims) over all tiles.
template <class Forward>
Matrix encode_batches(const TileSet& tiles, int dims, const c10::Device& device, const JobContext& ctx, const Forward& forward) {
    c10::NoGradGuard no_grad;
    const auto n = static_cast<std::int64_t>(tiles.count());
    Matrix out(n, dims);
    for (std::int64_t begin = 0; begin < n; begin += kBatch) {
        ctx.check_stop();
        const auto count = std::min(kBatch, n - begin);
        const auto x = tiles_to_tensor(tiles.tile(static_cast<std::size_t>(begin)), count, tiles.size).to(device);
        const auto y = forward(x).to(c10::kCPU, c10::kFloat).contiguous();
        std::memcpy(out.row(begin), y.data_ptr(), static_cast<std::size_t>(count * dims) * sizeof(float));
    }
    return out;
}

class ConvEncoder : public TileEncoder {
public:
    ConvEncoder(const TensorFile& file, const std::string& prefix, std::string id, const c10::Device& device)
        : net_(0), id_(std::move(id)), device_(device) {
        if (!prefix.empty()) file.only({"encoder.", "autoencoder.", "denoiser.", "latent.mean", "latent.sd"});  // a central model
        net_.parameters().load(file, prefix);
        net_.parameters().to(device);
    }
    const std::string& id() const override { return id_; }
    std::string name() const override { return "c2l-encoder"; }
    int dims() const override { return EncoderNet::kDims; }
    Matrix encode(const TileSet& tiles, const JobContext& ctx) const override {
        if (tiles.size < 32 || tiles.size % 16) throw Error(ErrorCode::BadInput, "the tile encoder takes tiles of 32 px and more, in steps of 16 px");
        return encode_batches(tiles, dims(), device_, ctx, [&](const at::Tensor& x) { return net_.features(x, bf16_pays(device_)); });
    }

private:
    EncoderNet net_;
    std::string id_;
    c10::Device device_;
};

// SqueezeNet 1.0 (Iandola 2016) with torchvision's tensor names; the mean over positions of the last feature map.
class SqueezeNet : public TileEncoder {
public:
    SqueezeNet(TensorFile file, std::string id, const c10::Device& device) : file_(std::move(file)), id_(std::move(id)), device_(device) {
        check_architecture();
        for (auto& [name, tensor] : file_.tensors) tensor = tensor.to(device, c10::kFloat);
    }
    const std::string& id() const override { return id_; }
    std::string name() const override { return "squeezenet1_0"; }
    int dims() const override { return 512; }
    Matrix encode(const TileSet& tiles, const JobContext& ctx) const override {
        if (tiles.size < 64) throw Error(ErrorCode::BadInput, "the tile encoder takes tiles of 64 px and more");
        return encode_batches(tiles, dims(), device_, ctx, [&](const at::Tensor& x) { return features(x.add(1.0).mul(0.5)); });
    }

private:
    // Every tensor of the features in its exact shape, and no other; the classifier on top may be there and is not used.
    void check_architecture() const {
        struct Fire {
            std::int64_t index, in, squeeze, expand;
        };
        constexpr Fire kFires[] = {{3, 96, 16, 64},   {4, 128, 16, 64},  {5, 128, 32, 128},  {7, 256, 32, 128},
                                   {8, 256, 48, 192}, {9, 384, 48, 192}, {10, 384, 64, 256}, {12, 512, 64, 256}};
        file_.only({"features.", "classifier."});
        file_.require_finite();
        std::size_t known = 0;
        const auto check = [&](const std::string& name, std::int64_t out, std::int64_t in, std::int64_t side) {
            file_.at(name + ".weight", {out, in, side, side});
            file_.at(name + ".bias", {out});
            known += 2;
        };
        check("features.0", 96, 3, 7);
        for (const auto& f : kFires) {
            const auto name = "features." + std::to_string(f.index);
            check(name + ".squeeze", f.squeeze, f.in, 1);
            check(name + ".expand1x1", f.expand, f.squeeze, 1);
            check(name + ".expand3x3", f.expand, f.squeeze, 3);
        }
        for (const auto& [name, tensor] : file_.tensors) known -= name.starts_with("features.") ? 1 : 0;
        if (known != 0) throw Error(ErrorCode::Mismatch, "has more layers than SqueezeNet 1.0; these weights belong to another architecture", file_.path);
    }

    at::Tensor conv(const at::Tensor& x, const std::string& name, int stride = 1, int padding = 0) const {
        return at::relu(at::conv2d(x, file_.at(name + ".weight"), file_.at(name + ".bias"), stride, padding));
    }
    at::Tensor fire(const at::Tensor& x, int index) const {
        const auto name = "features." + std::to_string(index);
        const auto s = conv(x, name + ".squeeze");
        return at::cat({conv(s, name + ".expand1x1"), conv(s, name + ".expand3x3", 1, 1)}, 1);
    }
    at::Tensor features(const at::Tensor& x) const {
        const auto pool = [](const at::Tensor& t) { return at::max_pool2d(t, 3, 2, 0, 1, /*ceil_mode=*/true); };
        auto h = pool(conv(x, "features.0", 2));
        h = pool(fire(fire(fire(h, 3), 4), 5));
        h = pool(fire(fire(fire(fire(h, 7), 8), 9), 10));
        return fire(h, 12).mean({2, 3});
    }

    TensorFile file_;
    std::string id_;
    c10::Device device_;
};

}  // namespace

std::unique_ptr<TileEncoder> TileEncoder::load(const std::filesystem::path& weights, const std::string& device_name) {
    const auto header = read_safetensors_header(weights);
    const auto device = open_device(device_name, at::get_num_threads());
    const auto id = sha256_file(weights);
    if (header.entries.count("encoder.stem.weight")) return std::make_unique<ConvEncoder>(read_safetensors(weights), "encoder.", id, device);
    if (header.entries.count("stem.weight")) return std::make_unique<ConvEncoder>(read_safetensors(weights), "", id, device);
    if (header.entries.count("features.3.squeeze.weight")) return std::make_unique<SqueezeNet>(read_safetensors(weights), id, device);
    throw Error(ErrorCode::Mismatch, "holds no tile encoder of a known architecture (c2l-encoder, squeezenet1_0)", weights);
}

}  // namespace c2l
