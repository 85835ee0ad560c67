#include "ui/small_project.h"

#include <QDir>
#include <QDirIterator>
#include <QImage>
#include <QPainter>
#include <cmath>

#include "base/file.h"
#include "base/hash.h"
#include "project/project.h"
#include "slide/pyramid.h"
#include "spatial/h5ad.h"

namespace c2l::test {
namespace {

constexpr double kMpp = 0.5;
const std::string kCentral = R"({"architecture":"c2l-central-tiny","licence":"CC BY 4.0","attribution":"Trained on images of Alder & Birch 2021"})";

QImage draw_slide() {
    QImage image(SmallProject::kSide, SmallProject::kSide, QImage::Format_RGB888);
    image.fill(QColor(245, 243, 246));
    QPainter p(&image);
    p.setRenderHint(QPainter::Antialiasing);
    p.setPen(Qt::NoPen);
    p.setBrush(QColor(226, 170, 200));
    p.drawEllipse(QPointF(1024, 1024), 950, 900);
    for (int i = 0; i < 4000; ++i) {
        const double angle = i * 2.399963, radius = 14.0 * std::sqrt(i);
        const QPointF at(1024 + radius * std::cos(angle), 1024 + radius * std::sin(angle));
        p.setBrush(QColor(90 + i % 40, 60, 130 + i % 50));
        p.drawEllipse(at, 4 + i % 4, 3 + i % 5);
    }
    return image;
}

SpotData grid_of(int side, double first, double pitch, const std::vector<std::string>& genes, const std::string& prefix) {
    SpotData d;
    Matrix values(side * side, static_cast<std::int64_t>(genes.size()));
    for (int r = 0; r < side; ++r)
        for (int c = 0; c < side; ++c) {
            const int i = r * side + c;
            d.spots.barcodes.push_back(prefix + std::to_string(c) + "x" + std::to_string(r));
            d.spots.x.push_back(first + pitch * c);
            d.spots.y.push_back(first + pitch * r);
            d.spots.array_row.push_back(r);
            d.spots.array_col.push_back(c);
            d.spots.in_tissue.push_back(1);
            for (std::size_t g = 0; g < genes.size(); ++g) values.at(i, static_cast<std::int64_t>(g)) = std::floor(static_cast<float>(g == 0 ? c * 8 : g == 1 ? r * 5 : (i * static_cast<int>(g) * 7) % 9));
        }
    d.spots.diameter_px = 200;
    d.expression = ExpressionMatrix::from_dense(values, genes, ExpressionUnit::Counts);
    return d;
}

void save(const std::filesystem::path& file, const SpotData& data, double diameter, const std::string& provenance = R"({"unit":"log1p_counts"})") {
    H5adContent content;
    content.data = &data;
    content.spot_diameter_fullres = diameter;
    content.provenance_json = provenance;
    write_h5ad(file, content);
}

void add(Project& project, const std::string& step, const std::function<void(const std::filesystem::path&)>& make, const std::string& params = "{}") {
    Provenance p;
    p.step = step;
    p.params = params;
    p.device = "cpu";
    project.obtain(p, make);
}

void write_tiles(const std::filesystem::path& folder, const SpotData& spots) {
    std::filesystem::create_directories(folder / "tiles");
    SpotData profiles;
    Matrix values(SmallProject::kTiles, 5);
    for (int i = 0; i < SmallProject::kTiles; ++i) {
        QImage tile(128, 128, QImage::Format_RGB888);
        tile.fill(QColor::fromHsv(300 + i * 3, 60 + i * 8, 210));
        QPainter p(&tile);
        p.setBrush(QColor(100, 60, 140));
        for (int k = 0; k < 12; ++k) p.drawEllipse(QPointF((k * 37 + i * 11) % 128, (k * 53) % 128), 5, 4);
        p.end();
        tile.save(QString::fromStdString((folder / "tiles").string()) + QString("/%1.png").arg(i, 6, 10, QLatin1Char('0')));
        const auto source = static_cast<std::size_t>(i * 3);
        profiles.spots.barcodes.push_back(std::to_string(i));
        profiles.spots.x.push_back(spots.spots.x[source]);
        profiles.spots.y.push_back(spots.spots.y[source]);
        profiles.spots.array_row.push_back(-1);
        profiles.spots.array_col.push_back(-1);
        profiles.spots.in_tissue.push_back(1);
        profiles.labels["source"].push_back(spots.spots.barcodes[source]);
        profiles.labels["source2"].push_back(spots.spots.barcodes[(source + 1) % SmallProject::kSpots]);
        profiles.labels["seed"].push_back("1234567890123456789" + std::to_string(i % 10));
        profiles.obs["share"].push_back(i % 2 ? 0.25f : 0.f);
        profiles.obs["flagged"].push_back(i == 4 ? 1.f : 0.f);
        for (int g = 0; g < 5; ++g) values.at(i, g) = static_cast<float>((i + g) % 4);
    }
    profiles.expression = ExpressionMatrix::from_dense(values, spots.expression.genes, ExpressionUnit::Log1p);
    save(folder / "profiles.h5ad", profiles, 100);
    write_file(folder / "report.json", R"({"tile_um":96})");
}

void write_map(const std::filesystem::path& folder, const std::vector<std::string>& genes) {
    SpotData map = grid_of(24, 250, 66, genes, "t");
    Matrix mean(24 * 24, static_cast<std::int64_t>(genes.size()));
    for (std::int64_t i = 0; i < mean.rows; ++i)
        for (std::int64_t g = 0; g < mean.cols; ++g)
            mean.at(i, g) = 2 + std::sin(static_cast<float>(i % 24) / (3.f + static_cast<float>(g))) + std::cos(static_cast<float>(i / 24) / 4.f);
    map.expression = ExpressionMatrix::from_dense(mean, genes, ExpressionUnit::Log1p);
    map.layers["predicted"] = mean;
    map.layers["lower"] = map.layers["upper"] = mean;
    map.obs["in_distribution"] = std::vector<float>(24 * 24, 0.9f);
    save(folder / "map.h5ad", map, 66, R"({"id":"0a1b","unit":"log1p_counts","central":)" + kCentral + "}");
}

void add_results(Project& project, const SpotData& spots) {
    const auto& genes = spots.expression.genes;
    add(project, "adapt", [](const auto& f) {
        std::string csv = "step,loss,held_out\n";
        for (int i = 1; i <= 50; ++i) csv += std::to_string(i * 10) + "," + std::to_string(0.4 + 0.5 / i) + "," + (i % 5 ? "" : std::to_string(0.45 + 0.5 / i)) + "\n";
        write_file(f / "curve.csv", csv);
        write_file(f / "report.json", R"({"best_step":400,"central":)" + kCentral + "}");
    });
    add(project, "synthesize", [&](const auto& f) { write_tiles(f, spots); });
    add(project, "assess", [](const auto& f) {
        write_file(f / "report.json", R"({"encoder":"tiny","n":12,"n_real":400,"n_floor":11,"frechet":{"value":12.1,"lower":10.2,"upper":14.8,"floor":2.2},
            "kid":{"value":0.031,"lower":0.02,"upper":0.04,"floor":0.001},"precision":0.71,"recall":0.64,"density":0.9,"coverage":0.8,"gate":{"tiles":12,"flagged":1,"flagged_by_encoder":0,"flagged_by_latents":1},"copies_fraction":0.083,"training_tiles_flagged":0.061,
            "floor_training_tiles":{"n":26,"kid":0.012},"floor_other_section":null,
            "follows_genes":{"spots":10,"round_trip":{"value":0.21,"lower":0.12,"upper":0.29,"p":0.0005,"shuffled":{"value":0.001,"lower":-0.08,"upper":0.09},
                "real":{"value":0.33,"lower":0.25,"upper":0.4}},"retrieval":{"mean_rank":{"value":0.37,"lower":0.3,"upper":0.44,"p":0.002,"shuffled":{"value":0.5,"lower":0.4,"upper":0.6}}}},
            "outside":{"encoder":"SqueezeNet 1.0","n":10,"n_real":390,"n_floor":9,"frechet":{"value":6700,"lower":6100,"upper":7300,"floor":2200},
                "precision":0.58,"recall":0.47,"density":1.13,"coverage":0.77,"follows_genes":{"skipped":"too few spots"}},
            "composition":{"nuclear_density_per_mm2":{"value":400,"lower":210,"upper":610,"floor":90,"mean_real":5200,"mean_synthetic":4900}},"central":)" + kCentral + "}");
    });
    add(project, "evaluate", [](const auto& f) {
        write_file(f / "report.json", R"({"genes":50,"spots_train":26,"spots_test":10,"synthetic_weight":0.25,
            "pearson":{"mean":0.391,"lower":0.34,"upper":0.44,"median":0.38},"pearson_real_only":{"mean":0.372,"lower":0.32,"upper":0.42,"median":0.36},
            "pearson_with_synthetic":{"mean":0.391,"lower":0.34,"upper":0.44,"median":0.38},"further":{"pearson_pooled":0.44,"rmse":0.61,"morans_i_difference":0.127,"interval_coverage":0.912},"further_real_only":{"pearson_pooled":0.43,"rmse":0.62,"morans_i_difference":0.131},"delta":{"mean":0.019,"lower":-0.004,"upper":0.041},
            "controls":{"shuffled_genes":{"pearson":{"mean":0.365,"lower":0.31,"upper":0.42},"delta":{"mean":-0.007,"lower":-0.02,"upper":0.01}},
                "augmented":{"pearson":{"mean":0.376,"lower":0.33,"upper":0.43},"delta":{"mean":0.004,"lower":-0.01,"upper":0.02}},
                "mixed_spots":{"pearson":{"mean":0.374,"lower":0.32,"upper":0.42},"delta":{"mean":0.002,"lower":-0.01,"upper":0.01}},
                "more_spots":{"spots":24,"pearson":{"mean":0.433,"lower":0.38,"upper":0.48},"delta":{"mean":0.061,"lower":0.03,"upper":0.09}}},
            "pearson_depth_partial":{"mean":0.214,"lower":0.16,"upper":0.27,"median":0.2},"pearson_shuffled":{"mean":-0.003,"lower":-0.05,"upper":0.05,"median":0.0}})");
    });
    add(project, "predict", [&](const auto& f) { write_map(f, {genes[0], genes[1], genes[2]}); }, R"({"own_slide":true})");
}

}  // namespace

