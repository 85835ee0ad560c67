// Results of the steps as the window shows them, read from the artifact folders (docs/artifacts.md). Blocks; no widgets.
#pragma once

#include <QString>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "base/job.h"
#include "project/project.h"
#include "spatial/spots.h"

namespace c2l::ui {

// Everything the project file says, read in one go. Immutable.
struct Snapshot {
    std::filesystem::path path;      // NAME.c2l
    std::filesystem::path pyramids;
    std::vector<ProjectSlide> slides;
    std::vector<ProjectSpots> spots;
    std::vector<Artifact> artifacts;  // newest first

    // The spots on show: of the first slide that has any, those imported or registered last, as the worker takes them; null: none.
    const ProjectSpots* shown_spots() const;
    // Leaves out what was made from other positions of the spots on show.
    const Artifact* newest(const std::string& step) const;
    static std::shared_ptr<const Snapshot> read(const std::filesystem::path& path);
};

struct SyntheticTile {
    QString png;
    QString source, source2;  // barcodes the profile was drawn from; source2 is empty when there is one
    double share = 0;         // of source2 in the profile, 0 … 1
    double x = 0, y = 0;      // where that profile lies on the slide, level-0 pixels
    QString seed;             // 64-bit, as text
    bool flagged = false;     // too near to a training tile
};

struct SyntheticSet {
    std::filesystem::path folder;
    double field_um = 88;  // side of a tile
    std::vector<SyntheticTile> tiles;
    std::shared_ptr<const SpotData> profiles;  // row i belongs to tile i
    std::size_t flagged = 0;

    static std::shared_ptr<const SyntheticSet> read(const Artifact& artifact);
    // The n genes whose value in this tile's profile stands out most (in standard deviations over all tiles).
    struct GeneValue { QString gene; float value = 0; float z = 0; };
    std::vector<GeneValue> top_genes(std::size_t tile, std::size_t n) const;
};

struct CurvePoint {
    double step = 0;
    std::optional<double> loss, held_out;
};

struct StepCost {
    QString step;
    double seconds = 0;
    double memory_bytes = 0;
    QString device, created;
};

struct Reports {
    nlohmann::json evaluate, assess, fit, predict, adapt;  // null when the step has not run
    std::vector<CurvePoint> curve;                         // of the newest adaptation
    std::vector<Preview> previews;                         // its tiles by step
    std::vector<StepCost> costs;                           // in the order of the job
    bool empty() const { return costs.empty(); }

    static std::shared_ptr<const Reports> read(const Snapshot& snapshot);
};

// The `central` of a report or of a table's provenance; null when it rests on none.
nlohmann::json central_of(const nlohmann::json& record);
// "Central model c2l-central-tiny under CC BY 4.0 (…)": whose weights a result rests on, in the words in which `c2l` writes it into tiles and figures.
// Empty for null.
QString credits(const nlohmann::json& central);
// The same by name and terms alone: "c2l-central-tiny, CC BY 4.0".
QString central_name(const nlohmann::json& central);

// True when the section was made by this program's own simulation and not measured.
bool is_simulated(const Snapshot& snapshot, const SpotData* data);

}  // namespace c2l::ui
