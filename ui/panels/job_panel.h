// The main job: its few parameters, Run and Stop, how far it is, the loss curve, previews by step, and what it reported.
#pragma once

#include <QElapsedTimer>
#include <QWidget>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/issue.h"
#include "base/job.h"
#include "rpc/message.h"
#include "ui/document/results.h"

class QLabel;
class QPlainTextEdit;
class QProgressBar;
class QPushButton;
class QSpinBox;
class QTabBar;

namespace c2l::ui {

class CentralField;
class LossPlot;
class PreviewList;

class JobPanel : public QWidget {
    Q_OBJECT
public:
    explicit JobPanel(QWidget* parent = nullptr);

    void setProject(const QString& path, int spots);  // empty: nothing to run yet; spots: 0 unknown
    nlohmann::json params() const;                    // of the `run` request
    QString commandLine() const;                      // of the running job, else of the next Run

    void jobStarted(const QString& method, const nlohmann::json& params);
    void jobStopping();
    void jobEnded(const QString& message, bool good);
    void showProgress(const Progress& progress, const std::vector<rpc::LossPoint>& losses);
    void showPreview(const Preview& preview);
    void showCurve(const std::vector<CurvePoint>& curve);  // of a finished adaptation, unless a job runs
    void showPreviews(const std::vector<Preview>& previews);  // the same of its tiles by step
    void addIssue(const Issue& issue);
    void addLine(const QString& line);

    QPushButton *run, *stop;
    QSpinBox *spots, *steps, *tiles, *seed;
    CentralField* central;
    LossPlot* plot() const { return plot_; }
    PreviewList* previews() const { return previews_; }
    QString status() const;

Q_SIGNALS:
    void runRequested(const nlohmann::json& params);
    void stopRequested();

protected:
    void resizeEvent(QResizeEvent* event) override;

private:
    QWidget* makeForm();
    QWidget* makeProgress();
    QWidget* makeCharts();
    void arrange();  // loss curve and previews beside each other, or behind tabs where the panel is narrow
    void enable();
    void forgetJob();

    QString project_, method_;
    nlohmann::json running_;
    QElapsedTimer clock_;
    QProgressBar* bar_;
    QLabel *status_, *numbers_;
    QPushButton* copy_;
    QPlainTextEdit* log_;
    LossPlot* plot_;
    PreviewList* previews_;
    QTabBar* pages_;
    bool stopping_ = false, live_ = false;  // live: the plot shows what a job is or was doing
};

// "adapt" → "Adapting the generator": what a step does, for people.
QString step_text(const std::string& step);

}  // namespace c2l::ui
