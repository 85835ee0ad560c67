// Pictures for a person to look at: saved when $C2L_SHOTS names a folder.
#pragma once

#include <QDir>
#include <QImage>

inline void save_shot(const QImage& image, const QString& name) {
    const QString folder = qEnvironmentVariable("C2L_SHOTS");
    if (folder.isEmpty()) return;
    QDir().mkpath(folder);
    image.save(folder + QLatin1Char('/') + name + QStringLiteral(".png"));
}
