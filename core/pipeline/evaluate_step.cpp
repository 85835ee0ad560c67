#include <algorithm>
#include <set>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "pipeline/controls.h"
#include "pipeline/feature_file.h"
#include "pipeline/params.h"
#include "pipeline/synthetic.h"
#include "predict/metrics.h"

namespace c2l {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

const Resampling kNoInterval{.replicates = 0};  // where the mean alone is wanted

class Meter {
public:
    Meter(const JobContext& ctx, std::int64_t total) : ctx_(ctx), total_(total) {}
    void next(const std::string& message) {
        ctx_.check_stop();
        Progress p;
        p.step = "evaluate";
        p.done = done_;
        p.total = total_;
        p.eta_s = clock_.eta_s(done_, total_);
        p.message = message;
        p.memory_bytes = peak_memory_bytes();
        ctx_.progress(p);
        ++done_;
    }

private:
    const JobContext& ctx_;
    EtaClock clock_;
    std::int64_t done_ = 0, total_;
};

// The same measurement without synthetic pairs on further splits: how much of a figure is the luck of one split.
json repeats(Section& section, const Artifact& split, const PlaceFeatures& places, const json& fit, int count, Meter& meter) {
    std::vector<double> plain, partial;
    const json recorded = json::parse(split.provenance.params);
    const auto train_spots = static_cast<int>(json::parse(read_file(split.folder / "split.json")).at("train").size());
    for (int i = 0; i < count; ++i) {
        meter.next("further splits");
        SplitParams params;
        params.test_blocks = recorded.at("test_blocks");
        params.test_fraction = recorded.at("test_fraction");
        params.margin_pitches = recorded.at("margin");
        params.least_margin_um = recorded.value("least_margin_um", 0.0);
        params.train_spots = train_spots;
        params.seed = derive_seed(section.seed(), "repeat", static_cast<std::uint64_t>(i));
        try {
            const Split parts = Split::by_blocks(section.pairs(), params);
            const FitMaterial material = real_material(*section.pairs(), parts, places, fit);
            const Matrix predicted = predict_held_out(material.inputs, material, fit_params_of(fit, params.seed), section.ctx());
            plain.push_back(pearson(material.truth, predicted, params.seed, kNoInterval).mean);
            partial.push_back(pearson_depth_partial(material.truth, predicted, material.held_out_depth, params.seed, kNoInterval).mean);
        } catch (const Error& error) {  // a seed whose blocks leave too few spots says nothing
            if (error.code() != ErrorCode::BadInput) throw;
        }
    }
    return {{"splits", plain.size()}, {"pearson_real_only", spread(plain)}, {"pearson_depth_partial_real_only", spread(partial)}};
}

// Figures of the predictor beside its correlations. What needs neighbours is left out (null) for more spots than can be compared with one another.
json further_figures(const PairedTiles& pairs, const Split& split, const FitMaterial& material, const Matrix& predicted) {
    constexpr std::size_t kMostSpots = 10000;
    json out = {{"pearson_pooled", pooled_pearson(material.truth, predicted)}, {"rmse", rmse(material.truth, predicted)}, {"morans_i_difference", nullptr}};
    std::vector<double> x, y;
    for (const auto row : split.held_out.rows()) x.push_back(pairs.x[static_cast<std::size_t>(row)]), y.push_back(pairs.y[static_cast<std::size_t>(row)]);
    if (x.size() > kMostSpots) return out;
    // The lattice is that of all spots, where they can be compared: held-out blocks are small, and a spot at their edge lacks neighbours.
    const int k = pairs.size() <= kMostSpots ? lattice_neighbours(pairs.x, pairs.y) : lattice_neighbours(x, y);
    out["morans_i_difference"] = morans_i_difference(material.truth, predicted, x, y, k);
    return out;
}

std::string genes_csv(const FitMaterial& material, const Columns& columns) {
    std::ostringstream csv;
    csv << "gene";
    for (const auto& [name, figures] : columns) csv << ',' << name;
    csv << '\n';
    for (std::int64_t g = 0; g < material.eval_genes; ++g) {
        csv << material.panel.genes[static_cast<std::size_t>(g)];
        for (const auto& [name, figures] : columns) csv << ',' << figures.per_gene[static_cast<std::size_t>(g)];
        csv << '\n';
    }
    return csv.str();
}

// As many spots as there are synthetic pairs, or as there are beside those learnt from and the held-out ones; no more than a predictor takes without thinning them.
MoreSpots more_spots(Section& section, const Artifact& split, const Split& parts, const FitMaterial& material, const PlaceFeatures& places, const FitParams& params, std::uint64_t seed) {
    const std::set<std::int64_t> used(parts.train.rows().begin(), parts.train.rows().end());
    const TrainTiles all = all_that_may_be_learnt(section, split);
    std::vector<std::int64_t> rows;
    for (const auto row : all.rows())
        if (!used.count(row)) rows.push_back(row);
    const auto room = static_cast<std::size_t>(std::max<std::int64_t>(0, params.max_rows - static_cast<std::int64_t>(parts.train.size())));
    if (const auto most = std::min(material.kept.size(), room); rows.size() > most) {
        Random(derive_seed(seed, "more spots")).shuffle(rows);
        rows.resize(most);
        std::sort(rows.begin(), rows.end());
    }
    const PairedTiles& pairs = *section.pairs();
    return {places.select(rows), material.panel.values(pairs, rows), depth_of(pairs, rows)};
}

void make_evaluation(Section& section, const Artifact& fit, const Artifact& split, const std::optional<Artifact>& augmented, int repeat_count, const fs::path& staging) {
    const JobContext& ctx = section.ctx();
    const json p = json::parse(fit.provenance.params);
    const Artifact places = upstream(section.project(), fit, "places");
    const Split parts = load_split(section, split);
    const PlaceFeatures features = read_places(places.folder);
    FitMaterial material = real_material(*section.pairs(), parts, features, p);
    if (augmented) {
        const Artifact tiles = upstream(section.project(), fit, "synthesize");
        add_synthetic(material, tiles, read_places(upstream(section.project(), fit, "synthetic_places").folder), recipes_of(tiles, parts.train));
    }
    const std::uint64_t seed = derive_seed(section.seed(), "evaluate");
    FitParams params = fit_params_of(p, fit.provenance.seed);
    const bool compared = augmented && !material.kept.empty();
    const Predictor predictor = Predictor::load(fit.folder / "predictor.safetensors");
    const MoreSpots more = compared ? more_spots(section, split, parts, material, features, params, seed) : MoreSpots();
    Meter meter(ctx, 2 + kShuffles + repeat_count + (compared ? pair_fits(predictor.synthetic_weight(), more) : 0));
    const NextFit next = [&](const std::string& what) { meter.next(what); };

    meter.next("held-out spots");
    const Predictor::Prediction prediction = predictor.predict(material.held_out);
    const Matrix with = first_columns(prediction.mean, material.eval_genes);
    meter.next("real spots only");
    const Matrix without = predict_held_out(real_only(material.inputs), material, params, ctx);
    const Resampling together{.groups = material.held_out_group, .stop = ctx.stop};
    const Correlation plain = pearson(material.truth, with, seed, together), plain_without = pearson(material.truth, without, seed, together);
    const Correlation partial = pearson_depth_partial(material.truth, with, material.held_out_depth, seed, together);
    const Correlation partial_without = pearson_depth_partial(material.truth, without, material.held_out_depth, seed, together);

    json report = {{"genes", material.eval_genes},
                   {"spots_train", parts.train.size()},
                   {"spots_test", parts.held_out.size()},
                   {"target", to_string(material.panel.unit)},
                   {"synthetic_pairs", material.inputs.synthetic_targets.rows},
                   {"synthetic_weight", predictor.synthetic_weight()},
                   {"pearson", to_json(plain)},
                   {"pearson_depth_partial", to_json(partial)},
                   {"pearson_real_only", to_json(plain_without)},
                   {"pearson_depth_partial_real_only", to_json(partial_without)}};
    report["further"] = further_figures(*section.pairs(), parts, material, with);
    report["further"]["interval_coverage"] = interval_coverage(material.truth, first_columns(prediction.lower, material.eval_genes), first_columns(prediction.upper, material.eval_genes));
    report["further_real_only"] = further_figures(*section.pairs(), parts, material, without);
    Columns columns = {{"pearson", plain}, {"pearson_depth_partial", partial}, {"pearson_real_only", plain_without}};
    if (compared) compare_pairs({material, with, predictor.synthetic_weight(), without, read_places(augmented->folder), more}, params, seed, ctx, next, report, columns);
    report["pearson_shuffled"] = shuffled_expression(material, params, seed, ctx, next);
    if (repeat_count > 0) report["repeats"] = repeats(section, split, features, p, repeat_count, meter);
    write_file(staging / "genes.csv", genes_csv(material, columns));
    write_report(staging, report);
}

}  // namespace

Artifact evaluate_step(Section& section, const Artifact& fit) {
    const Artifact split = upstream(section.project(), fit, "split");
    constexpr std::size_t kRealOnly = 2, kWithPairs = 5;  // inputs of a predictor
    const std::size_t inputs = fit.provenance.inputs.size();
    if (inputs != kRealOnly && inputs != kWithPairs)
        throw Error(ErrorCode::Mismatch, "the predictor was fitted by an earlier version of the program; run 'c2l fit' or 'c2l run' again", section.project().path());
    std::optional<Artifact> augmented;
    if (inputs == kWithPairs) augmented = upstream(section.project(), fit, "augmented_places");
    json p = pick(section.params(), {"repeats"});
    p["figures"] = kFiguresRevision + 3;  // with the further ones and all controls
    return section.obtain(section.provenance("evaluate", {split.id, fit.id}, p),
                          [&](const fs::path& staging) { make_evaluation(section, fit, split, augmented, p.at("repeats"), staging); });
}

}  // namespace c2l
