// What is drawn over the slide: which gene, measured or predicted, and how it is coloured.
#pragma once

#include <QStringList>
#include <QWidget>

#include "ui/document/document.h"
#include "ui/overlay/colour_map.h"

class QCheckBox;
class QComboBox;
class QCompleter;
class QDoubleSpinBox;
class QFormLayout;
class QLabel;
class QLineEdit;
class QPushButton;
class QSlider;

namespace c2l {
class ColourBar;
}

namespace c2l::ui {

struct ExpressionSettings {
    QString gene;
    bool predicted = false;
    MeasuredUnit unit = MeasuredUnit::Log1pCounts;
    bool fixed_limits = false;    // low and high are values, else percentiles
    double low = 1, high = 99;
    ColourMapId colours = ColourMapId::Viridis;
    bool log = false, zero_transparent = false;
    double opacity = 0.8, spot_size = 1;
    bool shown = true;
    bool abstain = true;          // fades map cells unlike anything trained on
};

// What a gene looks like now, for the colour bar and the line of figures below it.
struct ExpressionShown {
    bool any = false;
    ColourScale scale;
    QString title, unit, figures;
};

class ExpressionPanel : public QWidget {
    Q_OBJECT
public:
    explicit ExpressionPanel(QWidget* parent = nullptr);

    void setGenes(const QStringList& measured, const QStringList& predicted);
    bool setGene(const QString& gene);        // false when it is not among the genes
    void setPredicted(bool on);
    void setBoth(bool on);  // measured and predicted are shown together: a gene of either will do
    const ExpressionSettings& settings() const { return settings_; }
    void showExpression(const ExpressionShown& shown);  // the colour bar
    void setShown(bool on);
    void focusSearch();
    QLineEdit* search() const { return search_; }
    QPushButton* predictedButton() const { return predicted_; }

Q_SIGNALS:
    void changed();

private:
    QWidget* makeSource();
    void makeColours(QFormLayout* form);
    void makeAppearance(QFormLayout* form);
    QSlider* makeSlider(QFormLayout* form, const QString& label, int low, int high, int value, const QString& tip, const QString& unit);
    void take();
    void takeGene(const QString& text);
    void useGenes();
    QStringList genes() const;  // that can be shown now
    void limitModeChanged();

    ExpressionSettings settings_;
    QStringList measured_genes_, predicted_genes_;
    bool both_ = false;
    QLineEdit* search_;
    QCompleter* completer_ = nullptr;
    QPushButton *measured_, *predicted_;
    QComboBox *unit_, *map_, *limits_;
    QDoubleSpinBox *low_, *high_;
    QCheckBox *log_, *zero_, *shown_, *abstain_;
    QSlider *opacity_, *size_;
    QLabel *message_, *figures_;
    ColourBar* bar_ = nullptr;
};

}  // namespace c2l::ui
