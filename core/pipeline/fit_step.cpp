#include "base/error.h"
#include "pipeline/credits.h"
#include "pipeline/feature_file.h"
#include "pipeline/fit_material.h"
#include "pipeline/params.h"
#include "pipeline/synthetic.h"

namespace c2l {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

json fit_record(Section& section, const std::optional<Artifact>& synthesized) {
    json p = pick(section.params(), {"target", "eval_genes", "map_genes", "synthetic_weight"});
    p["figures"] = kFiguresRevision + (synthesized ? 1 : 0);  // pairs have the weight of the spots they come from
    // Genes that the user named for the generator belong in the map too.
    p["gene_list"] = synthesized ? json::parse(upstream(section.project(), *synthesized, "adapt").provenance.params).at("gene_list") : json::array();
    return p;
}

// As in adapters.
std::map<std::string, std::string> notes_of(const json& central) {
    if (!central.is_object()) return {};
    return {{"central_architecture", central.value("architecture", "")}, {"central_licence", central.value("licence", "")}, {"central_attribution", central.value("attribution", "")}};
}

}  // namespace

Artifact fit_step(Section& section, const Artifact& split, const std::optional<Artifact>& synthesized) {
    const Artifact places = places_step(section);
    std::vector<std::string> inputs = {split.id, places.id};
    std::optional<Artifact> synthetic_places;
    if (synthesized) {
        synthetic_places = synthetic_places_step(section, *synthesized, places);
        // The last is for a control of the evaluation, which knows of no encoder but that of these features.
        inputs.insert(inputs.end(), {synthesized->id, synthetic_places->id, augmented_places_step(section, *synthesized, places).id});
    }
    const json p = fit_record(section, synthesized);
    return section.obtain(section.provenance("fit", inputs, p), [&](const fs::path& staging) {
        const Split parts = load_split(section, split);
        FitMaterial material = real_material(*section.pairs(), parts, read_places(places.folder), p);
        if (synthesized) add_synthetic(material, *synthesized, read_places(synthetic_places->folder), recipes_of(*synthesized, parts.train));
        Predictor predictor = Predictor::fit(material.inputs, material.panel, material.pitch_um, fit_params_of(p, section.seed()), section.ctx());
        predictor.set_encoder_id(section.encoder_id());
        const json central = synthesized ? central_of(section.project(), synthesized->provenance) : json();
        predictor.save(staging / "predictor.safetensors", notes_of(central));
        const std::vector<std::string> eval(material.panel.genes.begin(), material.panel.genes.begin() + material.eval_genes);
        write_report(staging, {{"target", to_string(material.panel.unit)},
                               {"genes", material.panel.genes.size()},
                               {"evaluation_genes", eval},
                               {"spots_train", parts.train.size()},
                               {"synthetic_pairs", material.inputs.synthetic_targets.rows},
                               {"central", central},
                               {"synthetic_left_out", material.flagged},
                               {"synthetic_weight", predictor.synthetic_weight()},
                               {"lambda", predictor.lambda()}});
    });
}

}  // namespace c2l
