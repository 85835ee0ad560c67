#include "ui/mainwindow/registration.h"

#include <algorithm>

#include "base/json_depth.h"
#include "ui/document/document.h"
#include "ui/mainwindow/jobs.h"
#include "ui/mainwindow/slide_page.h"
#include "ui/panels/message_bar.h"

namespace c2l::ui {
namespace {

// What the check proposes, as it writes it: a project file may hold anything.
bool is_sound(const nlohmann::json& proposal) {
    const auto is = [&](const char* key, bool (nlohmann::json::*kind)() const noexcept) { return proposal.contains(key) && (proposal.at(key).*kind)(); };
    if (!proposal.is_object() || !is("words", &nlohmann::json::is_string) || !proposal.contains("orient") || !proposal.contains("spot_scale") || !is("matrix", &nlohmann::json::is_array)) return false;
    const auto& matrix = proposal.at("matrix");
    return matrix.size() == Registration{}.m.size() && std::all_of(matrix.begin(), matrix.end(), [](const auto& v) { return v.is_number(); });
}

std::string matrix_text(const Registration& r) {
    QStringList numbers;
    for (const double v : r.m) numbers << QString::number(v, 'g', 15);
    return numbers.join(',').toStdString();
}

}  // namespace

SpotRegistration::SpotRegistration(Document* document, SlidePage* page, MessageBar* messages, QObject* parent)
    : QObject(parent), document_(document), page_(page), messages_(messages), edit_(new RegistrationEdit(this)), layer_(new RegistrationLayer(edit_, this)) {
    const auto snap = [this](QPointF at) -> std::optional<QPointF> {
        const SpotOverlay* spots = page_->spots();
        const int i = spots->spotAt(at.x(), at.y());
        return i < 0 ? std::nullopt : std::optional(spots->moved().map(QPointF(spots->x(i), spots->y(i))));
    };
    tools_ = new RegistrationTools(page_->view(), edit_, layer_, snap, this);
    panel_ = new RegistrationPanel(edit_, tools_);
    connect(edit_, &RegistrationEdit::changed, this, [this] {
        if (isActive()) page_->spots()->setMoved(edit_->transform());
    });
    connect(panel_, &RegistrationPanel::applyRequested, this, &SpotRegistration::applyHand);
    connect(panel_, &RegistrationPanel::cancelRequested, this, &SpotRegistration::end);
    connect(document_, &Document::spotsChanged, this, &SpotRegistration::takeSpots);
    connect(document_, &Document::slideChanged, this, &SpotRegistration::takeSpots);
    connect(document_, &Document::projectChanged, this, &SpotRegistration::tellFinding);
}

void SpotRegistration::setJobs(Jobs* jobs) {
    jobs_ = jobs;
    connect(jobs_, &Jobs::runningChanged, panel_, &RegistrationPanel::setBusy);
}

void SpotRegistration::begin() {
    const ProjectSpots* record = document_->has_project() ? document_->snapshot()->shown_spots() : nullptr;
    if (!record || !document_->spots() || !document_->slide()) return messages_->warn(tr("There are no spots to place yet; import a section first."));
    if (isActive()) return;
    Q_EMIT beginning();
    moved_ = document_->spots();
    panel_->setMpp(document_->mpp());
    tools_->setTool(RegistrationTool::Move);
    edit_->begin(record->registration ? Registration{*record->registration} : Registration(), page_->spots()->bounds());
    page_->view()->addLayer(layer_);
    layer_->setFrameVisible(true);
    tools_->setActive(true);
    Q_EMIT activeChanged(true);
}

void SpotRegistration::end() {
    if (!isActive()) return;
    tools_->setActive(false);
    page_->view()->removeLayer(layer_);
    page_->spots()->setMoved({});
    moved_.reset();
    Q_EMIT activeChanged(false);
}

// The same spots set anew go on being moved; others, or the same ones registered, end it.
void SpotRegistration::takeSpots() {
    if (!isActive()) return;
    if (document_->spots() != moved_) return end();
    panel_->setMpp(document_->mpp());
    page_->spots()->setMoved(edit_->transform());
}

void SpotRegistration::send(nlohmann::json params) {
    if (!jobs_ || !document_->has_project()) return;
    params["project"] = document_->project_path().toStdString();
    jobs_->start("register", params);
}

void SpotRegistration::applyHand() {
    const Registration& wanted = edit_->registration();
    if (wanted.is_identity()) send({{"reset", true}});
    else send({{"matrix", matrix_text(wanted)}});
}

void SpotRegistration::applyProposal(const nlohmann::json& proposal) {
    const ProjectSpots* record = document_->has_project() ? document_->snapshot()->shown_spots() : nullptr;
    if (!record) return;
    end();
    if (!record->registration) return send({{"orient", proposal.at("orient")}, {"spot_scale", proposal.at("spot_scale")}});
    Registration total;
    for (std::size_t i = 0; i < total.m.size(); ++i) total.m[i] = proposal.at("matrix").at(i).get<double>();
    send({{"matrix", matrix_text(total)}});
}

// What the check found when these spots were imported or registered: once for each opening of a project.
void SpotRegistration::tellFinding() {
    const ProjectSpots* record = document_->has_project() ? document_->snapshot()->shown_spots() : nullptr;
    const QString now = record ? document_->project_path() + "|" + QString::fromStdString(record->content_id) : QString();
    if (std::exchange(told_, now) == now) return;
    if (!offered_.isEmpty() && messages_->text() == offered_) messages_->hide();  // it was about other spots
    offered_.clear();
    if (!record || record->alignment.empty() || is_nested_deeper(record->alignment)) return;
    const auto alignment = nlohmann::json::parse(record->alignment, nullptr, false);
    if (!alignment.is_object() || !alignment.contains("text") || !alignment["text"].is_string()) return;
    const QString text = QString::fromStdString(alignment["text"].get<std::string>());
    if (text.isEmpty()) return;
    std::vector<MessageBar::Action> actions;
    const auto proposal = alignment.find("proposal");
    if (proposal != alignment.end() && is_sound(*proposal))
        actions.push_back({tr("Place them so"), tr("Registers the spots: %1").arg(QString::fromStdString(proposal->value("words", std::string()))),
                           [this, now, p = *proposal] { if (told_ == now) applyProposal(p); }});
    actions.push_back({tr("By hand …"), tr("Drag, turn and scale the spots, or set landmark pairs"), [this] { begin(); }});
    messages_->offer(text, actions);
    offered_ = messages_->text();
}

}  // namespace c2l::ui
