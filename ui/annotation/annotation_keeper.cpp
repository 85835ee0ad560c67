#include "ui/annotation/annotation_keeper.h"

#include <QFileInfo>

#include "annotation/placed_spots.h"
#include "annotation/read.h"
#include "annotation/spot_labels.h"
#include "ui/document/background.h"
#include "ui/panels/theme.h"

namespace c2l::ui {
namespace {

namespace fs = std::filesystem;

constexpr int kDelayMs = 1000;

struct Loaded {
    AnnotationSet set;
    SpotLabels labels;
    bool elsewhere = false;  // read from another place than where they are kept
};

AnnotationSet as_set(const AnnotationState& state) {
    AnnotationSet set;
    set.format = "geojson";
    set.source_json = state.collection_json;
    set.annotations.reserve(state.annotations.size());
    for (const AnnotationPtr& a : state.annotations) set.annotations.push_back(*a);
    return set;
}

void keep_backup(const fs::path& path) {
    std::error_code failed;
    if (fs::exists(path, failed)) fs::copy_file(path, path.string() + ".backup", fs::copy_options::overwrite_existing, failed);
}

// Nothing is written where there never was anything to write.
void save(const fs::path& annotations, const fs::path& labels, const AnnotationState& state, bool backup) {
    if (backup) keep_backup(annotations);
    std::error_code failed;
    if (!state.annotations.empty() || fs::exists(annotations, failed)) write_geojson(annotations, as_set(state));
    if (!labels.empty() && (!state.labels.empty() || fs::exists(labels, failed))) write_spot_labels(labels, state.labels);
}

QString issue_text(const Issue& issue) {
    const QString text = QString::fromStdString(issue.text);
    return issue.location.empty() ? text : QString::fromStdString(issue.location) + ": " + text;
}

}  // namespace

AnnotationKeeper::AnnotationKeeper(AnnotationStore* store, QObject* parent) : QObject(parent), store_(store) {
    pool_.setMaxThreadCount(1);
    timer_.setSingleShot(true);
    timer_.setInterval(kDelayMs);
    connect(&timer_, &QTimer::timeout, this, &AnnotationKeeper::saveNow);
    connect(store_, &AnnotationStore::changed, this, [this] {
        if (loading_ || annotations_.empty() || !readable_) return;
        dirty_ = true;
        timer_.start();
    });
}

AnnotationKeeper::~AnnotationKeeper() {
    saveNow();
    pool_.waitForDone();
}

template <class Work, class Done>
void AnnotationKeeper::run(Work work, Done done) {
    ++running_;
    run_in_background(pool_, this, std::move(work), [this, done = std::move(done)](auto outcome) {
        --running_;
        if (!outcome) Q_EMIT failed(outcome.error);
        done(std::move(outcome));
    });
}

void AnnotationKeeper::setPlace(const fs::path& annotations, const fs::path& labels, const fs::path& otherwise) {
    if (annotations == annotations_ && labels == labels_) return;
    saveNow();
    annotations_ = annotations;
    labels_ = labels;
    dirty_ = backed_up_ = false;
    readable_ = true;
    loading_ = true;
    store_->reset({}, {}, {});
    loading_ = false;
    const int generation = ++generation_;
    if (annotations_.empty()) return;
    loading_ = true;
    run(
        [annotations, labels, otherwise] {
            Loaded loaded;
            std::error_code none;
            loaded.elsewhere = !fs::exists(annotations, none) && !otherwise.empty() && fs::exists(otherwise, none);
            if (loaded.elsewhere) loaded.set = read_annotations(otherwise);
            else if (fs::exists(annotations, none)) loaded.set = read_annotations(annotations);
            if (!labels.empty()) loaded.labels = read_spot_labels(labels);
            return loaded;
        },
        [this, generation](Outcome<Loaded> outcome) {
            if (generation != generation_) return;
            readable_ = static_cast<bool>(outcome);
            if (!outcome) Q_EMIT said(outcome.error + ' ' + tr("(the annotations of this slide; what is drawn now is not kept until that file is moved away)"));
            // What was drawn while the file was being read stays, on top.
            std::vector<Annotation> drawn;
            for (const AnnotationPtr& a : store_->annotations()) drawn.push_back(*a);
            if (outcome) store_->reset(std::move(outcome.value->set.annotations), std::move(outcome.value->labels), std::move(outcome.value->set.source_json));
            loading_ = false;
            if (outcome) store_->add(std::move(drawn), tr("Draw"));
            if (outcome && outcome.value->elsewhere) {
                dirty_ = true;
                timer_.start();
            }
            Q_EMIT loaded();
        });
}

void AnnotationKeeper::saveNow() {
    timer_.stop();
    if (!dirty_ || annotations_.empty() || !readable_) return;
    dirty_ = false;
    const bool backup = !std::exchange(backed_up_, true);
    run([annotations = annotations_, labels = labels_, state = store_->shared(), backup] { return save(annotations, labels, *state, backup), true; },
        [this, generation = generation_](const Outcome<bool>& outcome) {
            if (!outcome && generation == generation_) dirty_ = true;  // with the next change, or when the window closes, it is tried again
        });
}

void AnnotationKeeper::importFile(const QString& path) {
    run([file = fs::path(path.toStdString())] { return read_annotations(file); },
        [this, path](Outcome<AnnotationSet> outcome) {
            if (!outcome) return;
            AnnotationSet& set = *outcome.value;
            QString text = tr("%1 imported from %2.").arg(counted(static_cast<qint64>(set.annotations.size()), tr("object"), tr("objects")), QFileInfo(path).fileName());
            if (!set.issues.empty()) text += ' ' + issue_text(set.issues.front());
            if (set.issues.size() > 1) text += tr(" (and %1 more)").arg(counted(static_cast<qint64>(set.issues.size() - 1), tr("finding"), tr("findings")));
            store_->add(std::move(set.annotations), tr("Import"));
            Q_EMIT said(text);
        });
}

void AnnotationKeeper::exportFile(const QString& path) {
    run([file = fs::path(path.toStdString()), state = store_->shared()] { return write_geojson(file, as_set(*state)), state->annotations.size(); },
        [this, path](const Outcome<std::size_t>& outcome) {
            if (outcome) Q_EMIT said(tr("%1 written to %2.").arg(counted(static_cast<qint64>(*outcome.value), tr("object"), tr("objects")), QFileInfo(path).fileName()));
        });
}

void AnnotationKeeper::exportPlacedSpots(const QString& positions, const QString& table) {
    const fs::path to = positions.toStdString(), from = table.toStdString();
    const fs::path values = to.parent_path() / (to.stem().string() + "-values.csv");
    run(
        [to, from, values, state = store_->shared()] {
            PlacedSpots spots = place_spots(as_set(*state).annotations);
            if (!from.empty()) spots = with_values(std::move(spots), from);
            write_placed_spots(spots, to, values);
            return spots;
        },
        [this, to, values](const Outcome<PlacedSpots>& outcome) {
            if (!outcome) return;
            const PlacedSpots& spots = *outcome.value;
            QString text = tr("%1 with %2 written to %3.").arg(counted(static_cast<qint64>(spots.size()), tr("spot"), tr("spots")),
                                                                counted(static_cast<qint64>(spots.columns.size()), tr("value"), tr("values")), QString::fromStdString(to.filename().string()));
            if (!spots.issues.empty()) text += ' ' + issue_text(spots.issues.front());
            Q_EMIT said(text);
            Q_EMIT placedSpotsWritten(QString::fromStdString(to.string()), spots.columns.empty() ? QString() : QString::fromStdString(values.string()));
        });
}

}  // namespace c2l::ui
