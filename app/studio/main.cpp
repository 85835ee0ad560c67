// The window. Long work is done by the `c2l` beside it.
#include <QApplication>
#include <QSettings>
#include <algorithm>
#include <cstdio>
#include <string_view>

#include "base/provenance.h"
#include "benchmark_view.h"
#include "options.h"
#include "screenshot.h"
#include "ui/landscape/landscape_view.h"
#include "ui/mainwindow/main_window.h"
#include "ui/mainwindow/stain_menu.h"
#include "ui/panels/theme.h"

int main(int argc, char** argv) {
    using namespace c2l::ui;
    // The benchmark is the same with and without a screen.
    if (std::any_of(argv, argv + argc, [](const char* a) { return std::string_view(a).substr(0, 11) == "--benchmark"; })) qputenv("QT_QPA_PLATFORM", "offscreen");
    c2l::prepare_landscape_format();
    QApplication app(argc, argv);
    QApplication::setOrganizationName("C2L");
    QApplication::setApplicationName("C2L Studio");
    QApplication::setApplicationVersion(c2l::program_version());
    const StudioOptions options = parse_options(QApplication::arguments());
    if (!options.error.isEmpty()) {
        std::fprintf(stderr, "c2l-studio: %s\n", qPrintable(options.error));
        return 2;
    }
    if (!options.benchmark.isEmpty()) return benchmark_view(options);
    apply_theme(app, theme_from(options.theme.isEmpty() ? QSettings().value("theme").toString() : options.theme));

    MainWindow window;
    if (options.size.isValid()) window.resize(options.size);
    window.show();
    if (!options.file.isEmpty()) window.open(options.file);
    if (!options.gene.isEmpty()) window.setGene(options.gene);
    if (options.side_by_side) window.setSideBySide(true);
    if (options.stain) window.stain()->setLook({*options.stain});
    if (!options.picture.isEmpty()) new Screenshot(&window, options.picture, {}, Screenshot::What::View);
    else if (!options.screenshot.isEmpty()) new Screenshot(&window, options.screenshot, options.tab);
    else if (!options.tab.isEmpty()) window.setTab(options.tab);
    return QApplication::exec();
}
