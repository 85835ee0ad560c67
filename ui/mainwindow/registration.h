// Do the spots lie on the tissue? Tells what the import found, with the fix as a button, and has spots registered by hand; puts the pieces of
// ui/registration together.
#pragma once

#include <QObject>
#include <nlohmann/json.hpp>

#include "ui/registration/registration_panel.h"

namespace c2l::ui {

class Document;
class Jobs;
class MessageBar;
class SlidePage;

class SpotRegistration : public QObject {
    Q_OBJECT
public:
    SpotRegistration(Document* document, SlidePage* page, MessageBar* messages, QObject* parent = nullptr);

    void setJobs(Jobs* jobs);  // which the commands are given to
    RegistrationEdit* edit() const { return edit_; }
    RegistrationTools* tools() const { return tools_; }
    RegistrationPanel* panel() const { return panel_; }  // for a dock, which owns it
    bool isActive() const { return tools_->isActive(); }
    void begin();
    void end();  // leaves the spots where the project has them

Q_SIGNALS:
    void beginning();  // the left button will be needed
    void activeChanged(bool active);

private:
    void tellFinding();
    void applyHand();
    void applyProposal(const nlohmann::json& proposal);
    void takeSpots();
    void send(nlohmann::json params);

    Document* document_;
    SlidePage* page_;
    MessageBar* messages_;
    Jobs* jobs_ = nullptr;
    RegistrationEdit* edit_;
    RegistrationLayer* layer_;
    RegistrationTools* tools_;
    RegistrationPanel* panel_;
    std::shared_ptr<const SpotData> moved_;  // those in hand
    QString told_;                           // the finding shown last: project and spots
    QString offered_;                        // its text, while it may stand in the bar
};

}  // namespace c2l::ui
