// The gene dial: a spot, a gene of the adapted generator, a value of that gene, and what the tissue looks like then: the real tile, the tile of the spot's own genes,
// the tile with the gene turned (from the same seed), and their difference.
//
// Tiles come from a worker of its own, one at a time, only while the dial is on screen. What is asked next is decided when the last answer has come, so that
// the newest setting wins and a moving slider shows tiles on its way.
#pragma once

#include <QElapsedTimer>
#include <QImage>
#include <QThreadPool>
#include <QTimer>
#include <QWidget>
#include <nlohmann/json.hpp>

class QCheckBox;
class QComboBox;
class QLabel;
class QSlider;
class QSpinBox;
class QStackedWidget;

namespace c2l::ui {

class Document;
class WorkerClient;

class GeneDial : public QWidget {
    Q_OBJECT
public:
    static constexpr int kSettleMs = 120;  // a slider that moves is asked about once it rests, or when the last answer has come

    GeneDial(Document* document, WorkerClient* worker, QWidget* parent = nullptr);  // takes the worker
    ~GeneDial() override;

    void setSpot(const QString& barcode);
    void setGene(const QString& gene);
    void setValue(double sd);
    void setCentral(const QString& path);  // the model that the generator was adapted from; empty: the shipped one
    void setCompanions(bool on);  // genes that go along with the turned one move with it
    QString spot() const;
    QString gene() const;
    double value() const;  // standard deviations from the mean of the training spots
    QString message() const;
    const QImage& real() const { return real_; }
    const QImage& own() const { return own_; }
    const QImage& turned() const { return turned_; }
    bool isQuiet() const;  // shows what it is set to, or why it cannot
    int requests() const { return requests_; }

protected:
    void showEvent(QShowEvent* event) override;

private:
    QWidget* makeControls();
    QWidget* makeTiles();
    void sourcesChanged();
    void changed();
    void step();
    nlohmann::json wanted() const;  // the next request; null when all is there
    nlohmann::json request(bool turned) const;
    bool asksForThis() const;  // what is on its way
    void take(const nlohmann::json& result);
    void refuse(const QString& text);
    void fill(const nlohmann::json& result);
    void readReal();
    void showTiles();
    void say(const QString& text, bool warning = false);

    Document* document_;
    WorkerClient* worker_;
    QStackedWidget* stack_;
    QComboBox *spot_, *gene_;
    QSpinBox* seed_;
    QCheckBox* companions_;
    QSlider* slider_;
    QLabel *value_, *message_, *turned_title_, *difference_title_;
    QLabel *real_view_, *own_view_, *turned_view_, *difference_view_;
    QTimer settle_;
    QElapsedTimer clock_;
    QThreadPool pool_;
    QString project_, adapter_, asked_adapter_, wanted_spot_, central_;
    nlohmann::json asked_, own_for_, turned_for_, failed_for_;  // requests: on its way, and what the images answer
    QImage real_, own_, turned_;
    double field_um_ = 0;
    int reading_ = 0, generation_ = 0, requests_ = 0;
};

// Grey levels by which two images of one size differ, coloured from black for none to the brightest for the largest, which is told; never fewer than
// kLeastScale for the brightest, so that rounding does not look like an effect.
constexpr int kLeastScale = 10;
QImage difference_image(const QImage& a, const QImage& b, int& largest);

}  // namespace c2l::ui
