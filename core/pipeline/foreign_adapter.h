// Adapters that go from one institution to another, without any image; private to core/pipeline.
#pragma once

#include <filesystem>

#include "generate/generate.h"
#include "pipeline/profiles.h"
#include "pipeline/section.h"

namespace c2l {

// The section's newest adapter as a file of its own. Returns {what, file, bytes, genes, spots, central}.
nlohmann::json export_adapter(Project& project, const nlohmann::json& params, const std::filesystem::path& to, const JobContext& ctx);

struct ForeignAdapter {
    std::filesystem::path file;
    std::string id;  // SHA-256 of the file
    AdapterInfo info;
};
// Reads and checks it. Throws Error(Mismatch) when it belongs to another central model than the section's, with which one it needs.
ForeignAdapter open_foreign_adapter(Section& section, const std::filesystem::path& file);

// Profiles of the section's training spots, and between them, for an adapter of elsewhere: genes found by name; a gene that was not measured here stands at
// the adapter's mean, and more than half missing is an Error(Mismatch).
ProfileSet profiles_for(const ForeignAdapter& adapter, const Section& section, const TrainTiles& train, const std::vector<TileRecipe>& recipes);

}  // namespace c2l
