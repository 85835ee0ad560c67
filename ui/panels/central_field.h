// Which central model a section is adapted with: a file or folder, or nothing for the shipped one. The program remembers it for each project, since
// the project itself records the model by its content, not by its place.
#pragma once

#include <QWidget>
#include <nlohmann/json.hpp>

class QLabel;
class QLineEdit;
class QToolButton;

namespace c2l::ui {

class CentralField : public QWidget {
    Q_OBJECT
public:
    explicit CentralField(QWidget* parent = nullptr);

    void setProject(const QString& path);                // brings what was chosen for it; empty: no project
    void setAdapted(const nlohmann::json& central);      // `central` of the newest adaptation's report; null: there is none
    QString path() const;                                // absolute; empty: the shipped model
    QLabel* note() const { return note_; }               // which model is in use, and what is wrong; for the caller's layout
    QLineEdit* edit() const { return edit_; }

Q_SIGNALS:
    void changed(const QString& path);

private:
    QToolButton* makeButton();
    void take();
    void describe();

    QLineEdit* edit_;
    QLabel* note_;
    QString project_;
    nlohmann::json adapted_;
};

}  // namespace c2l::ui
