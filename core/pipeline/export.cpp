#include <algorithm>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "pipeline/annotations.h"
#include "pipeline/command_table.h"
#include "pipeline/credits.h"
#include "pipeline/export.h"
#include "pipeline/figure.h"
#include "pipeline/foreign_adapter.h"
#include "pipeline/params.h"
#include "pipeline/picture.h"
#include "pipeline/section.h"
#include "spatial/h5ad.h"

namespace c2l {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr int kFigurePx = 1400;

std::int64_t gene_of(const SpotData& map, const std::string& gene, const fs::path& file) {
    const std::int64_t column = gene.empty() ? 0 : map.expression.find_gene(gene);
    if (column < 0) throw Error(ErrorCode::NotFound, "has no gene '" + gene + "'; export the map as csv to see which it has", file);
    return column;
}

const Matrix& layer_of(const SpotData& map, const std::string& name, const fs::path& file) {
    const auto found = map.layers.find(name);
    if (found == map.layers.end()) throw Error(ErrorCode::BadInput, "has no layer '" + name + "'; run 'c2l predict' again", file);
    return found->second;
}

// One line per point: name, position, trust, then one column for each gene (or mean, lower, upper of a single one).
std::string map_csv(const SpotData& map, const std::string& gene, const fs::path& file) {
    std::ostringstream csv;
    const auto trust = map.obs.find("in_distribution");
    csv << "point,x,y,in_distribution";
    const std::int64_t only = gene.empty() ? -1 : gene_of(map, gene, file);
    const Matrix &mean = layer_of(map, "predicted", file), &lower = layer_of(map, "lower", file), &upper = layer_of(map, "upper", file);
    if (only >= 0)
        csv << "," << map.expression.genes[static_cast<std::size_t>(only)] << ",lower,upper";
    else
        for (const auto& name : map.expression.genes) csv << ',' << name;
    csv << '\n';
    for (std::size_t i = 0; i < map.spots.size(); ++i) {
        const auto row = static_cast<std::int64_t>(i);
        csv << map.spots.barcodes[i] << ',' << map.spots.x[i] << ',' << map.spots.y[i] << ',' << (trust == map.obs.end() ? 1.f : trust->second[i]);
        if (only >= 0)
            csv << ',' << mean.at(row, only) << ',' << lower.at(row, only) << ',' << upper.at(row, only);
        else
            for (std::int64_t g = 0; g < mean.cols; ++g) csv << ',' << mean.at(row, g);
        csv << '\n';
    }
    return csv.str();
}

Image map_figure(const Project& project, const Section& section, const SpotData& map, const std::string& gene, const fs::path& file, const JobContext& ctx) {
    const auto slide = open_slide(project, section.slide_record(), ctx);
    const std::int64_t column = gene_of(map, gene, file);
    const Matrix& mean = layer_of(map, "predicted", file);
    GeneFigure figure;
    figure.tissue = slide->overview(kFigurePx);
    figure.scale = static_cast<double>(figure.tissue.width) / static_cast<double>(slide->info().width);
    figure.mpp = slide->info().mpp.value_or(1);
    figure.x = map.spots.x;
    figure.y = map.spots.y;
    for (std::int64_t r = 0; r < mean.rows; ++r) figure.values.push_back(mean.at(r, column));
    if (const auto trust = map.obs.find("in_distribution"); trust != map.obs.end()) figure.opacity = trust->second;
    figure.cell_px = map.spots.pitch_px();
    figure.title = map.expression.genes[static_cast<std::size_t>(column)] + ", predicted";
    const json provenance = json::parse(map.provenance_json, nullptr, false);
    const std::string unit = provenance.is_object() ? provenance.value("unit", std::string()) : std::string();
    figure.unit = unit == "log1p_cp10k" ? "log(1 + per 10,000)" : unit == "as_given" ? "as given" : "log(1 + counts)";
    return draw_figure(figure);
}

std::vector<std::string> split_list(const std::string& text) {
    std::vector<std::string> names;
    std::istringstream in(text);
    for (std::string name; std::getline(in, name, ',');)
        if (!name.empty()) names.push_back(name);
    return names;
}

// A map of another slide ('predict --slide') does not lie over this section.
Artifact own_map(const Section& section) {
    const auto own = [](const Artifact& map) { return json::parse(map.provenance.params).value("own_slide", false); };
    if (auto found = section.newest("predict", own)) return *found;
    throw Error(ErrorCode::NotFound, "has no map of the section's own slide yet; run 'c2l predict' without --slide, or 'c2l run', first", section.project().path());
}

}  // namespace

json export_map(Project& project, const json& params, const std::string& what, const fs::path& to, const JobContext& ctx,
                const std::optional<Artifact>& given) {
    Section section(project, params, ctx);
    const Artifact map = given ? *given : own_map(section);
    const fs::path file = map.folder / "map.h5ad";
    const std::string gene = params.value("gene", std::string());
    json out = {{"what", what}, {"file", to.string()}};
    const json central = central_of(project, map.provenance);
    const std::string credit = credits(central);
    if (central.is_object()) out["central"] = central;
    if (what == "h5ad") {
        replace_file(to, [&](const fs::path& part) { fs::copy_file(file, part, fs::copy_options::overwrite_existing); });
        return out;
    }
    const SpotData table = read_h5ad(file);
    if (what == "csv") {
        write_file(to, map_csv(table, gene, file));
        // A table has no place for it that every reader skips; a file beside it has (as the REUSE specification does it).
        if (!credit.empty()) write_file(to.string() + ".license", "Predicted expression, C2L Studio, map " + map.id + ". " + credit + "\n");
    } else {
        const std::int64_t column = gene_of(table, gene, file);
        out["gene"] = table.expression.genes[static_cast<std::size_t>(column)];
        write_png(to, map_figure(project, section, table, gene, file, ctx), "Predicted expression of " + out["gene"].get<std::string>() + ", C2L Studio, map " + map.id + (credit.empty() ? "" : ". " + credit));
    }
    return out;
}

Command export_command() {
    Param what{.name = "what", .type = ParamType::Choice, .default_value = "h5ad", .help = "h5ad: the map; csv: the map as a table; png: a figure of one gene; spots: the measured spots as QuPath GeoJSON; adapter: the local generator, to be given to others: no pixels, spots or names are in it", .unit = {},
               .choices = {"h5ad", "csv", "png", "spots", "adapter"}, .letter = {}};
    what.positional = what.required = true;
    Param output{.name = "output", .type = ParamType::Path, .default_value = nullptr, .help = "the file to write", .unit = {}, .choices = {}, .letter = "o"};
    output.required = true;
    const Param gene{.name = "gene", .type = ParamType::Text, .default_value = "", .help = "the gene of the figure, or of a table with its interval; the figure takes the most variable one when empty; of spots several, separated by commas",
                     .unit = {}, .choices = {}, .letter = "g"};
    return {"export", "write the expression map (h5ad, CSV, PNG figure), the spots (QuPath GeoJSON) or the adapter (safetensors) for others", project_params() + Params{what, output, gene},
            [](const json& params, const JobContext& ctx) {
                const auto project = Project::open(path_of(params, "project"), Project::Mode::Read);
                if (params.at("what") == "spots") return export_spots(*project, params, split_list(params.value("gene", std::string())), path_of(params, "output"), ctx);
                if (params.at("what") == "adapter") return export_adapter(*project, params, path_of(params, "output"), ctx);
                return export_map(*project, params, params.at("what"), path_of(params, "output"), ctx);
            },
            [](const json& r) { return "Wrote " + r.at("file").get<std::string>() + "\n" + credits_line(r); }};
}

}  // namespace c2l