SmallProject make_small_project(const QString& folder, bool results) {
    QDir().mkpath(folder);
    SmallProject made{folder, folder + "/section.c2l", folder + "/section.tiff", folder + "/section.h5ad"};
    const QImage image = draw_slide();
    const std::filesystem::path slide = made.slide.toStdString(), spots = made.spots.toStdString();
    write_pyramid(slide, image.width(), image.height(), kMpp,
                  [&](std::int64_t row, int rows, std::uint8_t* rgb) {
                      for (int r = 0; r < rows; ++r) std::copy_n(image.constScanLine(static_cast<int>(row) + r), image.width() * 3, rgb + static_cast<std::ptrdiff_t>(r) * image.width() * 3);
                  },
                  {});
    const SpotData data = grid_of(6, 274, 300, {"ERBB2", "CD3E", "KRT8", "COL1A1", "MS4A1"}, "");
    save(spots, data, 200);
    const auto project = Project::create(made.project.toStdString());
    ProjectSlide s;
    s.path = slide;
    s.content_id = sha256_file(slide);
    s.patient = "C";
    const auto id = project->add_slide(s);
    ProjectSpots p;
    p.slide = id;
    p.spots = spots;
    p.content_id = sha256_file(spots);
    p.format = "h5ad";
    project->add_spots(p);
    if (results) add_results(*project, data);
    return made;
}

std::vector<std::string> tiles_of(const SmallProject& project) {
    QStringList found;
    for (QDirIterator files(project.folder, {"00000?.png"}, QDir::Files, QDirIterator::Subdirectories); files.hasNext();) found << files.next();
    found.sort();
    std::vector<std::string> paths;
    for (const QString& path : found.mid(0, 8)) paths.push_back(path.toStdString());
    return paths;
}

}  // namespace c2l::test
