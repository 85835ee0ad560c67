// What a job draws on its way: a row of tiles for each step, what it began with on top and then the newest first, so that one sees the change.
//
// Files are read on a thread of its own. One that a worker has removed by then, or that is damaged, is left out without a word.
#pragma once

#include <QImage>
#include <QListWidget>
#include <QThreadPool>

#include "base/job.h"

namespace c2l::ui {

class PreviewList : public QListWidget {
    Q_OBJECT
public:
    static constexpr int kKept = 5;      // rows besides the first
    static constexpr int kTiles = 8;     // in a row
    static constexpr int kTilePx = 128;  // kept of a tile at most

    explicit PreviewList(QWidget* parent = nullptr);
    ~PreviewList() override;

    void add(const Preview& preview);  // returns at once
    void forget();                     // all of them, and those that are being read
    bool isQuiet() const { return reading_ == 0; }
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override;

Q_SIGNALS:
    void changed();  // rows came or went

protected:
    void resizeEvent(QResizeEvent* event) override;

private:
    void take(const Preview& preview, const QImage& tiles);
    void dropOutdated(const Preview& preview);

    QThreadPool pool_;
    int reading_ = 0, generation_ = 0;
};

}  // namespace c2l::ui
