#include "ui/panels/message_bar.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QToolButton>

#include "ui/panels/theme.h"

namespace c2l::ui {

MessageBar::MessageBar(QWidget* parent) : QFrame(parent), label_(new QLabel), stripe_(new QLabel) {
    setAutoFillBackground(true);
    setBackgroundRole(QPalette::AlternateBase);
    label_->setWordWrap(true);
    label_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    stripe_->setFixedWidth(grid(1));
    stripe_->setAutoFillBackground(true);
    auto* close = new QToolButton;
    close->setText("×");
    close->setAutoRaise(true);
    close->setToolTip(tr("Close this message"));
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(0, 0, grid(2), 0);
    row->setSpacing(grid(2));
    row->addWidget(stripe_);
    row->addWidget(label_, 1);
    actions_ = new QHBoxLayout;
    actions_->setSpacing(grid(1));
    row->addLayout(actions_);
    row->addWidget(close);
    label_->setContentsMargins(grid(1), grid(2), 0, grid(2));
    connect(close, &QToolButton::clicked, this, &QWidget::hide);
    hide();
}

void MessageBar::inform(const QString& text) { say(text, false); }
void MessageBar::warn(const QString& text) { say(text, true); }
QString MessageBar::text() const { return isHidden() ? QString() : label_->text(); }

void MessageBar::offer(const QString& text, const std::vector<Action>& actions) {
    say(text, true);
    for (const Action& action : actions) {
        auto* button = new QPushButton(action.text);
        button->setToolTip(action.tip);
        actions_->addWidget(button);
        buttons_.push_back(button);
        connect(button, &QPushButton::clicked, this, action.act);
    }
}

void MessageBar::say(const QString& text, bool warning) {
    for (QPushButton* button : buttons_) button->deleteLater();  // one of them may be at work
    for (QPushButton* button : buttons_) button->hide();
    buttons_.clear();
    stripe_->setBackgroundRole(warning ? QPalette::BrightText : QPalette::Highlight);
    label_->setText(text);
    setVisible(!text.isEmpty());
}

}  // namespace c2l::ui
