#include <memory>

#include "base/error.h"
#include "base/hash.h"
#include "pipeline/assessment.h"
#include "pipeline/params.h"
#include "pipeline/resources.h"

namespace c2l {

Judge own_judge(Section& section, const Artifact& yardstick) {
    const std::string id = yardstick.provenance.inputs.at(1);
    return {id, [&section, id]() -> const TileEncoder& {
                if (section.encoder_id() != id)
                    throw Error(ErrorCode::Mismatch, "the tiles were described by another encoder; give it with --encoder, or the central model it belongs to with --central",
                                section.project().path());
                return section.encoder();
            }};
}

Judge latent_judge(Section& section) {
    const auto loaded = std::make_shared<std::unique_ptr<TileEncoder>>();
    return {latent_features_id(section.central_id()), [loaded, &section]() -> const TileEncoder& {
                if (!*loaded) *loaded = latent_features(section.central(), compute_of(section.params()));
                return **loaded;
            }};
}

std::optional<Judge> outside_judge(Section& section, const Judge& own, std::string& reason) {
    const auto weights = outside_encoder_weights(path_of(section.params(), "outside_encoder"));
    if (weights.empty()) {
        reason = "no outside encoder (SqueezeNet 1.0 of ImageNet) was found; give its weights with --outside-encoder, or set C2L_SHARED";
        return std::nullopt;
    }
    const std::string id = sha256_file(weights);
    if (id == own.id) {
        reason = "the outside encoder is the tile encoder itself; give another one with --outside-encoder";
        return std::nullopt;
    }
    const auto loaded = std::make_shared<std::unique_ptr<TileEncoder>>();
    const std::string device = section.device();
    return Judge{id, [loaded, weights, device]() -> const TileEncoder& {
                     if (!*loaded) *loaded = TileEncoder::load(weights, device);
                     return **loaded;
                 }};
}

}  // namespace c2l
