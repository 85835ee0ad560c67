#include "screenshot.h"

#include <QCoreApplication>
#include <QPixmap>
#include <cstdio>

#include "ui/mainwindow/main_window.h"
#include "ui/mainwindow/view_picture.h"

namespace c2l::ui {

Screenshot::Screenshot(MainWindow* window, QString file, QString tab, What what)
    : QObject(window), window_(window), file_(std::move(file)), tab_(std::move(tab)), what_(what) {
    connect(&timer_, &QTimer::timeout, this, &Screenshot::look);
    timer_.start(100);
}

// Quiet three times in a row: between two reads there is a moment without either.
void Screenshot::look() {
    waited_ms_ += timer_.interval();
    quiet_ = window_->isQuiet() ? quiet_ + 1 : 0;
    if (quiet_ == 3 && !tab_.isEmpty()) {  // the overview of the slide is there by now
        window_->setTab(tab_);
        tab_.clear();
        quiet_ = 0;
        return;
    }
    if (quiet_ < 6 && waited_ms_ < kPatienceMs) return;
    timer_.stop();
    save();
}

void Screenshot::save() {
    if (what_ == What::View) {
        connect(window_->picture(), &ViewPicture::saved, this, [] { QCoreApplication::exit(0); });
        connect(window_->picture(), &ViewPicture::failed, this, [](const QString& why) {
            std::fprintf(stderr, "c2l-studio: %s\n", qPrintable(why));
            QCoreApplication::exit(1);
        });
        return window_->picture()->save(file_);
    }
    const bool saved = window_->grab().save(file_, "png");
    if (!saved) std::fprintf(stderr, "%s: the picture could not be written; choose another place\n", qPrintable(file_));
    QCoreApplication::exit(saved ? 0 : 1);
}

}  // namespace c2l::ui
