#include "options.h"

#include <QCommandLineParser>

#include "base/provenance.h"

namespace c2l::ui {

StudioOptions parse_options(const QStringList& arguments) {
    QCommandLineParser parser;
    parser.setApplicationDescription("C2L Studio: gene-conditioned tissue generation for dense spatial transcriptomics.");
    parser.addPositionalArgument("file", "A project (*.c2l), a slide, or a folder with a slide and its spots.", "[FILE]");
    parser.addOption({"gene", "Gene to show.", "name"});
    parser.addOption({"tab", "Tab to show: slide, tiles, dial, landscape or report.", "name"});
    parser.addOption({"side-by-side", "Shows measured and predicted in two views of the same place."});
    parser.addOption({"theme", "Colours: light or dark.", "name"});
    parser.addOption({"size", "Size of the window in pixels.", "WxH"});
    parser.addOption({"screenshot", "Saves a picture of the window as PNG once everything is shown, and ends.", "file"});
    parser.addOption({"picture", "Saves what the slide view shows as PNG with a scale bar, and ends.", "file"});
    parser.addOption({"stain", "Colours of the slide: original, haematoxylin, eosin, residual, macenko or reinhard; for looking alone.", "name"});
    parser.addOption({"benchmark", "Measures how fluently the slide FILE is shown, without a window, and ends: view.", "what"});
    parser.addOption({"spots", "With --benchmark: so many spots over the slide.", "count"});
    parser.addOption({"bins", "With --benchmark: so many square bins over the slide.", "count"});
    parser.addOption({"turned", "With --benchmark: the slide is turned by so many degrees.", "degrees"});
    parser.addOption({"json", "Prints the figures of --benchmark as JSON."});
    parser.addHelpOption();
    parser.addVersionOption();
    StudioOptions options;
    if (!parser.parse(arguments)) {
        options.error = parser.errorText();
        return options;
    }
    if (parser.isSet("help")) parser.showHelp(0);
    if (parser.isSet("version")) parser.showVersion();
    options.file = parser.positionalArguments().value(0);
    options.gene = parser.value("gene");
    options.tab = parser.value("tab");
    options.side_by_side = parser.isSet("side-by-side");
    options.theme = parser.value("theme");
    options.screenshot = parser.value("screenshot");
    options.benchmark = parser.value("benchmark");
    options.json = parser.isSet("json");
    options.spots = parser.value("spots").toInt();
    options.bins = parser.value("bins").toInt();
    options.picture = parser.value("picture");
    if (parser.isSet("stain")) options.stain = stain_view_from(parser.value("stain").toStdString());
    if (parser.isSet("stain") && !options.stain) options.error = "--stain must be original, haematoxylin, eosin, residual, macenko or reinhard";
    options.turned = parser.value("turned").toDouble();
    if (options.spots < 0 || options.bins < 0 || options.spots > 10'000'000 || options.bins > 10'000'000) options.error = "--spots and --bins take 0 to 10,000,000";
    if (!options.benchmark.isEmpty() && options.benchmark != "view") options.error = "--benchmark must be view";
    if (!options.benchmark.isEmpty() && options.file.isEmpty()) options.error = "--benchmark view needs a slide";
    if (!options.tab.isEmpty() && !QStringList{"slide", "tiles", "dial", "landscape", "report"}.contains(options.tab))
        options.error = "--tab must be slide, tiles, dial, landscape or report";
    if (!options.theme.isEmpty() && options.theme != "light" && options.theme != "dark") options.error = "--theme must be light or dark";
    if (parser.isSet("size")) {
        const QStringList parts = parser.value("size").split('x');
        options.size = QSize(parts.value(0).toInt(), parts.value(1).toInt());
        if (parts.size() != 2 || options.size.width() < 200 || options.size.height() < 200 || options.size.width() > 8192 || options.size.height() > 8192)
            options.error = "--size must be WIDTHxHEIGHT between 200x200 and 8192x8192";
    }
    return options;
}

}  // namespace c2l::ui
