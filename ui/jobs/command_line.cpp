#include "ui/jobs/command_line.h"

#include <QRegularExpression>
#include <QStringList>

namespace c2l::ui {
namespace {

QString quoted(const QString& word) {
    static const QRegularExpression plain(QStringLiteral("^[A-Za-z0-9_@%+=:,./-]+$"));
    if (plain.match(word).hasMatch()) return word;
    QString escaped = word;
    return "'" + escaped.replace("'", "'\\''") + "'";
}

QString text(const nlohmann::json& value) {
    return QString::fromStdString(value.is_string() ? value.get<std::string>() : value.dump());
}

}  // namespace

QString command_line(const QString& method, const nlohmann::json& params) {
    QStringList words{"c2l", method};
    for (const char* positional : {"project", "what"})
        if (params.contains(positional)) words << quoted(text(params[positional]));
    for (const auto& [key, value] : params.items()) {
        if (key == "project" || key == "what" || value.is_null()) continue;
        const QString option = "--" + QString::fromStdString(key).replace('_', '-');
        if (value.is_boolean()) {
            if (value.get<bool>()) words << option;
        } else if (value.is_array()) {
            for (const auto& item : value) words << option << quoted(text(item));
        } else {
            const QString word = text(value);  // one that begins with a dash would be taken for an option
            if (word.startsWith('-')) words << option + "=" + quoted(word);
            else words << option << quoted(word);
        }
    }
    return words.join(' ');
}

}  // namespace c2l::ui
