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

}  // namespace

std::string fixed(double value, int digits) {
    if (!std::isfinite(value)) return "–";
    char text[64];
    std::snprintf(text, sizeof text, "%.*f", digits, value);
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
    text += row("  gain by synthetic pairs", report, "delta");
    text += row("  control: synthetic pairs with shuffled genes", report, "pearson_with_shuffled_synthetic");
    text += row("control: expression shuffled among the spots", report, "pearson_shuffled");
    if (const auto repeats = report.find("repeats"); repeats != report.end() && repeats->is_object()) {
        const std::string splits = " over " + repeats->at("splits").dump() + " splits";
        text += row("real spots only," + splits, *repeats, "pearson_real_only");
        text += row("  with sequencing depth partialled out", *repeats, "pearson_depth_partial_real_only");
    }
    return text;
}

std::string quality_summary(const json& report) {
    std::string text = "Synthetic tiles against real ones that were not learnt from (" + report.value("encoder", std::string("encoder")) + ")\n";
    text += row("FD-encoder", report, "frechet");
    if (report.contains("frechet")) text += "    real against real" + std::string(33, ' ') + fixed(number(report.at("frechet"), "floor"), 3) + "\n";
    text += row("kernel distance", report, "kid");
    text += "  near copies of training tiles" + std::string(21, ' ') + fixed(100 * number(report, "copies_fraction"), 1) + " %\n";
    return text;
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
