#include "ui/document/results.h"

#include <QObject>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "base/json_depth.h"
#include "spatial/h5ad.h"

namespace c2l::ui {
namespace {

constexpr std::uint64_t kMaxReport = 64u << 20;

nlohmann::json read_json(const std::filesystem::path& path) {
    if (!std::filesystem::exists(path)) return {};
    const auto text = read_file(path, kMaxReport);
    if (is_nested_deeper(text)) return {};
    auto value = nlohmann::json::parse(text, nullptr, false);
    return value.is_discarded() ? nlohmann::json() : value;
}

QString member_text(const nlohmann::json& object, const char* key) {
    const auto it = object.find(key);
    return it != object.end() && it->is_string() ? QString::fromStdString(it->get<std::string>()) : QString();
}

std::optional<double> number(std::string_view text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size() && std::isfinite(value) ? std::optional(value) : std::nullopt;
}

// step,loss,held_out with a header line; empty fields between checks.
std::vector<CurvePoint> read_curve(const std::filesystem::path& path) {
    std::vector<CurvePoint> curve;
    if (!std::filesystem::exists(path)) return curve;
    std::istringstream in(read_file(path, kMaxReport));
    std::string line;
    while (std::getline(in, line)) {
        std::vector<std::string> fields;
        std::istringstream row(line);
        for (std::string field; std::getline(row, field, ',');) fields.push_back(field);
        const auto step = fields.empty() ? std::nullopt : number(fields[0]);
        if (!step) continue;
        curve.push_back({*step, fields.size() > 1 ? number(fields[1]) : std::nullopt, fields.size() > 2 ? number(fields[2]) : std::nullopt});
    }
    return curve;
}

// preview-0.png, preview-150.png …, by step.
std::vector<Preview> find_previews(const std::filesystem::path& folder) {
    std::vector<Preview> previews;
    std::error_code failed;
    for (std::filesystem::directory_iterator entry(folder, failed), end; !failed && entry != end; entry.increment(failed)) {
        const std::string stem = entry->path().stem().string();
        if (entry->path().extension() != ".png" || !stem.starts_with("preview-")) continue;
        if (const auto step = number(stem.substr(8)); step && *step >= 0 && *step < 1e9) previews.push_back({"adapt", static_cast<std::int64_t>(*step), {entry->path().string()}});
    }
    std::sort(previews.begin(), previews.end(), [](const Preview& a, const Preview& b) { return a.done < b.done; });
    return previews;
}

// A column of the profiles as text, whether it was stored as numbers or as strings.
QString text_at(const SpotData& data, const std::string& column, std::size_t row) {
    if (const auto it = data.labels.find(column); it != data.labels.end() && row < it->second.size()) return QString::fromStdString(it->second[row]);
    if (const auto it = data.obs.find(column); it != data.obs.end() && row < it->second.size() && std::isfinite(it->second[row]))
        return QString::number(it->second[row], 'g', 9);
    return {};
}

double number_at(const SpotData& data, const std::string& column, std::size_t row) {
    if (const auto it = data.obs.find(column); it != data.obs.end() && row < it->second.size()) return it->second[row];
    const QString text = text_at(data, column, row).toLower();
    if (text == "true") return 1;
    return text.toDouble();
}

// Made from the slide and the spots on show, at their present scale: the split that a result rests on names them. A map of another slide
// ("c2l predict --slide") rests on the split all the same.
bool is_of_shown(const Snapshot& snapshot, const Artifact& artifact) {
    const ProjectSpots* shown = snapshot.shown_spots();
    if (!shown) return true;
    const auto slide = std::find_if(snapshot.slides.begin(), snapshot.slides.end(), [&](const ProjectSlide& s) { return s.id == shown->slide; });
    const auto params = [](const Artifact& a) { return nlohmann::json::parse(a.provenance.params, nullptr, false); };
    const auto suits = [&](const Artifact& split) {
        const auto& inputs = split.provenance.inputs;
        if (slide == snapshot.slides.end() || inputs.size() != 2 || inputs[0] != slide->content_id || inputs[1] != shown->content_id) return false;
        const auto recorded = params(split);
        const nlohmann::json mpp = slide->mpp ? nlohmann::json(*slide->mpp) : nlohmann::json();
        return recorded.is_object() && recorded.value("mpp", nlohmann::json()) == mpp;
    };
    if (artifact.step == "split") return suits(artifact);
    if (artifact.step == "predict")
        if (const auto recorded = params(artifact); !recorded.is_object() || recorded.value("own_slide", nlohmann::json()) != true) return false;
    const auto& inputs = artifact.provenance.inputs;
    return std::none_of(snapshot.artifacts.begin(), snapshot.artifacts.end(), [&](const Artifact& split) {
        return split.step == "split" && std::find(inputs.begin(), inputs.end(), split.id) != inputs.end() && !suits(split);
    });
}

}  // namespace

const Artifact* Snapshot::newest(const std::string& step) const {
    const auto it = std::find_if(artifacts.begin(), artifacts.end(), [&](const Artifact& a) { return a.step == step && is_of_shown(*this, a); });
    return it == artifacts.end() ? nullptr : &*it;
}

const ProjectSpots* Snapshot::shown_spots() const {
    const ProjectSpots* shown = nullptr;
    for (const ProjectSlide& slide : slides) {
        for (const ProjectSpots& candidate : spots)
            if (candidate.slide == slide.id) shown = &candidate;
        if (shown) break;
    }
    return shown;
}

std::shared_ptr<const Snapshot> Snapshot::read(const std::filesystem::path& path) {
    const auto project = Project::open(path, Project::Mode::Read);
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->path = project->path();
    snapshot->pyramids = project->pyramids();
    snapshot->slides = project->slides();
    snapshot->spots = project->spots();
    snapshot->artifacts = project->artifacts();
    return snapshot;
}

std::shared_ptr<const SyntheticSet> SyntheticSet::read(const Artifact& artifact) {
    auto set = std::make_shared<SyntheticSet>();
    set->folder = artifact.folder;
    const auto report = read_json(artifact.folder / "report.json");
    if (report.is_object() && report.contains("tile_um") && report["tile_um"].is_number()) set->field_um = report["tile_um"];
    set->profiles = std::make_shared<SpotData>(read_h5ad(artifact.folder / "profiles.h5ad"));
    const SpotData& data = *set->profiles;
    set->tiles.resize(data.spots.size());
    for (std::size_t i = 0; i < set->tiles.size(); ++i) {
        SyntheticTile& tile = set->tiles[i];
        tile.png = QString::fromStdString((artifact.folder / "tiles").string()) + QString("/%1.png").arg(i, 6, 10, QLatin1Char('0'));
        tile.source = text_at(data, "source", i);
        tile.source2 = text_at(data, "source2", i);
        tile.share = number_at(data, "share", i);
        if (tile.source2 == tile.source || tile.share == 0) tile.source2.clear();
        tile.seed = text_at(data, "seed", i);
        tile.flagged = number_at(data, "flagged", i) != 0;
        tile.x = i < data.spots.x.size() ? data.spots.x[i] : 0;
        tile.y = i < data.spots.y.size() ? data.spots.y[i] : 0;
        set->flagged += tile.flagged;
    }
    return set;
}

std::vector<SyntheticSet::GeneValue> SyntheticSet::top_genes(std::size_t tile, std::size_t n) const {
    const ExpressionMatrix& e = profiles->expression;
    const auto genes = static_cast<std::size_t>(e.cols());
    std::vector<double> sum(genes), squares(genes);
    for (std::size_t k = 0; k < e.indices.size(); ++k) {
        sum[e.indices[k]] += e.values[k];
        squares[e.indices[k]] += double(e.values[k]) * e.values[k];
    }
    std::vector<float> own(genes);
    for (auto k = e.indptr[tile]; k < e.indptr[tile + 1]; ++k) own[e.indices[k]] = e.values[k];
    std::vector<GeneValue> all(genes);
    const double rows = std::max<double>(1, static_cast<double>(e.rows()));
    for (std::size_t g = 0; g < genes; ++g) {
        const double mean = sum[g] / rows;
        const double sd = std::sqrt(std::max(0.0, squares[g] / rows - mean * mean));
        all[g] = {QString::fromStdString(e.genes[g]), own[g], sd > 0 ? static_cast<float>((own[g] - mean) / sd) : 0.f};
    }
    n = std::min(n, all.size());
    std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(n), all.end(), [](const auto& a, const auto& b) { return a.z > b.z; });
    all.resize(n);
    return all;
}

