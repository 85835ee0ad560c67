// Do synthetic pairs help, and how does it depend on the number of spots? The predictor with and without them, and with what else could stand in
// their place, on shares of the spots and several seeds. Every cell is made of ordinary steps, which stay in the project.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "pipeline/command_table.h"
#include "pipeline/credits.h"
#include "pipeline/gain_figure.h"
#include "pipeline/params.h"
#include "pipeline/steps.h"
#include "pipeline/summary.h"
#include "quality/follow.h"

namespace c2l {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr std::size_t kMostFractions = 20;

struct Addition {
    const char* key;
    const char* name;
};
// What is added to the real spots: the pairs, then their controls as evaluate names them.
constexpr std::array<Addition, 5> kAdditions = {{{"synthetic", "synthetic pairs"},
                                                 {"shuffled_genes", "pairs with shuffled genes"},
                                                 {"augmented", "augmented real tiles"},
                                                 {"mixed_spots", "mixtures of real spots"},
                                                 {"more_spots", "more real spots"}}};

std::vector<double> fractions_of(const json& params) {
    const std::string text = params.at("fractions");
    std::vector<double> fractions;
    std::istringstream in(text);
    for (std::string part; std::getline(in, part, ',');) {
        char* end = nullptr;
        const double value = std::strtod(part.c_str(), &end);
        if (part.empty() || *end != '\0' || !(value > 0 && value <= 1))
            throw Error(ErrorCode::BadInput, "'" + part.substr(0, 40) + "' is no share of the spots; give --fractions numbers above 0 and up to 1, separated by commas");
        fractions.push_back(value);
    }
    std::sort(fractions.begin(), fractions.end());
    fractions.erase(std::unique(fractions.begin(), fractions.end()), fractions.end());
    if (fractions.empty() || fractions.size() > kMostFractions)
        throw Error(ErrorCode::BadInput, "give --fractions between one and " + std::to_string(kMostFractions) + " shares of the spots, separated by commas");
    return fractions;
}

json mean_of(const json& figure) { return figure.is_object() ? figure.at("mean") : json(); }

// Nothing where too few spots are left, which must not cost the other shares.
std::optional<Artifact> split_of_share(Section& section, double fraction) {
    section.pairs();  // what is wrong with the files is no matter of shares
    try {
        return split_step(section);
    } catch (const Error& error) {
        if (error.code() != ErrorCode::BadInput) throw;
        section.ctx().issue({Severity::Warning, "a share of " + fixed(fraction, 3) + " with seed " + std::to_string(section.seed()) + " was left out: " + error.line(), {}});
        return std::nullopt;
    }
}

// One share of the spots with one seed, which draws other held-out blocks, another generator and other tiles. Null where too few spots are left.
json make_cell(Project& project, json params, double fraction, std::uint64_t seed, const JobContext& ctx) {
    params.update({{"fraction", fraction}, {"seed", seed}, {"spots", 0}, {"spot_list", nullptr}, {"repeats", 0}});
    Section section(project, params, ctx);
    const std::optional<Artifact> split = split_of_share(section, fraction);
    if (!split) return nullptr;
    const Artifact tiles = synthesize_step(section, adapt_step(section, *split));
    const Artifact evaluation = evaluate_step(section, fit_step(section, *split, tiles));
    const json report = read_report(evaluation), none = json::object();
    const json& controls = report.contains("controls") ? report.at("controls") : none;
    json gain = {{"synthetic", mean_of(report.value("delta", json()))}};
    for (std::size_t i = 1; i < kAdditions.size(); ++i) {
        const json of = controls.value(kAdditions[i].key, json());
        gain[kAdditions[i].key] = of.is_object() ? mean_of(of.at("delta")) : json();
    }
    const json more = controls.value("more_spots", json());
    return {{"fraction", fraction},
            {"seed", seed},
            {"spots_train", report.at("spots_train")},
            {"spots_test", report.at("spots_test")},
            {"synthetic_pairs", report.at("synthetic_pairs")},
            {"synthetic_weight", report.at("synthetic_weight")},
            {"synthetic_weight_compared", report.value("synthetic_weight_compared", json())},
            {"more_spots", more.is_object() ? more.at("spots") : json(0)},
            {"pearson", mean_of(report.at("pearson"))},
            {"pearson_real_only", mean_of(report.at("pearson_real_only"))},
            {"pearson_depth_partial_real_only", mean_of(report.at("pearson_depth_partial_real_only"))},
            {"pearson_depth_partial_with_synthetic", mean_of(report.value("pearson_depth_partial_with_synthetic", json()))},
            {"gain", gain},
            {"central", report.value("central", json())},
            {"evaluation", evaluation.id}};
}

json interval_of(const std::vector<double>& values) {
    if (values.empty()) return nullptr;
    const Interval i = over_seeds(values);
    return {{"value", i.value}, {"lower", i.lower}, {"upper", i.upper}, {"seeds", values.size()}};
}

// Means over the seeds of one share, with Student's 95 % interval.
json summarise(const std::vector<json>& cells, double fraction) {
    const auto over = [&](const auto& figure) {
        std::vector<double> values;
        for (const json& cell : cells)
            if (const json value = figure(cell); cell.at("fraction") == fraction && value.is_number()) values.push_back(value.get<double>());
        return interval_of(values);
    };
    json out = {{"fraction", fraction}};
    for (const char* key : {"spots_train", "pearson", "pearson_real_only", "pearson_depth_partial_real_only"}) out[key] = over([&](const json& cell) { return cell.at(key); });
    for (const Addition& addition : kAdditions) out["gain"][addition.key] = over([&](const json& cell) { return cell.at("gain").at(addition.key); });
    return out;
}

std::string cells_csv(const std::vector<json>& cells) {
    constexpr std::array kColumns = {"fraction", "seed", "spots_train", "spots_test", "synthetic_pairs", "synthetic_weight", "synthetic_weight_compared", "more_spots", "pearson", "pearson_real_only",
                                     "pearson_depth_partial_real_only", "pearson_depth_partial_with_synthetic"};
    std::ostringstream csv;
    const auto field = [&](const json& value) { csv << (value.is_null() ? std::string() : value.dump()); };
    for (const char* column : kColumns) csv << column << ',';
    for (std::size_t i = 0; i < kAdditions.size(); ++i) csv << "gain_" << kAdditions[i].key << (i + 1 < kAdditions.size() ? "," : "\n");
    for (const json& cell : cells) {
        for (const char* column : kColumns) field(cell.at(column)), csv << ',';
        for (std::size_t i = 0; i < kAdditions.size(); ++i) field(cell.at("gain").at(kAdditions[i].key)), csv << (i + 1 < kAdditions.size() ? "," : "\n");
    }
    return csv.str();
}

std::string figure_of(const json& result) {
    GainFigure figure;
    figure.title = "Gain over the real spots alone, mean Pearson r of held-out spots";
    for (const Addition& addition : kAdditions) figure.series.push_back(addition.name);
    for (const json& share : result.at("shares")) {
        const json& spots = share.at("spots_train");
        if (!spots.is_object()) continue;
        GainFigure::Group group{fixed(spots.at("value").get<double>(), 0) + " spots", {}};
        for (const Addition& addition : kAdditions) {
            const json& gain = share.at("gain").at(addition.key);
            group.points.push_back(gain.is_object() ? std::optional(GainFigure::Point{number(gain, "value"), number(gain, "lower"), number(gain, "upper")}) : std::nullopt);
        }
        figure.groups.push_back(std::move(group));
    }
    figure.description = "Mean over up to " + result.at("repeats").dump() + " seeds with Student's 95 % interval. C2L Studio" + and_credits(result.at("central"));
    return draw_gains(figure);
}

void write_results(const fs::path& folder, const json& result, const std::vector<json>& cells) {
    fs::create_directories(folder);
    write_file(folder / "experiment.csv", cells_csv(cells));
    if (const std::string credit = credits(result.at("central")); !credit.empty()) write_file(folder / "experiment.csv.license", "Figures of an experiment with C2L Studio. " + credit + "\n");
    write_file(folder / "experiment.svg", figure_of(result));
    write_file(folder / "experiment.json", result.dump(2) + "\n");
}

json experiment(Project& project, const json& params, const JobContext& ctx) {
    const std::vector<double> fractions = fractions_of(params);
    const auto repeats = params.at("repeats").get<int>();
    const std::size_t total = fractions.size() * static_cast<std::size_t>(repeats);
    std::size_t begun = 0;
    JobContext part = ctx;
    part.on_progress = [&](const Progress& inner) {
        Progress p = inner;
        p.message = "part " + std::to_string(begun) + " of " + std::to_string(total) + (inner.message.empty() ? "" : ", " + inner.message);
        ctx.progress(p);
    };
    std::vector<json> cells;
    json central;
    for (int repeat = 0; repeat < repeats; ++repeat)
        for (const double fraction : fractions) {
            ++begun;
            json cell = make_cell(project, params, fraction, seed_of(params) + static_cast<std::uint64_t>(repeat), part);
            if (cell.is_null()) continue;
            central = cell.at("central");
            cell.erase("central");
            cells.push_back(std::move(cell));
        }
    if (cells.empty()) throw Error(ErrorCode::BadInput, "no share of the spots leaves enough of them to learn from; give larger ones with --fractions", project.path());
    json result = {{"repeats", repeats}, {"cells", cells}, {"shares", json::array()}, {"central", central}};
    for (const double fraction : fractions) result["shares"].push_back(summarise(cells, fraction));
    if (const auto to = path_of(params, "output"); !to.empty()) write_results(to, result, cells);
    return result;
}

std::string experiment_summary(const json& result) {
    std::string text = "Mean Pearson r of held-out spots over seeds, with Student's 95 % interval (they share a section, so it is rather too narrow)\n";
    for (const json& share : result.at("shares")) {
        if (!share.at("spots_train").is_object()) continue;
        text += fixed(share.at("spots_train").at("value").get<double>(), 0) + " spots, " + share.at("spots_train").at("seeds").dump() + " seeds: real spots only " + interval(share.at("pearson_real_only")) + "\n";
        for (const Addition& addition : kAdditions) {
            std::string line = std::string("  gain by ") + addition.name;
            line.resize(std::max<std::size_t>(line.size(), 40), ' ');
            text += line + (share.at("gain").at(addition.key).is_object() ? interval(share.at("gain").at(addition.key)) : std::string("none are left")) + "\n";
        }
    }
    return text + credits_line(result);
}

Params without(const Params& params, std::initializer_list<const char*> names) {
    Params out;
    for (const Param& param : params)
        if (std::none_of(names.begin(), names.end(), [&](const char* name) { return param.name == name; })) out.push_back(param);
    return out;
}

}  // namespace

Command experiment_command() {
    const Params own = {
        {.name = "fractions", .type = ParamType::Text, .default_value = "0.1,0.25,0.5,1", .help = "shares of the spots to learn from, separated by commas", .unit = {}, .choices = {}, .letter = {}},
        {.name = "repeats", .type = ParamType::Integer, .default_value = 5, .help = "seeds for each share; each draws other held-out blocks, another generator and other tiles", .unit = "seeds", .low = 1, .high = 1000, .choices = {}, .letter = {}},
        {.name = "output", .type = ParamType::Path, .default_value = nullptr, .help = "a folder for experiment.csv, experiment.json and experiment.svg", .unit = {}, .choices = {}, .letter = "o"}};
    return {"experiment", "do synthetic pairs help? With their controls, over shares of the spots and several seeds",
            project_params() + own + without(split_params(), {"spots", "fraction", "spot_list"}) + adapt_params() + sample_params() + fit_params() + model_params() + compute_params(),
            [](const json& params, const JobContext& ctx) {
                const auto project = Project::open(path_of(params, "project"), Project::Mode::Write);
                return experiment(*project, params, ctx);
            },
            experiment_summary};
}

}  // namespace c2l
