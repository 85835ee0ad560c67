#include "pipeline/profiles.h"

#include <algorithm>

#include "base/random.h"
#include "pipeline/companions.h"
#include "pipeline/synthetic.h"

namespace c2l {
void ProfileSet::add(const std::string& kind, const std::string& source, double x, double y, std::uint64_t seed) {
    SpotTable& spots = table.spots;
    spots.barcodes.push_back(tile_name(spots.barcodes.size()).stem().string());
    spots.x.push_back(x);
    spots.y.push_back(y);
    spots.array_row.push_back(-1);
    spots.array_col.push_back(-1);
    spots.in_tissue.push_back(1);
    table.labels["kind"].push_back(kind);
    table.labels["source"].push_back(source);
    table.labels["seed"].push_back(std::to_string(seed));
    seeds.push_back(seed);
}

ProfileSet measured_profiles(const PairedTiles& pairs, const TrainTiles& train, const GenePanel& panel, const std::vector<TileRecipe>& recipes) {
    ProfileSet set;
    set.values = mix(panel.values(pairs, train.rows()), recipes);
    std::int64_t measured = 0;
    for (const TileRecipe& recipe : recipes) {
        const auto a = static_cast<std::size_t>(train.rows()[static_cast<std::size_t>(recipe.first)]);
        const auto b = static_cast<std::size_t>(train.rows()[static_cast<std::size_t>(recipe.second)]);
        const double share = recipe.share;
        set.add(share == 0 ? "measured" : "interpolated", pairs.barcodes[a], (1 - share) * pairs.x[a] + share * pairs.x[b], (1 - share) * pairs.y[a] + share * pairs.y[b], recipe.seed);
        set.table.labels["source2"].push_back(pairs.barcodes[b]);
        set.table.obs["share"].push_back(static_cast<float>(share));
        measured += share == 0;
    }
    set.report["measured_profiles"] = measured;
    return set;
}

ProfileSet dial_series(const PairedTiles& pairs, const TrainTiles& train, const GenePanel& panel, const std::vector<DialSetting>& dial, bool companions, std::int64_t spots,
                       std::uint64_t seed) {
    const auto n = static_cast<std::int64_t>(train.size());
    spots = std::min(spots, n);
    const Matrix own = panel.values(pairs, train.rows()), standardised = panel.standardised(pairs, train.rows());
    const Companions with(standardised, lowest_of(panel));
    const auto across = static_cast<std::int64_t>(dial.size()) + 1;
    ProfileSet set;
    set.values = Matrix(spots * across, own.cols);
    set.columns = static_cast<int>(across);
    for (std::int64_t i = 0; i < spots; ++i) {
        const std::int64_t position = i * n / spots;
        const auto row = static_cast<std::size_t>(train.rows()[static_cast<std::size_t>(position)]);
        const std::uint64_t one_seed = derive_seed(seed, "dial", static_cast<std::uint64_t>(i));
        for (std::int64_t s = 0; s < across; ++s) {
            float* values = set.values.row(i * across + s);
            std::copy_n(own.row(position), own.cols, values);
            const DialSetting* setting = s == 0 ? nullptr : &dial[static_cast<std::size_t>(s - 1)];
            set.add(setting ? "edited" : "measured", pairs.barcodes[row], pairs.x[row], pairs.y[row], one_seed);
            set.table.labels["gene"].push_back(setting ? setting->gene : "");
            set.table.obs["dial_sd"].push_back(setting ? setting->sd : 0.f);
            if (!setting) continue;
            std::vector<float> profile(standardised.row(position), standardised.row(position) + own.cols);
            if (companions) with.turn(profile.data(), {*setting});
            else turn_alone(profile.data(), {*setting});
            // Only what has moved, so that the others stay as measured, to the last digit.
            for (std::size_t g = 0; g < profile.size(); ++g)
                if (profile[g] != standardised.at(position, static_cast<std::int64_t>(g))) values[g] = panel.mean[g] + profile[g] * panel.sd[g];
        }
    }
    set.report["spots"] = spots;
    set.report["companions"] = companions;
    set.report["settings"] = nlohmann::json::array();
    for (const DialSetting& setting : dial) set.report["settings"].push_back({{"gene", setting.gene}, {"sd", setting.sd}});
    return set;
}

}  // namespace c2l
