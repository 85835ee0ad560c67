// One section of a project: its slide, spots and models, each opened when first needed; private to core/pipeline.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "dataset/pairing.h"
#include "generate/generate.h"
#include "nn/tile_encoder.h"
#include "predict/predict.h"
#include "project/project.h"
#include "spatial/spots.h"

namespace c2l {

class Section {
public:
    // Picks the section that `params.section` names, or the first that has spots. Throws Error(NotFound).
    Section(Project& project, const nlohmann::json& params, const JobContext& ctx);

    Project& project() const { return project_; }
    const nlohmann::json& params() const { return params_; }
    const JobContext& ctx() const { return ctx_; }
    std::uint64_t seed() const;   // the caller's, else that of the split this work goes on from, else 0
    const std::string& device();  // resolved once; sets the threads

    const ProjectSlide& slide_record() const { return slide_record_; }
    const ProjectSpots& spots_record() const { return spots_record_; }
    nlohmann::json pairing_params();  // what the pairing depends on besides the files
    void go_on_from(const Artifact& split);  // takes over its seed and pairing where the caller said nothing

    std::shared_ptr<const Slide> slide();
    std::shared_ptr<const PairedTiles> pairs();
    const TissueMask& mask();
    const std::filesystem::path& central();
    const std::string& central_id();  // content hash
    const CentralInfo& central_info();  // its tiles and licence
    nlohmann::json central_record();    // architecture, licence, attribution: for the report of whatever is made with it
    const TileEncoder& encoder();
    const std::string& encoder_id();  // content hash of the file

    // A step's record: the inputs in their order, the parameters, this section's seed and device.
    Provenance provenance(const std::string& step, std::vector<std::string> inputs, const nlohmann::json& params);
    // Project::obtain, noted in steps().
    Artifact obtain(const Provenance& provenance, const std::function<void(const std::filesystem::path& staging)>& make);
    // [{step, id, folder, seconds, peak_memory_bytes, cached}], in the order they were asked for.
    const nlohmann::json& steps() const { return steps_; }
    // The artifact of a step that was asked for last, of those that belong to this section, at its present scale; or nothing.
    std::optional<Artifact> newest(const std::string& step, const std::function<bool(const Artifact&)>& suits = {}) const;
    // The same, or Error(NotFound) that names the command which makes one.
    Artifact need(const std::string& step, const std::string& command) const;

private:
    const std::filesystem::path& encoder_file();
    double min_counts();      // the caller's, that of the split, or what suits the spots
    SpotData take_spots();    // read once, until pairs() has them

    Project& project_;
    const nlohmann::json& params_;
    const JobContext& ctx_;
    ProjectSlide slide_record_;
    ProjectSpots spots_record_;
    std::shared_ptr<const Slide> slide_;
    std::shared_ptr<const PairedTiles> pairs_;
    std::optional<TissueMask> mask_;
    std::optional<CentralInfo> central_info_;
    std::unique_ptr<TileEncoder> encoder_;
    std::filesystem::path central_, encoder_file_;
    std::string central_id_, encoder_id_, device_;
    std::optional<std::uint64_t> inherited_seed_;
    std::optional<double> min_counts_;
    bool min_counts_given_ = false;
    std::optional<SpotData> spots_;
    nlohmann::json steps_ = nlohmann::json::array();
};

// Identity of spot data by what was read, whatever files and format it came from.
std::string content_id(const SpotData& data);
// What a slide is called where a result leaves the house: by its content, since a file's name often is a case number.
std::string public_name(const std::string& slide_id);
// Opens a slide with its pyramid kept in the project.
std::shared_ptr<const Slide> open_slide(const Project& project, const ProjectSlide& record, const JobContext& ctx);
// The artifact of `step` among the inputs of `artifact`. Throws Error(NotFound).
Artifact upstream(const Project& project, const Artifact& artifact, const std::string& step);

}  // namespace c2l
