// synthesize and its relatives, whose tiles belong to other profiles than those that were measured, or come from an adapter of elsewhere. Each kind is a step of its own, so that nothing
// that goes on from synthesized pairs (assess, fit, evaluate) can take the others for them.
#include <algorithm>
#include <unordered_map>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/random.h"
#include "generate/generate.h"
#include "pipeline/assessment.h"
#include "pipeline/copy_gate.h"
#include "pipeline/credits.h"
#include "pipeline/feature_file.h"
#include "pipeline/foreign_adapter.h"
#include "pipeline/params.h"
#include "pipeline/picture.h"
#include "pipeline/profile_range.h"
#include "pipeline/profiles.h"
#include "pipeline/recipe.h"
#include "pipeline/steps.h"
#include "pipeline/synthetic.h"
#include "quality/quality.h"
#include "spatial/h5ad.h"

namespace c2l {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr std::size_t kSheetTiles = 32;
constexpr std::int64_t kDialSpots = 8;  // of a series, when the user does not say how many

// What a drawing rests on.
struct Drawing {
    Section& section;
    fs::path adapter;
    std::string adapter_id;  // of the artifact, or of a file from elsewhere
    Artifact split, yardstick;
    Judge latents;
    Artifact latent_yardstick;

    Drawing(Section& s, const Artifact& a)
        : Drawing(s, of_this_model(s, a).folder / "adapter.safetensors", a.id, upstream(s.project(), a, "split"), learnt_tissue(a)) {}
    Drawing(Section& s, const ForeignAdapter& foreign, const Artifact& of_split) : Drawing(s, foreign.file, foreign.id, of_split, false) {}
    std::vector<std::string> inputs() const { return {split.id, adapter_id, yardstick.id, latent_yardstick.id, section.central_id()}; }

private:
    Drawing(Section& s, fs::path file, std::string id, Artifact of_split, bool tissue)
        : section(s), adapter(std::move(file)), adapter_id(std::move(id)), split(std::move(of_split)), yardstick(yardstick_step(s, split, tissue)), latents(latent_judge(s)),
          latent_yardstick(latent_yardstick_step(s, split, tissue, latents)) {}

