#include <cmath>

#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "generate/generate.h"
#include "pipeline/params.h"
#include "pipeline/steps.h"

namespace c2l {

using nlohmann::json;

namespace {

SplitParams split_of(const json& p, std::uint64_t seed) {
    SplitParams split;
    split.test_blocks = p.at("test_blocks");
    split.test_fraction = p.at("test_fraction");
    split.margin_pitches = p.at("margin");
    split.least_margin_um = p.value("least_margin_um", 0.0);  // records of old have none
    split.train_spots = p.at("spots");
    split.train_list = p.at("train_list").get<std::vector<std::string>>();
    split.seed = derive_seed(seed, "split");
    return split;
}

SplitParams with_all_spots(SplitParams split) {
    split.train_spots = 0;
    split.train_list.clear();
    return split;
}

// A share of the spots that may be learnt from becomes their number.
SplitParams resolve(Section& section, const json& p, std::uint64_t seed) {
    SplitParams split = split_of(p, seed);
    if (const auto fraction = number_of(p, "fraction"))
        split.train_spots = std::max(1, static_cast<int>(std::lround(*fraction * static_cast<double>(Split::by_blocks(section.pairs(), with_all_spots(split)).train.size()))));
    return split;
}

std::vector<std::string> barcodes(const PairedTiles& pairs, const std::vector<std::int64_t>& rows) {
    std::vector<std::string> names;
    for (const auto row : rows) names.push_back(pairs.barcodes[static_cast<std::size_t>(row)]);
    return names;
}

// Spots that were asked for but lie in a test block or its margin are not learnt from; that must not go unsaid.
void warn_of_fewer(Section& section, const Artifact& split) {
    const json record = json::parse(read_file(split.folder / "split.json"));
    const std::size_t used = record.at("train").size(), listed = record.at("parameters").at("train_list").size();
    const std::size_t asked = listed ? listed : record.at("train_spots").get<std::size_t>();
    if (used >= asked) return;
    section.ctx().issue({Severity::Warning,
                         "only " + std::to_string(used) + " of the " + std::to_string(asked) +
                             " spots asked for are learnt from; the others are held out, in the margin around held-out spots, or not of this section",
                         {}});
}

}  // namespace

Artifact split_step(Section& section) {
    json p = pick(section.params(), {"spots", "fraction", "test_blocks", "test_fraction", "margin"});
    p["least_margin_um"] = std::ceil(std::sqrt(2.0) * clear_of_learnt_um(section.central_info().tile_um));
    const auto list = path_of(section.params(), "spot_list");
    if ((p.at("spots").get<std::int64_t>() > 0) + number_of(p, "fraction").has_value() + !list.empty() > 1)
        throw Error(ErrorCode::BadInput, "--spots, --fraction and --spot-list are three ways to say what is learnt from; give one of them");
    p.update(section.pairing_params());
    p["train_list"] = list.empty() ? std::vector<std::string>() : read_list(list);
    const Artifact split = section.obtain(section.provenance("split", {section.slide_record().content_id, section.spots_record().content_id}, p),
                          [&](const std::filesystem::path& staging) {
                              const SplitParams params = resolve(section, p, section.seed());
                              const Split split = Split::by_blocks(section.pairs(), params);
                              const PairedTiles& pairs = *section.pairs();
                              json record = {{"parameters", p},
                                             {"train_spots", params.train_spots},
                                             {"spots", pairs.size()},
                                             {"pitch_um", pairs.pitch_um},
                                             {"mpp", pairs.mpp},
                                             {"train", barcodes(pairs, split.train.rows())},
                                             {"held_out", barcodes(pairs, split.held_out.rows())}};
                              write_file(staging / "split.json", record.dump(1) + "\n");
                          });
    warn_of_fewer(section, split);
    return split;
}

Split load_split(Section& section, const Artifact& artifact) {
    const json p = json::parse(artifact.provenance.params);
    Split split = Split::by_blocks(section.pairs(), resolve(section, p, artifact.provenance.seed));
    json record;
    try {
        record = json::parse(read_file(artifact.folder / "split.json"));
        if (record.at("train") == json(barcodes(*section.pairs(), split.train.rows())) &&
            record.at("held_out") == json(barcodes(*section.pairs(), split.held_out.rows())))
            return split;
    } catch (const json::exception&) {
    }
    throw Error(ErrorCode::Mismatch, "the recorded split cannot be repeated by this version of the program; run 'c2l run' with another seed", artifact.folder);
}

TrainTiles all_that_may_be_learnt(Section& section, const Artifact& artifact) {
    return Split::by_blocks(section.pairs(), with_all_spots(split_of(json::parse(artifact.provenance.params), artifact.provenance.seed))).train;
}

json read_report(const Artifact& artifact) {
    try {
        return json::parse(read_file(artifact.folder / "report.json"));
    } catch (const json::exception&) {
        throw Error(ErrorCode::BadInput, "is damaged; remove its folder and run the step again", artifact.folder / "report.json");
    }
}

void write_report(const std::filesystem::path& folder, const json& report) { write_file(folder / "report.json", report.dump(2) + "\n"); }

}  // namespace c2l
