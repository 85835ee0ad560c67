#include "pipeline/dial.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "base/error.h"

namespace c2l {
namespace {

constexpr std::size_t kMostSettings = 1000;

float parse_value(const std::string& text, const std::string& item) {
    try {
        std::size_t used = 0;
        const float value = std::stof(text, &used);
        if (used == text.size() && std::abs(value) <= 10) return value;
    } catch (const std::logic_error&) {
    }
    throw Error(ErrorCode::BadInput, "'" + item + "' is not of the form GENE=NUMBER with a number between -10 and 10");
}

std::int64_t column_of(const GenePanel& panel, const std::string& gene) {
    const auto found = std::find(panel.genes.begin(), panel.genes.end(), gene);
    if (found == panel.genes.end())
        throw Error(ErrorCode::NotFound, "the generator was not adapted with the gene '" + gene + "'; adapt again with --gene-list, or choose another");
    const auto column = found - panel.genes.begin();
    if (!(panel.sd[static_cast<std::size_t>(column)] > 1e-6f)) throw Error(ErrorCode::NotFound, "the gene '" + gene + "' does not vary among the training spots; choose another");
    return column;
}

}  // namespace

std::vector<DialSetting> parse_dial(const std::string& text, const GenePanel& panel) {
    std::vector<DialSetting> settings;
    DialSetting next;
    std::istringstream items(text);
    for (std::string item; std::getline(items, item, ',');) {
        const auto equal = item.rfind('=');
        if (equal != std::string::npos) {
            next.gene = item.substr(0, equal);
            next.column = column_of(panel, next.gene);
        } else if (next.gene.empty()) {
            parse_value("", item);
        }
        next.sd = parse_value(equal == std::string::npos ? item : item.substr(equal + 1), item);
        settings.push_back(next);
        if (settings.size() > kMostSettings) throw Error(ErrorCode::BadInput, "the dial has more than " + std::to_string(kMostSettings) + " settings; give fewer");
    }
    return settings;
}

}  // namespace c2l
