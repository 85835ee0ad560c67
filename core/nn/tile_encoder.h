// A frozen network that turns a tile into a feature vector. Used by quality and predict. Judging a generator by features of its own would be
// circular: those (latent_features in core/generate) serve the copy gate alone.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/image.h"
#include "base/job.h"
#include "base/matrix.h"

namespace c2l {

class TileEncoder {
public:
    // A .safetensors file of an architecture that core knows ("c2l-encoder", torchvision's "squeezenet1_0"), or a central
    // model that carries an encoder; exactly its tensors, all of them finite. Throws Error(NotFound|Mismatch|BadInput|Unsupported).
    static std::unique_ptr<TileEncoder> load(const std::filesystem::path& weights, const std::string& device = "cpu");
    virtual ~TileEncoder() = default;

    virtual const std::string& id() const = 0;  // content hash of the weights
    virtual std::string name() const = 0;       // for reports
    virtual int dims() const = 0;
    // Features, tiles × dims. Any tile size of 64 px and more. Checks for a stop once per batch.
    virtual Matrix encode(const TileSet& tiles, const JobContext& ctx) const = 0;
};

}  // namespace c2l
