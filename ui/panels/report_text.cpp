#include "ui/panels/report_text.h"

#include <QLocale>
#include <QStringList>
#include <algorithm>
#include <cmath>

#include "ui/panels/job_panel.h"
#include "ui/panels/theme.h"

namespace c2l::ui {
namespace {

using nlohmann::json;

const json* member(const json& object, const char* key) {
    if (!object.is_object()) return nullptr;
    const auto it = object.find(key);
    return it == object.end() || it->is_null() ? nullptr : &*it;
}

std::optional<double> number(const json& object, const char* key) {
    const json* v = member(object, key);
    return v && v->is_number() ? std::optional(v->get<double>()) : std::nullopt;
}

QString count(const json& object, const char* key) {
    const json* v = member(object, key);
    if (v && v->is_array()) return QString::number(v->size());
    return v && v->is_number() ? QString::number(v->get<double>(), 'f', 0) : QStringLiteral("?");
}

QString fixed(double value, int digits = 3) {
    const double least = 0.5 * std::pow(10.0, -digits);  // what is nearer to 0 has no sign
    return QString::number(std::abs(value) < least ? 0.0 : value, 'f', digits).replace('-', QChar(0x2212));
}

// Large figures in full rather than as powers of ten; what is beyond the digits is 0. As all figures of the report, with a decimal point whatever the language.
QString rounded(double value, int digits = 3) {
    const double step = std::pow(10.0, std::floor(std::log10(std::max(std::abs(value), 1e-300))) - digits + 1);
    const QString text = step >= 1 ? QLocale(QLocale::English).toString(std::round(value / step) * step, 'f', 0) : QString::number(value, 'g', digits);
    return QString(text).replace('-', QChar(0x2212));
}

// A table whose rows are drawn as strings; the first row is the head.
class Table {
public:
    Table(const QPalette& palette, const QStringList& head) : line_(palette.color(QPalette::Mid).name()) {
        html_ = "<table width='100%' cellspacing='0' cellpadding='4'><tr>";
        for (qsizetype i = 0; i < head.size(); ++i) html_ += cell("th", head[i], i == 0);
        html_ += "</tr>";
    }
    void row(const QStringList& cells, bool strong = false) {
        html_ += "<tr>";
        for (qsizetype i = 0; i < cells.size(); ++i) html_ += cell("td", strong ? "<b>" + cells[i] + "</b>" : cells[i], i == 0);
        html_ += "</tr>";
    }
    QString html() const { return html_ + "</table>"; }

private:
    QString cell(const char* tag, const QString& text, bool left) const {
        return QString("<%1 align='%2' style='border-bottom:1px solid %3'>%4</%1>").arg(tag, left ? "left" : "right", line_, text);
    }
    QString html_, line_;
};

QString range(const json& figure) {
    const auto lower = number(figure, "lower"), upper = number(figure, "upper");
    return lower && upper ? QObject::tr("%1 to %2").arg(fixed(*lower), fixed(*upper)) : QString();
}

void correlation_row(Table& table, const json& report, const char* key, const QString& name, bool strong = false) {
    const json* c = member(report, key);
    if (!c) return;
    const auto mean = c->is_number() ? std::optional(c->get<double>()) : number(*c, "mean");
    if (!mean) return;
    const auto median = number(*c, "median");
    table.row({name, fixed(*mean), range(*c), median ? fixed(*median) : QString()}, strong);
}

// Figures beside the correlations, of the predictor as used and of real spots only.
QString further(const json& e) {
    const json *of = member(e, "further"), *real = member(e, "further_real_only");
    if (!of || !real) return {};
    const auto both = [&](const char* key) {
        const auto used = number(*of, key), plain = number(*real, key);
        return QObject::tr("%1 (real spots only: %2)").arg(used ? fixed(*used) : "–", plain ? fixed(*plain) : "–");
    };
    const auto inside = number(*of, "interval_coverage");
    return "<p>" + QObject::tr("All values of all genes at once: r %1, root mean square error %2. Spatial coherence, mean difference of Moran's I: %3. Within their 90 % interval lie %4 % of the held-out values.")
                       .arg(both("pearson_pooled"), both("rmse"), both("morans_i_difference"), inside ? QString::number(100 * *inside, 'f', 1) : "–") + "</p>";
}

// One way to add to the real spots: its figures, and what it gains.
void gain_row(Table& table, const json* plain, const json* partial, const json* delta, const QString& name, bool strong = false) {
    const auto mean_of = [](const json* figure) {
        const auto mean = figure ? number(*figure, "mean") : std::nullopt;
        return mean ? fixed(*mean) : QString("–");
    };
    if (plain) table.row({name, mean_of(plain), mean_of(partial), delta ? mean_of(delta) : QString(), delta ? range(*delta) : QString()}, strong);
}

// Whether the pairs gain more than everything else that could stand in their place, but for real spots. Nothing where that was not measured, as in reports of earlier versions.
std::optional<bool> more_than_controls(const json& e) {
    const json* all = member(e, "controls");
    bool more = true;
    for (const char* key : {"shuffled_genes", "augmented", "mixed_spots"}) {
        const json *control = all ? member(*all, key) : nullptr, *over = control ? member(*control, "pairs_over") : nullptr;
        const auto lower = over ? number(*over, "lower") : std::nullopt;
        if (!lower) return std::nullopt;
        more = more && *lower > 0;
    }
    return more;
}

QString verdict(double lower, double upper, std::optional<bool> more) {
    if (upper < 0) return QObject::tr("Synthetic pairs did harm on this section: the whole interval of their gain is below 0.");
    if (lower <= 0) return QObject::tr("No clear effect of synthetic pairs on this section: the interval of their gain includes 0.");
    if (!more) return QObject::tr("Synthetic pairs gained on this section, but were not held against their controls: run the job again.");
    return *more ? QObject::tr("Synthetic pairs helped on this section: the whole interval of their gain is above 0, and so is that of their lead over each control.")
                 : QObject::tr("Synthetic pairs gained on this section, but not clearly more than a control in their place: that does not show that they help.");
}

// Synthetic pairs beside what else could stand in their place.
QString pairs_help(const json& e, const QPalette& palette) {
    const json* delta = member(e, "delta");
    if (!delta) return {};
    Table table(palette, {QObject::tr("Real spots and …"), QObject::tr("Mean"), QObject::tr("Depth taken out"), QObject::tr("Gain"), QObject::tr("95 % interval")});
    gain_row(table, member(e, "pearson_real_only"), member(e, "pearson_depth_partial_real_only"), nullptr, QObject::tr("nothing else"));
    gain_row(table, member(e, "pearson_with_synthetic"), member(e, "pearson_depth_partial_with_synthetic"), delta, QObject::tr("synthetic pairs"), true);
    const auto control = [&](const char* key, const QString& name) {
        const json* all = member(e, "controls");
        const json* c = all ? member(*all, key) : nullptr;
        if (c) gain_row(table, member(*c, "pearson"), member(*c, "pearson_depth_partial"), member(*c, "delta"), name);
    };
    control("shuffled_genes", QObject::tr("control: the same pairs with shuffled genes"));
    control("augmented", QObject::tr("control: as many augmented real tiles"));
    control("mixed_spots", QObject::tr("control: as many mixtures of real spots"));
    if (const json* all = member(e, "controls")) {
        const json* more = member(*all, "more_spots");
        if (more) control("more_spots", QObject::tr("control: %1 more real spots").arg(count(*more, "spots")));
        else table.row({QObject::tr("control: more real spots"), {}, {}, QObject::tr("none are left"), {}});
    }
    QString html = "<h4>" + QObject::tr("Do synthetic pairs help?") + "</h4>" + table.html();
    const auto used = number(e, "synthetic_weight"), compared = number(e, "synthetic_weight_compared"), lower = number(*delta, "lower"), upper = number(*delta, "upper");
    if (lower && upper)
        html += "<p>" + (used && *used == 0 && compared ? QObject::tr("Pairs have a weight of %1 beside a spot in this comparison.").arg(fixed(*compared, 2)) + " " : QString()) + "<b>" + verdict(*lower, *upper, more_than_controls(e)) + "</b></p>";
    return html;
}

QString accuracy(const json& e, const QPalette& palette) {
    if (!e.is_object()) return {};
    QString html = "<h3>" + QObject::tr("Accuracy on held-out spots") + "</h3>";
    html += "<p>" + QObject::tr("Pearson correlation of predicted and measured expression: mean over %1 genes, %2 held-out spots in compact blocks, learnt from %3 spots. "
                                "Intervals are 95 % bootstrap over spots, neighbours drawn together; of the shuffled expression and of other block splits, the central 95 % of these.")
                        .arg(count(e, "genes"), count(e, "spots_test"), count(e, "spots_train")) + "</p>";
    Table table(palette, {QObject::tr("Predictor"), QObject::tr("Mean"), QObject::tr("95 % interval"), QObject::tr("Median gene")});
    correlation_row(table, e, "pearson", QObject::tr("As used for the map"), true);
    correlation_row(table, e, "pearson_real_only", QObject::tr("Real spots only"));
    correlation_row(table, e, "pearson_depth_partial", QObject::tr("With sequencing depth taken out"));
    correlation_row(table, e, "pearson_depth_partial_real_only", QObject::tr("With sequencing depth taken out, real spots only"));
    correlation_row(table, e, "pearson_shuffled", QObject::tr("Control: shuffled expression (expected near 0)"));
    if (const json* repeats = member(e, "repeats")) {
        correlation_row(table, *repeats, "pearson_real_only", QObject::tr("Real spots only, over %1 other block splits").arg(count(*repeats, "splits")));
        correlation_row(table, *repeats, "pearson_depth_partial_real_only", QObject::tr("… with sequencing depth taken out"));
    }
    html += table.html() + further(e);
    if (const auto weight = number(e, "synthetic_weight"); weight && *weight == 0)
        html += "<p>" + QObject::tr("Inner cross-validation chose weight 0 for synthetic pairs: the map was made from real spots only.") + "</p>";
    html += pairs_help(e, palette);
    return html;
}

void distance_row(Table& table, const json& report, const char* key, const QString& name) {
    const json* d = member(report, key);
    if (!d) return;
    const auto value = number(*d, "value"), lower = number(*d, "lower"), upper = number(*d, "upper"), floor = number(*d, "floor");
    if (!value) return;
    table.row({name, rounded(*value), lower && upper ? QObject::tr("%1 to %2").arg(rounded(*lower), rounded(*upper)) : QString(),
               floor ? rounded(*floor) : QString()});
}

QString composition(const json& report, const QPalette& palette) {
    const json* c = member(report, "composition");
    if (!c || !c->is_object()) return {};
    Table table(palette, {QObject::tr("Nuclei"), QObject::tr("Real tiles, mean"), QObject::tr("Synthetic tiles, mean"), QObject::tr("Distance"), QObject::tr("95 % interval"), QObject::tr("Real against real")});
    bool any = false;
    for (const auto& [key, name] : {std::pair{"nuclear_density_per_mm2", QObject::tr("Density (per mm²)")}, {"nuclear_area_um2", QObject::tr("Area (µm²)")},
                                    {"eccentricity", QObject::tr("Eccentricity")}, {"haematoxylin_od", QObject::tr("Haematoxylin (optical density)")}}) {
        const json* v = member(*c, key);
        if (!v || !v->is_object()) continue;
        const auto text = [&](const char* k) {
            const auto n = number(*v, k);
            return n ? rounded(*n, 4) : QString();
        };
        const QString lower = text("lower"), upper = text("upper");
        table.row({name, text("mean_real"), text("mean_synthetic"), text("value"), lower.isEmpty() || upper.isEmpty() ? QString() : QObject::tr("%1 to %2").arg(lower, upper), text("floor")});
        any = true;
    }
    return any ? "<p></p>" + table.html() : QString();
}

QString escaped(const json& object, const char* key) {
    const json* v = member(object, key);
    return v && v->is_string() ? QString::fromStdString(v->get<std::string>()).toHtmlEscaped() : QString();
}

// A figure with its interval, what chance gives, and what real tiles give.
void chance_row(Table& table, const json* figure, const QString& name) {
    if (!figure) return;
    const auto value = number(*figure, "value"), lower = number(*figure, "lower"), upper = number(*figure, "upper"), p = number(*figure, "p");
    const json *shuffled = member(*figure, "shuffled"), *real = member(*figure, "real");
    const auto chance = shuffled ? number(*shuffled, "value") : std::nullopt, best = real ? number(*real, "value") : std::nullopt;
    if (!value) return;
    table.row({name, fixed(*value), lower && upper ? QObject::tr("%1 to %2").arg(fixed(*lower), fixed(*upper)) : QString(), chance ? fixed(*chance) : QString(), best ? fixed(*best) : QString(),
               p ? fixed(*p, 4) : QString()});
}

QString follows_genes(const json& report, const QPalette& palette) {
    const json* f = member(report, "follows_genes");
    if (!f || !f->is_object()) return {};
    if (const QString why = escaped(*f, "skipped"); !why.isEmpty()) return "<p>" + QObject::tr("Whether the tiles follow the genes was not measured: %1.").arg(why) + "</p>";
    QString html = "<p>" + QObject::tr("Do tiles follow their genes? Measured on tiles drawn from the profiles of %1 held-out spots. Chance: the same with profiles shuffled among these spots; "
                                       "p: how often chance does as well.").arg(count(*f, "spots")) + "</p>";
    Table table(palette, {QObject::tr("Measure"), QObject::tr("Value"), QObject::tr("95 % interval"), QObject::tr("Chance"), QObject::tr("Real tiles"), QObject::tr("p")});
    if (const json* trip = member(*f, "round_trip")) {
        chance_row(table, trip, QObject::tr("Genes read back from the tiles, mean Pearson r"));
        chance_row(table, member(*trip, "depth_partial"), QObject::tr("The same with sequencing depth taken out"));
    }
    if (const json* found = member(*f, "retrieval")) chance_row(table, member(*found, "mean_rank"), QObject::tr("Rank of the spot's real tile (0 first, 1 last)"));
    return html + table.html();
}

void other_floor(Table& table, const json& report) {
    const json* other = member(report, "floor_other_section");
    const auto value = other ? number(*other, "frechet") : std::nullopt;
    if (value) table.row({QObject::tr("Fréchet distance of real tiles to %1").arg(escaped(*other, "name")), rounded(*value), {}, {}});
}

void other_kernel_floor(Table& table, const json& report) {
    const json* other = member(report, "floor_other_section");
    const auto value = other ? number(*other, "kid") : std::nullopt;
    if (value) table.row({QObject::tr("Kernel distance of real tiles to %1").arg(escaped(*other, "name")), rounded(*value), {}, {}});
}

// The few spots may lie in other tissue than most of the section; tiles like theirs are then far from it, and that is not the generator's fault.
void training_floor(Table& table, const json& report) {
    const json* training = member(report, "floor_training_tiles");
    const auto value = training ? number(*training, "kid") : std::nullopt;
    if (value) table.row({QObject::tr("Kernel distance of the training spots' own tiles"), rounded(*value), {}, {}});
}

void copies_row(Table& table, const json& report, const QString& name) {
    const auto copies = number(report, "copies_fraction"), real = number(report, "training_tiles_flagged");
    const auto percent = [](double share) { return QObject::tr("%1 %").arg(share * 100, 0, 'f', 1); };
    if (copies) table.row({name, percent(*copies), {}, real ? percent(*real) : QString()});
}

// What the figures of one encoder are of; the Fréchet distance takes as many tiles on each side as its floor has.
QString tiles_compared(const json& report) {
    if (!member(report, "n") || !member(report, "n_real")) return {};
    QString text = QObject::tr("Compared: %1 synthetic and %2 real tiles").arg(count(report, "n"), count(report, "n_real"));
    if (member(report, "n_floor")) text += QObject::tr("; for the Fréchet distance and its floor %1 on each side").arg(count(report, "n_floor"));
    return "<p>" + text + ".</p>";
}

void neighbourhood_rows(Table& table, const json& report) {
    for (const auto& [key, name] : {std::pair{"precision", QObject::tr("Precision: synthetic tiles that look real (0 – 1)")}, {"recall", QObject::tr("Recall: kinds of real tiles that occur (0 – 1)")},
                                    {"density", QObject::tr("Density")}, {"coverage", QObject::tr("Coverage (0 – 1)")}})
        if (const auto v = number(report, key)) table.row({name, fixed(*v, 2), {}, {}});
}

QString outside(const json& a, const QPalette& palette) {
    const json* o = member(a, "outside");
    if (!o || !o->is_object()) return {};
    if (const QString why = escaped(*o, "skipped"); !why.isEmpty()) return "<p>" + QObject::tr("No second opinion: %1.").arg(why) + "</p>";
    QString html = "<p>" + QObject::tr("The same in the eyes of an encoder from outside (%1), which had no part in training:").arg(escaped(*o, "encoder")) + "</p>" + tiles_compared(*o);
    Table table(palette, {QObject::tr("Measure"), QObject::tr("Value"), QObject::tr("95 % interval"), QObject::tr("Floor")});
    distance_row(table, *o, "frechet", QObject::tr("Fréchet distance"));
    other_floor(table, *o);
    distance_row(table, *o, "kid", QObject::tr("Kernel distance"));
    other_kernel_floor(table, *o);
    training_floor(table, *o);
    neighbourhood_rows(table, *o);
    copies_row(table, *o, QObject::tr("Nearer to a training tile than 99 % of real tiles"));
    return html + table.html() + follows_genes(*o, palette);
}

QString gate(const json& a) {
    const json* g = member(a, "gate");
    if (!g || !member(*g, "flagged")) return {};
    return "<p>" + QObject::tr("Flagged as copies, which are not learnt from and do not leave the project: %1 of %2 tiles, %3 by the tile encoder and %4 by where things lie in them.")
                       .arg(count(*g, "flagged"), count(*g, "tiles"), count(*g, "flagged_by_encoder"), count(*g, "flagged_by_latents")) + "</p>";
}

QString quality(const json& a, const QPalette& palette) {
    if (!a.is_object()) return {};
    QString html = "<h3>" + QObject::tr("Quality of the synthetic tiles") + "</h3>";
    html += "<p>" + QObject::tr("Distances between synthetic and real tiles in the features of the tile encoder; the floor is real against real, the best that can be hoped for; of near copies, how many training tiles are as near to one another.");
    if (const json* included = member(a, "reference_includes_held_out"); included && included->is_boolean() && included->get<bool>())
        html += " " + QObject::tr("So little tissue is left beside the training spots that the real tiles include those of held-out spots.");
    html += "</p>" + tiles_compared(a);
    Table table(palette, {QObject::tr("Measure"), QObject::tr("Value"), QObject::tr("95 % interval"), QObject::tr("Floor")});
    distance_row(table, a, "frechet", QObject::tr("Fréchet distance (FD-encoder)"));
    other_floor(table, a);
    distance_row(table, a, "kid", QObject::tr("Kernel distance"));
    other_kernel_floor(table, a);
    training_floor(table, a);
    neighbourhood_rows(table, a);
    copies_row(table, a, QObject::tr("Nearer to a training tile than 99 % of real tiles"));
    return html + table.html() + gate(a) + follows_genes(a, palette) + outside(a, palette) + composition(a, palette);
}

// Whose weights the results rest on: the tiles always, the predictor where it learnt from them.
QString licence(const Reports& reports) {
    const json* central = member(reports.assess, "central");
    if (!central) central = member(reports.evaluate, "central");
    if (!central || !central->is_object()) return {};
    const QString name = escaped(*central, "architecture"), terms = escaped(*central, "licence"), whom = escaped(*central, "attribution");
    QString html = "<p>" + QObject::tr("Made with the central model %1, under %2.").arg(name, terms.isEmpty() ? QObject::tr("no licence that its file states") : terms);
    if (!whom.isEmpty()) html += " " + QObject::tr("To be named with every result: %1").arg(whom);
    return html + "</p>";
}

QString costs(const std::vector<StepCost>& steps, const QPalette& palette) {
    QString html = "<h3>" + QObject::tr("What it took") + "</h3>";
    Table table(palette, {QObject::tr("Step"), QObject::tr("Time"), QObject::tr("Peak memory"), QObject::tr("Device"), QObject::tr("Finished (UTC)")});
    double seconds = 0, memory = 0;
    for (const StepCost& s : steps) {
        table.row({step_text(s.step.toStdString()), duration_text(s.seconds), bytes_text(s.memory_bytes), s.device.toHtmlEscaped(), s.created.left(19).replace('T', ' ').toHtmlEscaped()});
        seconds += s.seconds;
        memory = std::max(memory, s.memory_bytes);
    }
    table.row({QObject::tr("All"), duration_text(seconds), bytes_text(memory), {}, {}}, true);
    return html + table.html();
}

}  // namespace

QString report_html(const Reports& reports, bool simulated, const QPalette& palette) {
    QString html;
    if (simulated)
        html += QString("<table width='100%' cellpadding='8'><tr><td style='background-color:%1;color:%2'><b>%3</b></td></tr></table>")
                    .arg(palette.color(QPalette::Highlight).name(), palette.color(QPalette::HighlightedText).name(),
                         QObject::tr("This is a simulated section, made by the program. The figures show that the program works; they say nothing about real tissue."));
    html += accuracy(reports.evaluate, palette);
    html += quality(reports.assess, palette);
    html += licence(reports);
    return html + costs(reports.costs, palette);
}

}  // namespace c2l::ui
