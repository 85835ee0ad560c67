#include "pipeline/summary.h"

#include <cmath>
#include <cstdio>

namespace c2l {

using nlohmann::json;

double number(const json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_number() ? found->get<double>() : std::nan("");
}

namespace {

std::string row(const std::string& name, const json& report, const char* key) {
    if (!report.contains(key)) return {};
    std::string line = "  " + name;
    line.resize(std::max<std::size_t>(line.size(), 52), ' ');
    return line + interval(report.at(key)) + "\n";
}

// A figure that stands alone in its line.
std::string plain(const std::string& name, const std::string& value) {
    std::string line = "  " + name;
    line.resize(std::max<std::size_t>(line.size(), 52), ' ');
    return line + value + "\n";
}

const json& member(const json& object, const char* key) {
    static const json none;
    const auto found = object.is_object() ? object.find(key) : object.end();
    return object.is_object() && found != object.end() ? *found : none;
}

}  // namespace

std::string fixed(double value, int digits) {
    if (!std::isfinite(value)) return "–";
    char text[64];
    const double least = 0.5 * std::pow(10.0, -digits);  // what is nearer to 0 has no sign
    std::snprintf(text, sizeof text, "%.*f", digits, std::abs(value) < least ? 0.0 : value);
    return text;
}

std::string interval(const json& figures) {
    if (!figures.is_object()) return "–";
    const double value = figures.contains("mean") ? number(figures, "mean") : number(figures, "value");
    if (!std::isfinite(value)) return "–";
    const double size = std::abs(value);
    const int digits = size >= 100 ? 0 : size >= 10 ? 1 : 3;
    return fixed(value, digits) + "  [" + fixed(number(figures, "lower"), digits) + ", " + fixed(number(figures, "upper"), digits) + "]";
}

std::string duration(double seconds) {
    if (seconds < 60) return fixed(seconds, 1) + " s";
    const auto whole = static_cast<long>(std::lround(seconds));
    return std::to_string(whole / 60) + " min " + std::to_string(whole % 60) + " s";
}

std::string memory(double bytes) { return bytes >= 1e9 ? fixed(bytes / 1e9, 1) + " GB" : fixed(bytes / 1e6, 0) + " MB"; }

namespace {

// The predictor's, and in brackets those of real spots only.
std::string further(const json& report) {
    const json &of = member(report, "further"), &real = member(report, "further_real_only");
    if (!of.is_object()) return {};
    std::string text;
    const auto line = [&](const std::string& name, const char* key) { text += plain(name, fixed(number(of, key), 3) + " (" + fixed(number(real, key), 3) + " real spots only)"); };
    line("r of all values of all genes at once", "pearson_pooled");
    line("root mean square error", "rmse");
    line("spatial coherence: |difference of Moran's I|", "morans_i_difference");
    return text + plain("held-out values within their 90 % interval", fixed(100 * number(of, "interval_coverage"), 1) + " %");
}

// What stands in the place of the pairs, with the gain over real spots only.
std::string controls(const json& report) {
    const json& all = member(report, "controls");
    if (!all.is_object()) return {};
    std::string text;
    const auto line = [&](const std::string& name, const char* key) {
        const json& c = member(all, key);
        if (c.is_object()) text += plain("  " + name, interval(member(c, "pearson")) + "; gain " + interval(member(c, "delta")) + ", lead of the pairs over it " + interval(member(c, "pairs_over")));
    };
    line("control: pairs with shuffled genes", "shuffled_genes");
    line("control: as many augmented real tiles", "augmented");
    line("control: as many mixtures of real spots", "mixed_spots");
    if (const json& more = member(all, "more_spots"); more.is_object()) line("control: " + member(more, "spots").dump() + " more real spots", "more_spots");
    else text += plain("  control: more real spots", "none are left on this section");
    return text;
}

}  // namespace

std::string evaluation_summary(const json& report) {
    std::string text = "Held-out mean Pearson r over " + report.at("genes").dump() + " genes, " + report.at("spots_test").dump() +
                       " spots in spatial blocks (learnt from " + report.at("spots_train").dump() + "), with 95 % intervals\n";
    text += row("the predictor", report, "pearson");
    text += row("  with sequencing depth partialled out", report, "pearson_depth_partial");
    text += row("real spots only", report, "pearson_real_only");
    text += row("  with sequencing depth partialled out", report, "pearson_depth_partial_real_only");
    if (report.contains("synthetic_weight_compared")) {
        const double chosen = number(report, "synthetic_weight"), compared = number(report, "synthetic_weight_compared");
        text += "with synthetic pairs of weight " + fixed(compared, 2) +
                (chosen > 0 ? ", chosen by inner cross-validation\n" : "; inner cross-validation gave them none, so the map does not use them\n");
    }
    text += row("  real and synthetic pairs", report, "pearson_with_synthetic");
    text += row("    with sequencing depth partialled out", report, "pearson_depth_partial_with_synthetic");
    text += row("  gain by synthetic pairs", report, "delta") + controls(report);
    text += row("control: expression shuffled among the spots", report, "pearson_shuffled");
    if (const auto repeats = report.find("repeats"); repeats != report.end() && repeats->is_object()) {
        const std::string splits = " over " + repeats->at("splits").dump() + " splits";
        text += row("real spots only," + splits, *repeats, "pearson_real_only");
        text += row("  with sequencing depth partialled out", *repeats, "pearson_depth_partial_real_only");
    }
    return text + further(report);
}

namespace {

std::string distances(const json& report) {
    std::string text = plain("tiles", member(report, "n").dump() + " synthetic, " + member(report, "n_real").dump() + " real; " + member(report, "n_floor").dump() + " of each for FD");
    text += row("FD-encoder", report, "frechet");
    if (report.contains("frechet")) text += plain("  real against real", fixed(number(report.at("frechet"), "floor"), 3));
    if (const json& other = member(report, "floor_other_section"); other.is_object())
        if (member(other, "frechet").is_number()) text += plain("  real against " + other.value("name", std::string("another section")), fixed(number(other, "frechet"), 3));
    text += row("kernel distance", report, "kid");
    if (const json& other = member(report, "floor_other_section"); other.is_object())
        text += plain("  real against " + other.value("name", std::string("another section")), fixed(number(other, "kid"), 3));
    if (const json& training = member(report, "floor_training_tiles"); training.is_object()) text += plain("  of the training spots' own tiles", fixed(number(training, "kid"), 3));
    text += plain("precision, recall, density, coverage", fixed(number(report, "precision"), 2) + ", " + fixed(number(report, "recall"), 2) + ", " + fixed(number(report, "density"), 2) + ", " +
                                                              fixed(number(report, "coverage"), 2));
    text += plain("nearer to a training tile than 99 % of real tiles", fixed(100 * number(report, "copies_fraction"), 1) + " %");
    if (report.contains("training_tiles_flagged")) text += plain("  training tiles as near to one another", fixed(100 * number(report, "training_tiles_flagged"), 1) + " %");
    return text;
}

// How far the nuclei of synthetic tiles are from those of real ones, beside what two halves of the real ones differ by.
std::string composition(const json& c) {
    if (!c.is_object()) return {};
    std::string text = "Nuclei: Wasserstein distance to real tiles; halves of the real ones; means: synthetic, real\n";
    const auto line = [&](const std::string& name, const char* key, int digits) {
        const json& f = member(c, key);
        text += plain(name, interval(f) + "; " + fixed(number(f, "floor"), digits) + "; " + fixed(number(f, "mean_synthetic"), digits) + ", " + fixed(number(f, "mean_real"), digits));
    };
    line("density, per mm²", "nuclear_density_per_mm2", 0);
    line("area, µm²", "nuclear_area_um2", 1);
    line("eccentricity", "eccentricity", 3);
    line("haematoxylin, optical density", "haematoxylin_od", 3);
    return text;
}

std::string against_chance(const std::string& name, const json& figure, const char* chance) {
    return plain(name, interval(figure) + "; " + chance + " " + fixed(number(member(figure, "shuffled"), "value"), 3) + ", p " + fixed(number(figure, "p"), 4));
}

std::string follows_genes(const json& f) {
    if (!f.is_object()) return {};
    if (f.contains("skipped")) return "  whether tiles follow the genes was not measured: " + f.at("skipped").get<std::string>() + "\n";
    std::string text = "  do tiles of " + member(f, "spots").dump() + " held-out profiles follow their genes?\n";
    const json &trip = member(f, "round_trip"), &depth = member(trip, "depth_partial");
    text += against_chance("  genes read back from them, r", trip, "shuffled");
    text += plain("    from the real tiles", interval(member(trip, "real")));
    text += against_chance("  with sequencing depth partialled out", depth, "shuffled");
    text += plain("    from the real tiles", interval(member(depth, "real")));
    return text + against_chance("  rank of the true tile (0 first, 1 last)", member(member(f, "retrieval"), "mean_rank"), "chance");
}

}  // namespace

std::string quality_summary(const json& report) {
    std::string text = "Synthetic tiles against real ones that were not learnt from (" + report.value("encoder", std::string("encoder")) + ")\n";
    if (report.value("reference_includes_held_out", false)) text += "  (so little tissue is left beside the training spots that these include tiles of held-out spots)\n";
    text += distances(report) + follows_genes(member(report, "follows_genes"));
    const json& outside = member(report, "outside");
    if (const json& gate = member(report, "gate"); gate.is_object())
        text += plain("flagged as copies, which stay in the project", member(gate, "flagged").dump() + " of " + member(gate, "tiles").dump() + " (" + member(gate, "flagged_by_encoder").dump() +
                                                                           " by the tile encoder, " + member(gate, "flagged_by_latents").dump() + " by where things lie)");
    text += composition(member(report, "composition"));
    if (!outside.is_object()) return text;
    if (outside.contains("skipped")) return text + "In the eyes of another encoder: not measured, " + outside.at("skipped").get<std::string>() + "\n";
    return text + "In the eyes of an encoder from outside (" + outside.value("encoder", std::string("encoder")) + ")\n" + distances(outside) + follows_genes(member(outside, "follows_genes"));
}

std::string steps_summary(const json& steps) {
    std::string text;
    for (const json& step : steps) {
        std::string line = "  " + step.at("step").get<std::string>();
        line.resize(std::max<std::size_t>(line.size(), 22), ' ');
        line += step.at("cached").get<bool>() ? "was there" : duration(step.at("seconds").get<double>()) + ", " + memory(step.at("peak_memory_bytes").get<double>());
        text += line + "\n";
    }
    return text;
}

}  // namespace c2l