    static const Artifact& of_this_model(Section& s, const Artifact& a) {
        const auto& inputs = a.provenance.inputs;
        if (std::find(inputs.begin(), inputs.end(), s.central_id()) == inputs.end())
            throw Error(ErrorCode::Mismatch, "the adapted generator belongs to another central model; give that one with --central", s.central());
        return a;
    }
};

CopyCheck copies_by(const Artifact& yardstick, const Matrix& features) {
    return check_copies(features, read_matrix(yardstick.folder / "views.f32"), read_matrix(yardstick.folder / "reference.f32"), kGateShare);
}

// Profiles unlike those of the training spots are marked: what the generator makes of them is a guess. One gene beyond what was seen of it is enough.
std::int64_t mark_range(ProfileSet& set, const ProfileRange& range, const Matrix& standardised, const std::vector<DialSetting>& dial) {
    std::int64_t out = 0;
    for (std::int64_t r = 0; r < standardised.rows; ++r) {
        bool inside = range.place(standardised.row(r)).inside();
        if (!dial.empty())
            if (const auto s = r % static_cast<std::int64_t>(dial.size() + 1); s > 0) {
                const DialSetting& setting = dial[static_cast<std::size_t>(s - 1)];
                inside = inside && setting.sd >= range.lowest(setting.column) && setting.sd <= range.highest(setting.column);
            }
        set.table.obs["out_of_range"].push_back(inside ? 0.f : 1.f);
        out += !inside;
    }
    return out;
}

// Draws the tiles, holds them against the training tiles, and writes them with their table.
void make_tiles(const Drawing& drawing, const Provenance& provenance, const json& sampling, const GenePanel& panel, ProfileSet set, const Matrix& standardised,
                const fs::path& staging) {
    Section& section = drawing.section;
    json sampler = sampling;
    sampler["sample_batch"] = section.params().at("sample_batch");
    const fs::path work = section.project().work_folder(provenance) / "tiles";
    const std::size_t n = set.seeds.size();
    draw_tiles(section.central(), drawing.adapter, standardised, set.seeds, sampler_of(sampler, compute_of(section.params())), work, section.ctx());
    const Matrix features = encode_tiles(section.encoder(), work, n, section.ctx());
    const Copies copies(copies_by(drawing.yardstick, features), copies_by(drawing.latent_yardstick, encode_tiles(drawing.latents.encoder(), work, n, section.ctx())));
    set.table.format = "h5ad";
    set.table.expression = ExpressionMatrix::from_dense(set.values, panel.genes, panel.unit == TargetUnit::AsGiven ? ExpressionUnit::AsGiven : ExpressionUnit::Log1p);
    set.table.obs["flagged"].assign(copies.flagged.begin(), copies.flagged.end());

    H5adContent content;
    content.data = &set.table;
    content.library = public_name(section.slide_record().content_id);
    content.provenance_json = json{{"id", provenance.id()}, {"step", provenance.step}, {"params", json::parse(provenance.params)}, {"inputs", provenance.inputs}, {"seed", provenance.seed}, {"central", section.central_record()}}.dump();
    write_h5ad(staging / "profiles.h5ad", content);
    write_matrix(staging / "features.f32", features);
    fs::create_directories(staging / "tiles");  // by name: a killed run leaves parts of files behind
    for (std::size_t i = 0; i < n; ++i) fs::copy_file(work / tile_name(i), staging / "tiles" / tile_name(i));
    const auto across = static_cast<std::size_t>(set.columns);
    const std::size_t shown = std::min(n, std::max<std::size_t>(kSheetTiles / across, 1) * across);
    write_png(staging / "sheet.png", contact_sheet(read_tile_folder(work, 0, shown, section.ctx()), 0, shown, set.columns),
              "Synthetic tissue tiles made by C2L Studio; not a patient's tissue" + and_credits(section.central_record()));
    set.report.update({{"tiles", n},
                       {"tile_um", section.central_info().tile_um},
                       {"central", section.central_record()},
                       {"genes", panel.genes.size()}});
    set.report.update(copies.report);
    // Of yardsticks that were made before it was measured, nothing.
    if (const json of = read_report(drawing.yardstick); of.contains("training_tiles_flagged_by_gate")) set.report["training_tiles_flagged_by_encoder"] = of.at("training_tiles_flagged_by_gate");
    set.report["training_tiles_flagged_by_latents"] = read_report(drawing.latent_yardstick).at("training_tiles_flagged_by_gate");
    write_report(staging, set.report);
}

void note_issues(ProfileSet& set) {
    set.report["issues"] = json::array();
    for (const Issue& issue : set.table.issues) set.report["issues"].push_back(issue.text);
}

// The same of profiles that were not measured here, with what is doubtful about them in the report.
void make_doubtful_tiles(const Drawing& drawing, const Provenance& provenance, const json& sampling, const GenePanel& panel, const TrainTiles& train, ProfileSet set,
                         const std::vector<DialSetting>& dial, const fs::path& staging) {
    Matrix standardised = set.values;
    panel.standardise(standardised);
    const ProfileRange range(drawing.adapter, panel.standardised(train.pairs(), train.rows()));
    const std::int64_t out = mark_range(set, range, standardised, dial);
    set.report["out_of_range"] = out;
    if (out > 0)
        set.table.issues.push_back({Severity::Warning,
                                    std::to_string(out) + " of " + std::to_string(standardised.rows) +
                                        " profiles lie outside what the generator was adapted on; their tiles are guesses (column out_of_range of profiles.h5ad).",
                                    {}});
    note_issues(set);
    make_tiles(drawing, provenance, sampling, panel, std::move(set), standardised, staging);
}

// Told every time, whether the tiles were drawn now or before.
Artifact with_issues(Artifact artifact, const JobContext& ctx) {
    const json report = read_report(artifact);
    for (const auto& text : report.at("issues")) ctx.issue({Severity::Warning, text.get<std::string>(), {}});
    return artifact;
}

}  // namespace

std::vector<TileRecipe> recipes_of(const Artifact& synthesized, const TrainTiles& train) {
    const fs::path file = synthesized.folder / "profiles.h5ad";
    const SpotData table = read_h5ad(file);
    std::unordered_map<std::string, std::int64_t> positions;
    for (std::size_t i = 0; i < train.size(); ++i) positions[train.pairs().barcodes[static_cast<std::size_t>(train.rows()[i])]] = static_cast<std::int64_t>(i);
    const auto first = table.labels.find("source"), second = table.labels.find("source2");
    const auto share = table.obs.find("share");
    std::vector<TileRecipe> recipes;
    for (std::size_t i = 0; i < table.spots.size() && first != table.labels.end() && second != table.labels.end() && share != table.obs.end(); ++i) {
        const auto a = positions.find(first->second[i]), b = positions.find(second->second[i]);
        if (a == positions.end() || b == positions.end()) break;
        recipes.push_back({a->second, b->second, share->second[i]});
    }
    if (recipes.size() != table.spots.size()) throw Error(ErrorCode::Mismatch, "names other spots than those that are learnt from; run 'c2l synthesize' again", file);
    return recipes;
}

