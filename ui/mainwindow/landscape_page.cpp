#include "ui/mainwindow/landscape_page.h"

#include <QCheckBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QSlider>
#include <QStackedWidget>

#include "ui/document/document.h"
#include "ui/landscape/landscape_view.h"
#include "ui/mainwindow/slide_page.h"
#include "ui/panels/theme.h"

namespace c2l::ui {

LandscapePage::LandscapePage(Document* document, SlidePage* slide, QWidget* parent)
    : QWidget(parent), document_(document), slide_(slide), view_(new LandscapeView), stack_(new QStackedWidget), empty_(new QLabel) {
    tissue_ = new QCheckBox(tr("Tissue over the surface"));
    tissue_->setToolTip(tr("Drapes the slide over the surface instead of the colours"));
    height_ = new QSlider(Qt::Horizontal);
    height_->setRange(10, 300);
    height_->setValue(100);
    height_->setFixedWidth(grid(36));
    height_->setToolTip(tr("Height of the surface (%); at 100 % the upper limit stands a fifth of the map's width above the lower one"));
    auto* reset = new QPushButton(icon("fit-to-window"), tr("Reset view"));
    reset->setToolTip(tr("Looks at the whole surface again"));
    auto* bar = new QHBoxLayout;
    bar->setContentsMargins(grid(3), grid(2), grid(3), grid(2));
    bar->setSpacing(grid(3));
    bar->addWidget(tissue_);
    bar->addStretch(1);
    bar->addWidget(new QLabel(tr("Height")));
    bar->addWidget(height_);
    bar->addWidget(reset);
    auto* scene = new QWidget;
    auto* column = new QVBoxLayout(scene);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addLayout(bar);
    column->addWidget(view_, 1);
    empty_->setAlignment(Qt::AlignCenter);
    empty_->setWordWrap(true);
    empty_->setForegroundRole(QPalette::PlaceholderText);
    empty_->setMargin(grid(12));
    stack_->addWidget(empty_);
    stack_->addWidget(scene);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(stack_);

    connect(tissue_, &QCheckBox::toggled, view_, &LandscapeView::setTissueShown);
    connect(height_, &QSlider::valueChanged, view_, [this](int percent) { view_->setExaggeration(percent / 100.0); });
    connect(reset, &QPushButton::clicked, view_, &LandscapeView::resetCamera);
}

void LandscapePage::showExpression(const ExpressionSettings& settings) {
    settings_ = settings;
    refresh();
}

void LandscapePage::refresh() {
    stale_ = true;
    if (isVisible()) render();
}

void LandscapePage::showEvent(QShowEvent* event) {
    QWidget::showEvent(event);
    if (stale_) render();
}

void LandscapePage::render() {
    stale_ = false;
    const auto values = document_->predicted(settings_.gene);
    if (values.empty()) {
        empty_->setText(!document_->map()        ? tr("No predicted map yet. Press Run in the Job panel; the map of a searched gene appears here as a landscape.")
                        : settings_.gene.isEmpty() ? tr("Search a gene in the Gene panel to see it as a landscape.")
                                                   : tr("%1 is not in the predicted map; search one of its %2.").arg(settings_.gene, counted(document_->map()->expression.cols(), tr("gene"), tr("genes"))));
        stack_->setCurrentIndex(0);
        return;
    }
    const ColourScale scale = scale_for(values, settings_);
    const double mpp = document_->mpp();
    const auto loader = slide_->view()->loader();
    if (loader && loader->overview().isNull())  // still being read: draw again with the tissue when it is there
        connect(loader.get(), &TileLoader::overviewReady, this, &LandscapePage::refresh, Qt::UniqueConnection);
    if (loader && document_->slide() && !loader->overview().isNull())
        view_->setTissue(loader->overview(), static_cast<double>(document_->slide()->info().width), static_cast<double>(document_->slide()->info().height));
    else
        view_->setTissue({}, 0, 0);  // not that of another slide
    view_->setColours(settings_.colours, scale, settings_.gene, document_->map_unit());
    view_->setSurface(slide_->map()->grid(), values, mpp > 0 ? std::optional(mpp) : std::nullopt);
    stack_->setCurrentIndex(1);
}

}  // namespace c2l::ui
