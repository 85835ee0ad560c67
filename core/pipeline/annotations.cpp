#include "pipeline/annotations.h"

#include <cmath>
#include <map>

#include "annotation/read.h"
#include "annotation/spot_labels.h"
#include "base/error.h"
#include "base/hash.h"
#include "pipeline/import.h"
#include "pipeline/placement.h"
#include "pipeline/section.h"
#include "slide/slide.h"

namespace c2l {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr std::size_t kMostDiscs = 50'000;
constexpr double kShareOfPitch = 0.5;  // of the distance between spots, where nothing tells their diameter

double diameter_px(const Section& section, const SpotTable& spots) {
    if (spots.diameter_px) return *spots.diameter_px;
    std::optional<double> mpp = section.slide_record().mpp;
    if (!mpp && !section.slide_record().missing) mpp = probe_slide(section.slide_record().path).mpp;
    if (spots.diameter_um && mpp) return *spots.diameter_um / *mpp;
    return spots.pitch_px() * kShareOfPitch;
}

// An id that the same spot has in every export: QuPath replaces an object that it knows by its id.
std::string id_of(const std::string& barcode) {
    std::string id = sha256_hex("c2l spot " + barcode).substr(0, 32);
    id[12] = '8';  // UUID version 8: by a rule of our own (RFC 9562)
    id[16] = "89ab"[id[16] % 4];
    for (const std::size_t at : {20, 16, 12, 8}) id.insert(at, 1, '-');
    return id;
}

}  // namespace

json describe_annotations(const fs::path& file) {
    const AnnotationSet set = read_annotations(file);
    std::map<std::string, std::size_t> classes, geometries, types;
    std::size_t vertices = 0;
    std::optional<Box> box;
    for (const Annotation& a : set.annotations) {
        ++classes[a.classification ? a.classification->name : std::string()];
        ++geometries[std::string(to_string(a.geometry.type))];
        ++types[std::string(to_string(a.type))];
        vertices += a.geometry.vertices();
        if (a.geometry.empty()) continue;
        const Box b = bounds(a.geometry);
        box = box ? Box{std::min(box->left, b.left), std::min(box->top, b.top), std::max(box->right, b.right), std::max(box->bottom, b.bottom)} : b;
    }
    json issues = json::array();
    for (const Issue& issue : set.issues) issues.push_back(to_json(issue));
    return {{"kind", "annotations"}, {"format", set.format}, {"objects", set.annotations.size()}, {"vertices", vertices}, {"classes", classes}, {"geometries", geometries},
            {"types", types}, {"bounds", box ? json{box->left, box->top, box->right, box->bottom} : json(nullptr)}, {"issues", issues}};
}

json export_spots(Project& project, const json& params, const std::vector<std::string>& genes, const fs::path& to, const JobContext& ctx) {
    Section section(project, params, ctx);
    const SpotData data = read_spots(section.spots_record(), ctx);
    const SpotLabels labels = read_spot_labels(spot_labels_file(project.store()));
    std::vector<std::pair<std::string, std::vector<float>>> columns{{"Total", data.expression.row_sums()}};
    for (const std::string& gene : genes) {
        const std::int64_t column = data.expression.find_gene(gene);
        if (column < 0) throw Error(ErrorCode::NotFound, "has no gene '" + gene + "'; check its name", section.spots_record().spots);
        columns.emplace_back(data.expression.genes[static_cast<std::size_t>(column)], data.expression.column(column));
    }
    const double radius = diameter_px(section, data.spots) / 2;
    AnnotationSet set;
    set.annotations.reserve(data.spots.size());
    for (std::size_t i = 0; i < data.spots.size(); ++i) {
        const Point2 at{data.spots.x[i], data.spots.y[i]};
        Annotation spot;
        spot.id = id_of(data.spots.barcodes[i]);
        spot.type = ObjectType::Detection;
        spot.name = data.spots.barcodes[i];
        if (!(radius > 0)) spot.geometry = point_at(at);
        else if (data.spots.size() > kMostDiscs) spot.geometry = rectangle({at.x - radius, at.y - radius}, {at.x + radius, at.y + radius});
        else spot.geometry = circle(at, radius, 24);
        if (const auto label = labels.find(spot.name); label != labels.end()) spot.classification = label->second;
        for (const auto& [name, values] : columns) spot.measurements.push_back({name, values[i]});
        set.annotations.push_back(std::move(spot));
    }
    ctx.check_stop();
    write_geojson(to, set);
    return {{"what", "spots"}, {"file", to.string()}, {"spots", data.spots.size()}, {"labelled", labels.size()}};
}

}  // namespace c2l
