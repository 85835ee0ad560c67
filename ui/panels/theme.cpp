#include "ui/panels/theme.h"

#include <QApplication>
#include <QFile>
#include <QIconEngine>
#include <QLocale>
#include <QPainter>
#include <QPalette>
#include <QStyleFactory>
#include <QSvgRenderer>
#include <QVBoxLayout>
#include <cmath>

namespace c2l::ui {
namespace {

bool dark_now = false;

QPalette make_palette(bool dark) {
    const auto pick = [dark](const char* light_colour, const char* dark_colour) { return QColor(dark ? dark_colour : light_colour); };
    const QColor window = pick("#f3f4f5", "#2b2f33"), base = pick("#ffffff", "#1a1c1f"), text = pick("#1c2126", "#e4e7ea");
    const QColor button = pick("#eaecee", "#3a3f44"), muted = pick("#68727c", "#98a2ac"), off = pick("#a5adb5", "#666d74");
    const QColor highlight = pick("#0f7d84", "#3fb6bc");
    QPalette p(button, window);
    p.setColor(QPalette::Window, window);
    p.setColor(QPalette::WindowText, text);
    p.setColor(QPalette::Base, base);
    p.setColor(QPalette::AlternateBase, pick("#f7f8f9", "#23272a"));
    p.setColor(QPalette::Text, text);
    p.setColor(QPalette::Button, button);
    p.setColor(QPalette::ButtonText, text);
    p.setColor(QPalette::BrightText, pick("#b3261e", "#ff8a80"));
    p.setColor(QPalette::ToolTipBase, pick("#2b3136", "#3a3f44"));
    p.setColor(QPalette::ToolTipText, QColor("#f2f4f5"));
    p.setColor(QPalette::PlaceholderText, muted);
    p.setColor(QPalette::Highlight, highlight);
    p.setColor(QPalette::HighlightedText, pick("#ffffff", "#0d1416"));
    p.setColor(QPalette::Link, highlight);
    p.setColor(QPalette::LinkVisited, highlight);
    p.setColor(QPalette::Light, pick("#ffffff", "#43484d"));
    p.setColor(QPalette::Midlight, pick("#f0f1f3", "#393e42"));
    p.setColor(QPalette::Mid, pick("#c6cbd0", "#4a5055"));
    p.setColor(QPalette::Dark, pick("#aab1b8", "#15181a"));
    p.setColor(QPalette::Shadow, pick("#7f878f", "#0b0d0e"));
    for (const auto role : {QPalette::WindowText, QPalette::Text, QPalette::ButtonText}) p.setColor(QPalette::Disabled, role, off);
    p.setColor(QPalette::Disabled, QPalette::Highlight, pick("#c6cbd0", "#4a5055"));
    p.setColor(QPalette::Disabled, QPalette::Base, window);
    return p;
}

// Draws an SVG in the colour that text has at that moment, so that a change of theme needs no new icons.
class PaletteIcon : public QIconEngine {
public:
    explicit PaletteIcon(QByteArray svg) : svg_(std::move(svg)) {}
    void paint(QPainter* painter, const QRect& rect, QIcon::Mode mode, QIcon::State) override {
        const auto group = mode == QIcon::Disabled ? QPalette::Disabled : QPalette::Active;
        const QColor colour = QGuiApplication::palette().color(group, QPalette::ButtonText);
        QSvgRenderer(QByteArray(svg_).replace("#6b7785", colour.name().toLatin1())).render(painter, rect);
    }
    QPixmap pixmap(const QSize& size, QIcon::Mode mode, QIcon::State state) override {
        QPixmap pixmap(size);
        pixmap.fill(Qt::transparent);
        QPainter painter(&pixmap);
        paint(&painter, QRect(QPoint(), size), mode, state);
        return pixmap;
    }
    QIconEngine* clone() const override { return new PaletteIcon(svg_); }

private:
    QByteArray svg_;
};

bool desktop_is_dark() {
    static const bool dark = [] {
        const QPalette p = QGuiApplication::palette();
        return p.color(QPalette::WindowText).lightness() > p.color(QPalette::Window).lightness();
    }();
    return dark;
}

}  // namespace

void apply_theme(QApplication& app, Theme theme) {
    const bool desktop = desktop_is_dark();  // asked before the palette is ours
    dark_now = theme == Theme::Dark || (theme == Theme::System && desktop);
    app.setStyle(QStyleFactory::create("Fusion"));
    app.setPalette(make_palette(dark_now));
    // Rounded, quiet section titles; everything else is Fusion's own.
    app.setStyleSheet("QToolTip { padding: 4px; border: 0; } QDockWidget::title { padding: 6px 8px; } QGroupBox { font-weight: 600; }");
}

Theme theme_from(const QString& name) {
    return name == "light" ? Theme::Light : name == "dark" ? Theme::Dark : Theme::System;
}

QString to_string(Theme theme) { return theme == Theme::Light ? "light" : theme == Theme::Dark ? "dark" : "system"; }

bool is_dark() { return dark_now; }

QColor accent() { return QGuiApplication::palette().color(QPalette::Highlight); }

QIcon icon(const QString& name) {
    QFile file(":/icons/" + name + ".svg");
    return file.open(QIODevice::ReadOnly) ? QIcon(new PaletteIcon(file.readAll())) : QIcon();
}

QVBoxLayout* column_of(QWidget* widget) {
    auto* layout = new QVBoxLayout(widget);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(grid(1));
    return layout;
}

QString counted(qint64 n, const QString& one, const QString& many) { return QLocale().toString(n) + ' ' + (n == 1 ? one : many); }

QString duration_text(double seconds) {
    if (!std::isfinite(seconds) || seconds < 0) return QObject::tr("unknown");
    if (seconds < 10) return QObject::tr("%1 s").arg(seconds, 0, 'f', 1);
    const auto s = static_cast<qint64>(std::llround(seconds));
    if (s < 60) return QObject::tr("%1 s").arg(s);
    if (s < 3600) return QObject::tr("%1 min %2 s").arg(s / 60).arg(s % 60);
    return QObject::tr("%1 h %2 min").arg(s / 3600).arg(s % 3600 / 60);
}

QString bytes_text(double bytes) {
    if (bytes < 1e9) return QObject::tr("%1 MB").arg(bytes / 1e6, 0, 'f', 0);
    return QObject::tr("%1 GB").arg(bytes / 1e9, 0, 'f', 1);
}

}  // namespace c2l::ui
