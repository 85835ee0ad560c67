// Do adapted tiles follow their genes, over several independently seeded generators? Adapts and samples once for each seed, on the same training and
// held-out spots (or, with --vary-split, on others for each seed), and prints the figures with Student's 95 % interval over seeds.
// Usage: follow_genes PROJECT.c2l [--seeds 5] [--vary-split] [any option of 'c2l run', e.g. --spots 100 --adapt-steps 600 --outside-encoder W]
// Results stay in the project, so that a second call prints at once.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <map>

#include "base/error.h"
#include "pipeline/assessment.h"
#include "pipeline/command.h"
#include "pipeline/params.h"
#include "pipeline/steps.h"
#include "pipeline/synthetic.h"
#include "quality/follow.h"

using namespace c2l;
using nlohmann::json;

namespace {

struct Options {
    json run;  // parameters of the main job
    int seeds = 5;
    bool vary_split = false;
};

json value_of(const Param& param, const std::string& text) {
    switch (param.type) {
        case ParamType::Integer: return std::stoll(text);
        case ParamType::Number: return std::stod(text);
        default: return text;
    }
}

Options parse(int argc, char** argv) {
    Options options;
    const Command& run = *find_command("run");
    json given = json::object();
    for (int i = 1; i < argc; ++i) {
        std::string name = argv[i];
        if (!name.starts_with("--")) {
            given["project"] = name;
            continue;
        }
        name = name.substr(2);
        std::replace(name.begin(), name.end(), '-', '_');
        if (name == "vary_split") {
            options.vary_split = true;
            continue;
        }
        const auto param = std::find_if(run.params.begin(), run.params.end(), [&](const Param& p) { return p.name == name; });
        if (param != run.params.end() && param->type == ParamType::Flag) {
            given[name] = true;
            continue;
        }
        if (++i == argc) throw Error(ErrorCode::BadInput, "--" + name + " needs a value");
        if (name == "seeds")
            options.seeds = std::stoi(argv[i]);
        else
            given[name] = param == run.params.end() ? json(argv[i]) : value_of(*param, argv[i]);
    }
    options.run = complete_params(run, given);
    if (options.run.at("seed").is_null()) options.run["seed"] = 0;
    return options;
}

// name → value of each seed, in the order of the table.
class Table {
public:
    void add(const std::string& name, double value) {
        if (!figures_.count(name)) order_.push_back(name);
        figures_[name].push_back(value);
    }
    void add(const json& report) {
        const json &trip = report.at("round_trip"), &depth = trip.at("depth_partial"), &found = report.at("retrieval");
        const auto of = [](const json& figure, const char* key) { return figure.at(key).at("value").get<double>(); };
        const auto above = [&](const json& figure) { return figure.at("value").get<double>() - of(figure, "shuffled"); };
        add("round trip r", trip.at("value"));
        add("  shuffled", of(trip, "shuffled"));
        add("  r - shuffled", above(trip));
        add("  p", trip.at("p"));
        add("  r of the real tiles", of(trip, "real"));
        add("round trip r, depth out", depth.at("value"));
        add("  r - shuffled", "depth", above(depth));
        add("  p", "depth", depth.at("p"));
        add("  r of the real tiles", "depth", of(depth, "real"));
        for (const auto& [key, name] : {std::pair{"mean_rank", "retrieval: mean rank"}, {"reciprocal_rank", "retrieval: 1/rank"}, {"top1", "retrieval: first"},
                                        {"top5", "retrieval: among 5"}, {"top_tenth", "retrieval: among a tenth"}}) {
            add(name, found.at(key).at("value"));
            add("  chance", key, of(found.at(key), "shuffled"));
            add("  p", key, found.at(key).at("p"));
        }
    }
    void print(const std::string& title) const {
        std::printf("\n%s\n%-26s", title.c_str(), "seed");
        for (std::size_t i = 0; i < figures_.begin()->second.size(); ++i) std::printf("%9zu", i);
        std::printf("%10s  95 %% interval over seeds\n", "mean");
        for (const auto& name : order_) {
            std::printf("%-26s", name.substr(0, name.find('|')).c_str());
            const auto& values = figures_.at(name);
            for (const double v : values) std::printf("%9.4f", v);
            if (name.starts_with("  p|") || name.starts_with("  chance|") || name == "  p") {  // no figures to average
                std::printf("\n");
                continue;
            }
            const Interval mean = over_seeds(values);
            std::printf("%10.4f  [%.4f, %.4f]\n", mean.value, mean.lower, mean.upper);
        }
    }

private:
    void add(const std::string& name, const std::string& of, double value) { add(name + "|" + of, value); }  // the same name under several heads

    std::vector<std::string> order_;
    std::map<std::string, std::vector<double>> figures_;
};

}  // namespace

int main(int argc, char** argv) try {
    if (argc < 2) {
        std::cerr << "usage: follow_genes PROJECT.c2l [--seeds N] [--vary-split] [options of 'c2l run']\n";
        return 2;
    }
    const Options options = parse(argc, argv);
    const auto project = Project::open(path_of(options.run, "project"), Project::Mode::Write);
    const JobContext ctx;
    std::map<std::string, Table> tables;
    json last;
    std::optional<Artifact> split;
    std::vector<std::pair<Judge, Artifact>> judges;  // with their yardsticks
    std::unique_ptr<Section> first;                  // keeps the encoders of the judges
    for (int s = 0; s < options.seeds; ++s) {
        json params = options.run;
        params["seed"] = options.run.at("seed").get<std::uint64_t>() + static_cast<std::uint64_t>(s);
        Section section(*project, params, ctx);
        if (!first || options.vary_split) {
            first = std::make_unique<Section>(*project, options.run, ctx);
            split = split_step(section);
            const bool tissue = params.at("tissue");
            const Artifact yardstick = yardstick_step(section, *split, tissue);
            judges = {{own_judge(*first, yardstick), yardstick}};
            std::string reason;
            if (const auto outside = outside_judge(*first, judges[0].first, reason))
                judges.emplace_back(*outside, yardstick_step(section, *split, tissue, *outside));
            else
                std::cout << reason << "\n";
        }
        const Artifact adapted = adapt_step(section, *split);
        const Artifact tiles = held_out_tiles_step(section, adapted, sampling_of(params, section.central()), params.at("seeds_per_spot"));
        for (const auto& [judge, yardstick] : judges) {
            last = read_report(follow_step(section, tiles, yardstick, judge));
            tables[last.at("encoder")].add(last);
        }
        std::cerr << "seed " << s + 1 << " of " << options.seeds << " done; sheet: " << (tiles.folder / "sheet.png").string() << "\n";
    }
    for (const auto& [encoder, table] : tables)
        table.print(encoder + ": " + last.at("spots_train").dump() + " training and " + last.at("spots").dump() + " held-out spots, " + last.at("genes").dump() + " genes, " +
                    last.at("tiles_per_spot").dump() + " tiles for each profile");
    return 0;
} catch (const Error& error) {
    std::cerr << error.line() << "\n";
    return 1;
} catch (const std::logic_error& error) {
    std::cerr << "not a number: " << error.what() << "\n";
    return 2;
}
