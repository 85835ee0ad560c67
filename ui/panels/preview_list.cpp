#include "ui/panels/preview_list.h"

#include <QPainter>
#include <QScrollBar>
#include <algorithm>
#include <vector>

#include "ui/document/background.h"
#include "ui/document/field_image.h"
#include "ui/panels/theme.h"

namespace c2l::ui {
namespace {

enum Role { StepRole = Qt::UserRole, DoneRole };
constexpr int kGap = 4;                          // between tiles, pixels of the kept picture
constexpr QSize kMostPixels(17000, 2200);        // of a file: eight tiles of 2048 px in a row
constexpr const char* kTileStep = "synthesize";  // its previews are finished tiles, each of another spot, rather than the same spots anew

// Of one height, whatever the file.
QImage read_tiles(const QString& path) {
    QString problem;
    const QImage image = read_png(path, problem, kMostPixels);
    return image.height() > PreviewList::kTilePx ? image.scaledToHeight(PreviewList::kTilePx, Qt::SmoothTransformation) : image;
}

// One file is a sheet of all tiles; of several, each is one tile.
QImage read_row(const std::vector<std::string>& paths) {
    if (paths.size() == 1) return read_tiles(QString::fromStdString(paths.front()));
    std::vector<QImage> tiles;
    for (std::size_t i = 0; i < std::min<std::size_t>(paths.size(), PreviewList::kTiles); ++i)
        if (QImage tile = read_tiles(QString::fromStdString(paths[i])); !tile.isNull()) tiles.push_back(std::move(tile));
    if (tiles.empty()) return {};
    int width = -kGap, height = 0;
    for (const QImage& tile : tiles) width += tile.width() + kGap, height = std::max(height, tile.height());
    QImage row(width, height, QImage::Format_RGB32);
    row.fill(Qt::white);
    QPainter painter(&row);
    int left = 0;
    for (const QImage& tile : tiles) {
        painter.drawImage(left, 0, tile);
        left += tile.width() + kGap;
    }
    return row;
}

QString row_text(const Preview& preview) {
    return preview.step == kTileStep ? counted(preview.done, QObject::tr("tile"), QObject::tr("tiles")) : QObject::tr("step %L1").arg(preview.done);
}

}  // namespace

PreviewList::PreviewList(QWidget* parent) : QListWidget(parent) {
    pool_.setMaxThreadCount(1);
    setObjectName("previews");
    setAccessibleName(tr("Previews by step"));
    setToolTip(tr("Synthetic tiles on the way, not real tissue: drawn from the profiles of up to eight of the training spots that decide when to stop, at a fixed seed,\n"
                  "so that what changes from step to step was learnt. Step 0: the central model, before it has seen this section.\n"
                  "While synthetic tiles are made: the newest of them."));
    setSelectionMode(QAbstractItemView::NoSelection);
    setEditTriggers(QAbstractItemView::NoEditTriggers);
    setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setFrameShape(QFrame::NoFrame);
    setSpacing(grid(1) / 2);
}

PreviewList::~PreviewList() {
    pool_.clear();
    pool_.waitForDone();
}

QSize PreviewList::sizeHint() const { return {grid(110), grid(40)}; }
QSize PreviewList::minimumSizeHint() const { return {grid(40), grid(20)}; }

// Eight tiles in a row beside their step. The room of the scroll bar is left free always: whether it is needed depends on the size chosen here.
void PreviewList::resizeEvent(QResizeEvent* event) {
    QListWidget::resizeEvent(event);
    const int text = fontMetrics().horizontalAdvance(tr("step %L1").arg(10'000)) + grid(5);
    const int wide = std::max(grid(16), width() - verticalScrollBar()->sizeHint().width() - text);
    setIconSize({wide, std::min(wide / kTiles, kTilePx)});
}

void PreviewList::forget() {
    ++generation_;
    clear();
    Q_EMIT changed();
}

void PreviewList::add(const Preview& preview) {
    if (preview.paths.empty()) return;
    ++reading_;
    run_in_background(pool_, this, [paths = preview.paths] { return read_row(paths); }, [this, preview, generation = generation_](Outcome<QImage> outcome) {
        --reading_;
        if (outcome && !outcome.value->isNull() && generation == generation_) take(preview, *outcome.value);
    });
}

// A training that begins again draws its steps anew. Of finished tiles the newest are enough.
void PreviewList::dropOutdated(const Preview& preview) {
    for (int i = count() - 1; i >= 0; --i) {
        const bool same = item(i)->data(StepRole).toString().toStdString() == preview.step;
        if (same && (preview.step == kTileStep || item(i)->data(DoneRole).toLongLong() >= preview.done)) delete takeItem(i);
    }
}

void PreviewList::take(const Preview& preview, const QImage& tiles) {
    dropOutdated(preview);
    auto* row = new QListWidgetItem(QIcon(QPixmap::fromImage(tiles)), row_text(preview));
    row->setData(StepRole, QString::fromStdString(preview.step));
    row->setData(DoneRole, static_cast<qlonglong>(preview.done));
    row->setFlags(Qt::ItemIsEnabled);
    row->setToolTip(toolTip());
    const auto rows_on_top = [this] { return count() > 0 && item(0)->data(DoneRole).toLongLong() == 0 ? 1 : 0; };
    insertItem(preview.done == 0 ? 0 : rows_on_top(), row);
    while (count() > rows_on_top() + kKept) delete takeItem(count() - 1);
    Q_EMIT changed();
}

}  // namespace c2l::ui
