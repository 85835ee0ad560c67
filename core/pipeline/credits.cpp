#include "pipeline/credits.h"

#include "base/file.h"
#include "pipeline/steps.h"

namespace c2l {

namespace fs = std::filesystem;
using nlohmann::json;

json record_of(const CentralInfo& central) { return {{"architecture", central.architecture}, {"licence", central.licence}, {"attribution", central.attribution}}; }

json central_of(const Project& project, const Provenance& provenance) {
    for (const auto& input : provenance.inputs) {
        const auto artifact = project.find(input);
        if (!artifact) continue;
        if (fs::exists(artifact->folder / "report.json"))
            if (const json report = read_report(*artifact); report.is_object() && report.contains("central") && report.at("central").is_object()) return report.at("central");
        if (json central = central_of(project, artifact->provenance); central.is_object()) return central;
    }
    return nullptr;
}

void carry_central(const fs::path& folder, const json& central) {
    if (!central.is_object() || !fs::exists(folder / "report.json")) return;
    json report = json::parse(read_file(folder / "report.json"));
    if (!report.is_object() || report.contains("central")) return;
    report["central"] = central;
    write_report(folder, report);
}

std::string credits(const json& central) {
    if (!central.is_object()) return {};
    const std::string licence = central.value("licence", std::string()), attribution = central.value("attribution", std::string());
    std::string text = "Central model " + central.value("architecture", std::string("of unknown architecture"));
    if (!licence.empty()) text += " under " + licence;
    if (!attribution.empty()) text += " (" + attribution + ")";
    return text;
}

std::string credits_line(const json& result) {
    const std::string text = result.is_object() && result.contains("central") ? credits(result.at("central")) : std::string();
    return text.empty() ? text : "  " + text + "\n";
}

std::string and_credits(const json& central) {
    const std::string text = credits(central);
    return text.empty() ? text : ". " + text;
}

}  // namespace c2l
