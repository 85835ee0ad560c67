// What the window works on: one project (or, before there is one, a bare slide) and what has been read of it so far.
//
// Lives on the GUI thread. Nothing here blocks: files are read on two background threads, values come back by signal, and
// are immutable from then on. Spot data, maps and profiles share one thread because the HDF5 library is not thread-safe.
#pragma once

#include <QObject>
#include <QString>
#include <QStringList>
#include <QThreadPool>
#include <functional>
#include <memory>
#include <stop_token>
#include <vector>

#include "base/issue.h"
#include "slide/slide.h"
#include "spatial/spots.h"
#include "ui/document/dropped.h"
#include "ui/document/results.h"

namespace c2l::ui {

enum class MeasuredUnit { Log1pCounts, Log1pCp10k, Counts };
QString to_text(MeasuredUnit unit);  // "log(1 + counts)", …

class Document : public QObject {
    Q_OBJECT
public:
    explicit Document(QObject* parent = nullptr);
    ~Document() override;  // asks running reads to stop and waits for them

    void open(const QString& project);     // returns at once; projectChanged, then the others as they are read
    void open_slide(const QString& path);  // a slide without a project, to look at
    void refresh();                        // reads again what a finished step may have changed
    void close();

    // Recognises dropped files in the background and hands the result to `done` on the GUI thread.
    void recognise(const QStringList& paths, std::function<void(const ImportGuess&)> done);

    bool has_project() const { return snapshot_ != nullptr; }
    QString project_path() const;
    const std::shared_ptr<const Snapshot>& snapshot() const { return snapshot_; }
    const std::shared_ptr<const Slide>& slide() const { return slide_; }
    const std::shared_ptr<const SpotData>& spots() const { return spots_; }
    const std::shared_ptr<const SpotData>& map() const { return map_; }
    const std::shared_ptr<const SyntheticSet>& synthetic() const { return synthetic_; }
    const std::shared_ptr<const Reports>& reports() const { return reports_; }
    bool simulated() const;
    double mpp() const;               // µm per level-0 pixel; 0 unknown
    double spot_diameter_px() const;  // level-0 pixels; 0 when there are no spots
    double spot_pitch_px() const { return pitch_px_; }  // between neighbours, level-0 pixels; 0 when unknown
    double map_cell_px() const;       // side of a map cell, level-0 pixels
    std::vector<Issue> issues() const;
    QString busy() const;  // what is being read, one phrase; empty when idle

    QStringList measured_genes() const;
    QStringList predicted_genes() const;
    // Both return at once what may be called from any thread, also when the document shows something else by then: one value per spot in
    // that unit (values that are no counts are handed on as they are), one per map cell in the map's own; empty when the gene is not there.
    // 600,000 bins take some 50 ms.
    std::function<std::vector<float>()> measured(const QString& gene, MeasuredUnit unit) const;
    std::function<std::vector<float>()> predicted_later(const QString& gene) const;
    QString map_unit() const;  // of predicted values, for people
    std::vector<float> predicted(const QString& gene) const;  // one value per map cell, in the map's own unit
    // A layer of the map ("lower", "upper") at one cell; none when the map has no such layer or gene.
    std::optional<float> predicted_at(const QString& gene, const std::string& layer, std::size_t cell) const;
    // A gene worth showing first: the most variable one, predicted if there is a map.
    QString suggested_gene() const { return map_ ? map_gene_ : spots_gene_; }
    std::vector<float> in_distribution() const;  // per map cell, 0 … 1; empty when the map has none

Q_SIGNALS:
    void projectChanged();
    void slideChanged();
    void spotsChanged();
    void mapChanged();
    void syntheticChanged();
    void reportsChanged();
    void busyChanged();
    void failed(const QString& message);

private:
    template <class Work, class Take>
    void read(QThreadPool& pool, const QString& what, Work work, Take take);
    void adopt(std::shared_ptr<const Snapshot> snapshot);
    void load_slide(const std::filesystem::path& path, const OpenOptions& options);
    void load_spots(const ProjectSpots& spots);
    void load_results();
    void drop_results();
    void clear();
    JobContext context();

    QThreadPool slide_pool_, data_pool_;  // one thread each
    std::stop_source stop_;
    int generation_ = 0;  // of the open project; outcomes of an earlier one are dropped
    QStringList reading_;

    std::shared_ptr<const Snapshot> snapshot_;
    std::shared_ptr<const Slide> slide_;
    std::shared_ptr<const SpotData> spots_, map_;
    std::shared_ptr<const SyntheticSet> synthetic_;
    std::shared_ptr<const Reports> reports_;
    std::shared_ptr<const std::vector<float>> depth_;  // total counts per spot
    double pitch_px_ = 0, map_pitch_px_ = 0;
    QString spots_gene_, map_gene_;
    std::string slide_key_, spots_key_, map_id_, synthetic_id_;  // what is loaded or being loaded
};

}  // namespace c2l::ui
