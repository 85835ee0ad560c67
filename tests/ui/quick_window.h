// The program's window as a test shows it: 1280 × 800, with the worker that answers at once.
#pragma once

#include <memory>

#include "ui/jobs/worker_client.h"
#include "ui/mainwindow/main_window.h"

namespace c2l::test {

inline std::unique_ptr<ui::MainWindow> make_window() {
    auto window = std::make_unique<ui::MainWindow>(new ui::WorkerClient(QStringLiteral(C2L_BIN_DIR "/quick_worker"), {}));
    window->resize(1280, 800);
    window->show();
    return window;
}

}  // namespace c2l::test
