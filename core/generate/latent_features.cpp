// Where things lie in a tile, in the eyes of the generator: what the copy gate compares besides the tile encoder's features.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cstring>

#include "base/error.h"
#include "base/hash.h"
#include "generate/central.h"
#include "generate/generate.h"
#include "nn/device.h"
#include "nn/layers.h"

namespace c2l {
namespace {

constexpr std::int64_t kBatch = 8;
constexpr std::int64_t kGrid = 8;  // 11 µm of a tile of 88: a copy may lie a little aside, since training moves its crops

// Means of the fields, less those of the whole tile, at length 1: their distance tells how alike two arrangements are. As they are, pale and even tiles would be near to one
// another whatever they show (of 388 tiles of C4 24 were, none of them a copy).
at::Tensor arrangement(const at::Tensor& latent) {
    const auto fields = at::adaptive_avg_pool2d(latent.to(c10::kFloat), {kGrid, kGrid});
    const auto flat = (fields - fields.mean({2, 3}, true)).flatten(1);
    return flat / flat.norm(2, 1, true).clamp_min(1e-6);
}

class LatentFeatures : public TileEncoder {
public:
    LatentFeatures(const std::filesystem::path& central, const ComputeParams& compute)
        : central_(generate::Central::load(central, nn::open_device(compute.device, compute.threads))), id_(latent_features_id(central_.id)) {
        central_.denoiser.reset();
    }
    const std::string& id() const override { return id_; }
    std::string name() const override { return "arrangement of the central model's latents"; }
    int dims() const override { return central_.channels() * static_cast<int>(kGrid * kGrid); }

    Matrix encode(const TileSet& tiles, const JobContext& ctx) const override {
        if (tiles.size != central_.tile_px)
            throw Error(ErrorCode::BadInput, "the central model takes tiles of " + std::to_string(central_.tile_px) + " px and these have " + std::to_string(tiles.size));
        c10::NoGradGuard no_grad;
        const auto n = static_cast<std::int64_t>(tiles.count());
        Matrix out(n, dims());
        const EtaClock clock;  // a large autoencoder takes minutes
        for (std::int64_t begin = 0; begin < n; begin += kBatch) {
            ctx.check_stop();
            const auto count = std::min(kBatch, n - begin);
            const auto pixels = nn::tiles_to_tensor(tiles.tile(static_cast<std::size_t>(begin)), count, tiles.size).to(central_.device);
            const auto rows = arrangement(central_.encode(pixels)).to(c10::kCPU).contiguous();
            std::memcpy(out.row(begin), rows.data_ptr(), static_cast<std::size_t>(rows.numel()) * sizeof(float));
            Progress progress;
            progress.step = "latent_features";
            progress.done = begin + count;
            progress.total = n;
            progress.eta_s = clock.eta_s(progress.done, n);
            progress.memory_bytes = peak_memory_bytes();
            ctx.progress(progress);
        }
        return out;
    }

private:
    generate::Central central_;
    std::string id_;
};

}  // namespace

std::string latent_features_id(const std::string& central_id) { return sha256_hex("arrangement of latents, 8 x 8 fields, of " + central_id); }

std::unique_ptr<TileEncoder> latent_features(const std::filesystem::path& central, const ComputeParams& compute) { return std::make_unique<LatentFeatures>(central, compute); }

}  // namespace c2l
