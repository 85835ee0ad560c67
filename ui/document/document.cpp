#include "ui/document/document.h"

#include <algorithm>
#include <cmath>

#include "spatial/h5ad.h"
#include "spatial/read.h"
#include "spatial/registration.h"
#include "ui/document/background.h"

namespace c2l::ui {

namespace {

// What is made of a table once, away from the window's thread: 600,000 bins take a second.
struct Examined {
    std::shared_ptr<const SpotData> data;
    std::shared_ptr<const std::vector<float>> depth;  // total per spot
    QString gene;                                     // the most variable one
    double pitch_px = 0;
};

QString most_variable_gene(const ExpressionMatrix& e) {
    if (e.cols() == 0 || e.rows() == 0) return {};
    std::vector<double> sum(e.genes.size()), squares(e.genes.size());
    for (std::size_t k = 0; k < e.values.size(); ++k) {
        const double v = e.unit == ExpressionUnit::Counts ? std::log1p(e.values[k]) : e.values[k];
        sum[static_cast<std::size_t>(e.indices[k])] += v;
        squares[static_cast<std::size_t>(e.indices[k])] += v * v;
    }
    const auto rows = static_cast<double>(e.rows());
    std::size_t best = 0;
    double most = -1;
    for (std::size_t g = 0; g < e.genes.size(); ++g) {
        const double mean = sum[g] / rows, variance = squares[g] / rows - mean * mean;
        if (variance > most) most = variance, best = g;
    }
    return QString::fromStdString(e.genes[best]);
}

Examined examine(SpotData data) {
    Examined out;
    out.depth = std::make_shared<const std::vector<float>>(data.expression.row_sums());
    out.pitch_px = data.spots.pitch_px();
    out.gene = most_variable_gene(data.expression);
    out.data = std::make_shared<const SpotData>(std::move(data));
    return out;
}

}  // namespace

Document::Document(QObject* parent) : QObject(parent) {
    slide_pool_.setMaxThreadCount(1);
    data_pool_.setMaxThreadCount(1);
}

Document::~Document() {
    stop_.request_stop();
    slide_pool_.waitForDone();
    data_pool_.waitForDone();
}

template <class Work, class Take>
void Document::read(QThreadPool& pool, const QString& what, Work work, Take take) {
    reading_ << what;
    Q_EMIT busyChanged();
    run_in_background(pool, this, std::move(work), [this, what, generation = generation_, take = std::move(take)](auto outcome) {
        if (generation != generation_) return;
        reading_.removeOne(what);
        if (outcome) take(std::move(*outcome.value));
        else if (!outcome.stopped) Q_EMIT failed(outcome.error);
        Q_EMIT busyChanged();
    });
}

JobContext Document::context() {
    JobContext ctx;
    ctx.stop = stop_.get_token();
    return ctx;
}

void Document::clear() {
    stop_.request_stop();
    stop_ = std::stop_source();
    ++generation_;
    reading_.clear();
    snapshot_.reset();
    slide_.reset();
    spots_.reset();
    map_.reset();
    synthetic_.reset();
    reports_.reset();
    depth_.reset();
    pitch_px_ = map_pitch_px_ = 0;
    spots_gene_.clear();
    map_gene_.clear();
    slide_key_ = spots_key_ = map_id_ = synthetic_id_ = {};
}

void Document::close() {
    clear();
    Q_EMIT projectChanged();
    Q_EMIT slideChanged();
    Q_EMIT spotsChanged();
    Q_EMIT mapChanged();
    Q_EMIT syntheticChanged();
    Q_EMIT reportsChanged();
    Q_EMIT busyChanged();
}

void Document::open(const QString& project) {
    close();
    const std::filesystem::path path = project.toStdString();
    read(data_pool_, tr("Opening project"), [path] { return Snapshot::read(path); },
         [this](std::shared_ptr<const Snapshot> s) { adopt(std::move(s)); });
}

void Document::open_slide(const QString& path) {
    close();
    load_slide(path.toStdString(), {});
}

void Document::refresh() {
    if (!snapshot_) return;
    const auto path = snapshot_->path;
    read(data_pool_, tr("Reading results"), [path] { return Snapshot::read(path); },
         [this](std::shared_ptr<const Snapshot> s) { adopt(std::move(s)); });
}

void Document::adopt(std::shared_ptr<const Snapshot> snapshot) {
    snapshot_ = std::move(snapshot);
    Q_EMIT projectChanged();
    const ProjectSpots* spots = snapshot_->shown_spots();
    // The section on show: the first slide that has spots, as the worker takes it.
    const auto on_show = std::find_if(snapshot_->slides.begin(), snapshot_->slides.end(),
                                      [&](const ProjectSlide& s) { return !spots || s.id == spots->slide; });
    if (on_show != snapshot_->slides.end() && !on_show->missing) {
        const ProjectSlide& s = *on_show;
        OpenOptions options;
        options.mpp = s.mpp;
        options.pyramid_cache = snapshot_->pyramids;
        if (!s.content_id.empty()) options.known_id = s.content_id;
        load_slide(s.path, options);
    }
    if (spots && !spots->missing) load_spots(*spots);
    load_results();
}

void Document::load_slide(const std::filesystem::path& path, const OpenOptions& options) {
    const std::string key = path.string() + "|" + std::to_string(options.mpp.value_or(0));
    if (key == slide_key_) return;
    slide_key_ = key;
    read(slide_pool_, tr("Opening slide"), [path, options, ctx = context()] { return Slide::open(path, options, ctx); },
         [this](std::shared_ptr<const Slide> slide) {
             slide_ = std::move(slide);
             Q_EMIT slideChanged();
         });
}

void Document::load_spots(const ProjectSpots& spots) {
    const std::string key = spots.content_id + "|" + spots.spots.string() + "|" + spots.counts.string();
    if (key == spots_key_) return;
    spots_key_ = key;
    const SpotSource source{spots.spots, spots.counts};
    const Registration registration = spots.registration ? Registration{*spots.registration} : Registration();
    const auto read_registered = [source, registration, ctx = context()] {
        SpotData data = read_spot_data(source, ctx);
        register_spots(data.spots, registration);
        return examine(std::move(data));
    };
    read(data_pool_, tr("Reading spots"), read_registered,
         [this](Examined spots) {
             spots_ = std::move(spots.data);
             depth_ = std::move(spots.depth);
             pitch_px_ = spots.pitch_px;
             spots_gene_ = std::move(spots.gene);
             Q_EMIT spotsChanged();
         });
}

// What was made before the spots were registered anew belongs to other positions.
void Document::drop_results() {
    if (map_ && !snapshot_->newest("predict")) {
        map_.reset();
        map_gene_.clear();
        map_id_.clear();
        Q_EMIT mapChanged();
    }
    if (synthetic_ && !snapshot_->newest("synthesize")) {
        synthetic_.reset();
        synthetic_id_.clear();
        Q_EMIT syntheticChanged();
    }
}

void Document::load_results() {
    drop_results();
    if (const Artifact* a = snapshot_->newest("synthesize"); a && a->id != synthetic_id_) {
        synthetic_id_ = a->id;
        read(data_pool_, tr("Reading tiles"), [artifact = *a] { return SyntheticSet::read(artifact); },
             [this](std::shared_ptr<const SyntheticSet> set) {
                 synthetic_ = std::move(set);
                 Q_EMIT syntheticChanged();
             });
    }
    if (const Artifact* a = snapshot_->newest("predict"); a && a->id != map_id_) {
        map_id_ = a->id;
        read(data_pool_, tr("Reading map"), [file = a->folder / "map.h5ad"] { return examine(read_h5ad(file)); },
             [this](Examined map) {
                 map_ = std::move(map.data);
                 map_gene_ = std::move(map.gene);
                 map_pitch_px_ = map.pitch_px;
                 Q_EMIT mapChanged();
             });
    }
    read(data_pool_, tr("Reading reports"), [snapshot = snapshot_] { return Reports::read(*snapshot); },
         [this](std::shared_ptr<const Reports> reports) {
             reports_ = std::move(reports);
             Q_EMIT reportsChanged();
         });
}

void Document::recognise(const QStringList& paths, std::function<void(const ImportGuess&)> done) {
    read(data_pool_, tr("Looking at files"), [paths] { return recognise_dropped(paths); },
         [done = std::move(done)](const ImportGuess& guess) { done(guess); });
}

QString Document::project_path() const { return snapshot_ ? QString::fromStdString(snapshot_->path.string()) : QString(); }

bool Document::simulated() const { return snapshot_ && is_simulated(*snapshot_, spots_.get()); }

double Document::mpp() const { return slide_ && slide_->info().mpp ? *slide_->info().mpp : 0; }

double Document::spot_diameter_px() const {
    if (!spots_ || spots_->spots.size() == 0) return 0;
    const SpotTable& t = spots_->spots;
    if (t.diameter_px) return *t.diameter_px;
    if (t.diameter_um && mpp() > 0) return *t.diameter_um / mpp();
    return pitch_px_ * 0.55;  // Visium's ratio of diameter to pitch, when the file is silent
}

double Document::map_cell_px() const { return map_pitch_px_; }

std::vector<Issue> Document::issues() const {
    std::vector<Issue> all;
    if (snapshot_) {
        for (const auto& s : snapshot_->slides)
            if (s.missing) all.push_back({Severity::Error, "The slide is not where it was; put it back or beside the project file", s.path.string()});
        for (const auto& s : snapshot_->spots)
            if (s.missing) all.push_back({Severity::Error, "The spot data are not where they were; put them back or beside the project file", s.spots.string()});
    }
    if (slide_) all.insert(all.end(), slide_->info().issues.begin(), slide_->info().issues.end());
    if (spots_) all.insert(all.end(), spots_->issues.begin(), spots_->issues.end());
    return all;
}

QString Document::busy() const { return reading_.isEmpty() ? QString() : reading_.front() + QStringLiteral(" …"); }

namespace {
QStringList names(const std::shared_ptr<const SpotData>& data) {
    QStringList list;
    if (!data) return list;
    list.reserve(static_cast<qsizetype>(data->expression.genes.size()));
    for (const auto& g : data->expression.genes) list << QString::fromStdString(g);
    list.sort(Qt::CaseInsensitive);
    return list;
}
}  // namespace

QStringList Document::measured_genes() const { return names(spots_); }
QStringList Document::predicted_genes() const { return names(map_); }

QString to_text(MeasuredUnit unit) {
    switch (unit) {
        case MeasuredUnit::Log1pCounts: return QStringLiteral("log(1 + counts)");
        case MeasuredUnit::Log1pCp10k: return QStringLiteral("log(1 + per 10,000)");
        case MeasuredUnit::Counts: return QStringLiteral("counts");
    }
    return {};
}

std::function<std::vector<float>()> Document::measured(const QString& gene, MeasuredUnit unit) const {
    return [data = spots_, depth = depth_, name = gene.toStdString(), unit]() -> std::vector<float> {
        if (!data) return {};
        const auto column = data->expression.find_gene(name);
        if (column < 0) return {};
        auto values = data->expression.column(column);
        if (data->expression.unit != ExpressionUnit::Counts || unit == MeasuredUnit::Counts) return values;
        for (std::size_t i = 0; i < values.size(); ++i)
            values[i] = unit == MeasuredUnit::Log1pCounts ? std::log1p(values[i]) : (*depth)[i] > 0 ? std::log1p(values[i] * 1e4f / (*depth)[i]) : 0.f;
        return values;
    };
}

QString Document::map_unit() const {
    if (!map_) return {};
    const auto& text = map_->provenance_json;
    if (text.find("log1p_cp10k") != std::string::npos) return to_text(MeasuredUnit::Log1pCp10k);
    if (text.find("log1p_counts") != std::string::npos) return to_text(MeasuredUnit::Log1pCounts);
    return map_->expression.unit == ExpressionUnit::AsGiven ? tr("as given") : QString::fromLatin1(c2l::to_string(map_->expression.unit));
}

std::function<std::vector<float>()> Document::predicted_later(const QString& gene) const {
    return [data = map_, name = gene.toStdString()]() -> std::vector<float> {
        const auto column = data ? data->expression.find_gene(name) : -1;
        return column < 0 ? std::vector<float>() : data->expression.column(column);
    };
}

std::vector<float> Document::predicted(const QString& gene) const { return predicted_later(gene)(); }

std::optional<float> Document::predicted_at(const QString& gene, const std::string& layer, std::size_t cell) const {
    if (!map_) return std::nullopt;
    const auto column = map_->expression.find_gene(gene.toStdString());
    const auto it = map_->layers.find(layer);
    if (column < 0 || it == map_->layers.end() || column >= it->second.cols || static_cast<std::int64_t>(cell) >= it->second.rows) return std::nullopt;
    return it->second.at(static_cast<std::int64_t>(cell), column);
}

std::vector<float> Document::in_distribution() const {
    if (!map_) return {};
    const auto it = map_->obs.find("in_distribution");
    return it == map_->obs.end() ? std::vector<float>() : it->second;
}

}  // namespace c2l::ui