Artifact synthesize_step(Section& section, const Artifact& adapted) {
    const Drawing drawing(section, adapted);
    // The batch is not recorded: the same seed gives the same tile whatever its size.
    json p = pick(section.params(), {"number", "interpolate"});
    const json sampling = sampling_of(section.params(), section.central());
    p.update(sampling);
    const Provenance provenance = section.provenance("synthesize", drawing.inputs(), p);
    return section.obtain(provenance, [&](const fs::path& staging) {
        const Split parts = load_split(section, drawing.split);
        const GenePanel panel = adapter_panel(drawing.adapter);
        ProfileSet set = measured_profiles(*section.pairs(), parts.train, panel,
                                           make_recipes(parts.train, p.at("number"), p.at("interpolate"), derive_seed(section.seed(), "synthesize")));
        Matrix standardised = set.values;
        panel.standardise(standardised);
        make_tiles(drawing, provenance, sampling, panel, std::move(set), standardised, staging);
    });
}

Artifact imported_tiles_step(Section& section, const Artifact& adapted, const fs::path& file) {
    const Drawing drawing(section, adapted);
    json p = pick(section.params(), {"number"});
    const json sampling = sampling_of(section.params(), section.central());
    p.update(sampling);
    auto inputs = drawing.inputs();
    inputs.push_back(sha256_file(file));
    const Provenance provenance = section.provenance("imported_tiles", inputs, p);
    return with_issues(section.obtain(provenance,
                                      [&](const fs::path& staging) {
                                          const Split parts = load_split(section, drawing.split);
                                          const GenePanel panel = adapter_panel(drawing.adapter);
                                          ProfileSet set = imported_profiles(file, panel, p.at("number"), derive_seed(section.seed(), "synthesize"), section.pairs()->expression.cols());
                                          make_doubtful_tiles(drawing, provenance, sampling, panel, parts.train, std::move(set), {}, staging);
                                      }),
                       section.ctx());
}

Artifact dial_tiles_step(Section& section, const Artifact& adapted, const std::string& dial) {
    const Drawing drawing(section, adapted);
    const GenePanel panel = adapter_panel(drawing.adapter);
    const auto settings = parse_dial(dial, panel);
    const std::int64_t asked = section.params().at("number"), spots = asked > 0 ? asked : kDialSpots;
    const bool companions = section.params().at("companions");
    json p = {{"spots", spots}, {"companions", companions}, {"dial", json::array()}};
    for (const DialSetting& setting : settings) p["dial"].push_back({{"gene", setting.gene}, {"sd", setting.sd}});
    const json sampling = sampling_of(section.params(), section.central());
    p.update(sampling);
    const Provenance provenance = section.provenance("dial_tiles", drawing.inputs(), p);
    return with_issues(section.obtain(provenance,
                                      [&](const fs::path& staging) {
                                          const Split parts = load_split(section, drawing.split);
                                          ProfileSet set = dial_series(*section.pairs(), parts.train, panel, settings, companions, spots, derive_seed(section.seed(), "synthesize"));
                                          make_doubtful_tiles(drawing, provenance, sampling, panel, parts.train, std::move(set), settings, staging);
                                      }),
                       section.ctx());
}

Artifact foreign_tiles_step(Section& section, const Artifact& split, const fs::path& file, const fs::path& profiles) {
    const ForeignAdapter adapter = open_foreign_adapter(section, file);
    const Drawing drawing(section, adapter, split);
    json p = pick(section.params(), {"number", "interpolate"});
    p["profiles"] = profiles.empty() ? "spots" : "file";
    const json sampling = sampling_of(section.params(), section.central());
    p.update(sampling);
    auto inputs = drawing.inputs();
    if (!profiles.empty()) inputs.push_back(sha256_file(profiles));
    const Provenance provenance = section.provenance("foreign_tiles", inputs, p);
    const auto make = [&](const fs::path& staging) {
        const Split parts = load_split(section, split);
        const GenePanel& panel = adapter.info.panel;
        const std::uint64_t seed = derive_seed(section.seed(), "synthesize");
        ProfileSet set = profiles.empty() ? profiles_for(adapter, section, parts.train, make_recipes(parts.train, p.at("number"), p.at("interpolate"), seed))
                                          : imported_profiles(profiles, panel, p.at("number"), seed, section.pairs()->expression.cols());
        set.table.issues.push_back({Severity::Warning,
                                    "The tiles come from an adapter of elsewhere: near copies were looked for among this section's training tiles only, and how far its profiles are "
                                    "from those that the adapter learnt from is not known here.",
                                    {}});
        note_issues(set);
        set.report["adapter"] = {{"sha256", adapter.id}, {"unit", to_string(panel.unit)}, {"training", json::parse(adapter.info.training_json)}};
        Matrix standardised = set.values;
        panel.standardise(standardised);
        fs::copy_file(file, staging / "adapter.safetensors");
        if (sha256_file(staging / "adapter.safetensors") != adapter.id) throw Error(ErrorCode::Io, "was changed while it was read; run the command again", file);
        make_tiles(drawing, provenance, sampling, panel, std::move(set), standardised, staging);
    };
    return with_issues(section.obtain(provenance, make), section.ctx());
}

}  // namespace c2l