std::shared_ptr<const Reports> Reports::read(const Snapshot& snapshot) {
    auto reports = std::make_shared<Reports>();
    const auto load = [&](const char* step, nlohmann::json& into) {
        if (const Artifact* a = snapshot.newest(step)) into = read_json(a->folder / "report.json");
    };
    load("evaluate", reports->evaluate);
    load("assess", reports->assess);
    load("fit", reports->fit);
    load("predict", reports->predict);
    load("adapt", reports->adapt);
    if (const Artifact* a = snapshot.newest("adapt")) {
        reports->curve = read_curve(a->folder / "curve.csv");
        reports->previews = find_previews(a->folder);
    }
    for (const char* step : {"split", "adapt", "yardstick", "latent_yardstick", "synthesize", "held_out_tiles", "follow", "other_section", "assess", "places", "synthetic_places", "augmented_places", "fit", "evaluate", "map_places", "predict"})
        if (const Artifact* a = snapshot.newest(step))
            reports->costs.push_back({QString::fromLatin1(step), a->seconds, static_cast<double>(a->peak_memory_bytes),
                                      QString::fromStdString(a->provenance.device), QString::fromStdString(a->created)});
    return reports;
}

nlohmann::json central_of(const nlohmann::json& record) {
    const auto it = record.find("central");  // end() of what is no object
    return it != record.end() && it->is_object() ? *it : nlohmann::json();
}

QString credits(const nlohmann::json& central) {
    if (!central.is_object()) return {};
    const QString name = member_text(central, "architecture"), licence = member_text(central, "licence"), attribution = member_text(central, "attribution");
    QString text = "Central model " + (name.isEmpty() ? QStringLiteral("of unknown architecture") : name);
    if (!licence.isEmpty()) text += " under " + licence;
    if (!attribution.isEmpty()) text += " (" + attribution + ")";
    return text;
}

QString central_name(const nlohmann::json& central) {
    if (!central.is_object()) return {};
    const QString name = member_text(central, "architecture"), licence = member_text(central, "licence");
    return (name.isEmpty() ? QObject::tr("a model of unknown architecture") : name) + ", " + (licence.isEmpty() ? QObject::tr("no licence stated") : licence);
}

bool is_simulated(const Snapshot& snapshot, const SpotData* data) {
    if (data && data->provenance_json.find("simulat") != std::string::npos) return true;
    return std::any_of(snapshot.slides.begin(), snapshot.slides.end(), [](const ProjectSlide& s) {
        return s.patient.find("simulated") != std::string::npos || s.path.filename().string().find("simulated") != std::string::npos;
    });
}

}  // namespace c2l::ui
