#include "ui/annotation/annotation_store.h"

#include <algorithm>

namespace c2l::ui {
namespace {

constexpr int kMostSteps = 100;  // a step of 100,000 objects takes 1.6 MB
const char* const kAlways[] = {"Tumor", "Stroma", "Immune cells", "Necrosis", "Other"};  // QuPath's first ones

void join_class(std::vector<Classification>& classes, const Classification& c) {
    if (c.name.empty()) return;
    const auto same = std::find_if(classes.begin(), classes.end(), [&](const Classification& each) { return each.name == c.name; });
    if (same == classes.end()) classes.push_back({c.name, class_colour(c)});
    else if (c.colour) same->colour = c.colour;
}

}  // namespace

Rgb class_colour(const Classification& c) { return c.colour.value_or(usual_colour(c.name)); }

class AnnotationStore::Change : public QUndoCommand {
public:
    Change(AnnotationStore* store, StatePtr after, std::vector<int> selection, const QString& text)
        : QUndoCommand(text), store_(store), before_(store->state_), after_(std::move(after)), selected_before_(store->selection_), selected_after_(std::move(selection)) {}
    void undo() override { store_->apply(before_, selected_before_); }
    void redo() override { store_->apply(after_, selected_after_); }

private:
    AnnotationStore* store_;
    StatePtr before_, after_;
    std::vector<int> selected_before_, selected_after_;
};

AnnotationStore::AnnotationStore(QObject* parent) : QObject(parent) {
    undo_.setUndoLimit(kMostSteps);
    reset({}, {}, {});
}

void AnnotationStore::reset(std::vector<Annotation> annotations, SpotLabels labels, std::string collection_json) {
    AnnotationState next;
    for (const char* name : kAlways) next.classes.push_back({name, usual_colour(name)});
    for (Annotation& a : annotations) {
        if (a.classification) join_class(next.classes, *a.classification);
        next.annotations.push_back(std::make_shared<const Annotation>(std::move(a)));
    }
    for (const auto& [spot, c] : labels) join_class(next.classes, c);
    next.labels = std::move(labels);
    next.collection_json = std::move(collection_json);
    undo_.clear();
    apply(std::make_shared<const AnnotationState>(std::move(next)), {});
}

void AnnotationStore::apply(const StatePtr& state, const std::vector<int>& selection) {
    state_ = state;
    selection_ = selection;
    Q_EMIT changed();
    Q_EMIT selectionChanged();
}

void AnnotationStore::commit(AnnotationState next, const QString& what, std::vector<int> selection) {
    undo_.push(new Change(this, std::make_shared<const AnnotationState>(std::move(next)), std::move(selection), what));
}

void AnnotationStore::add(std::vector<Annotation> annotations, const QString& what) {
    if (annotations.empty()) return;
    AnnotationState next = *state_;
    std::vector<int> selection;
    for (Annotation& a : annotations) {
        if (a.classification) join_class(next.classes, *a.classification);
        selection.push_back(static_cast<int>(next.annotations.size()));
        next.annotations.push_back(std::make_shared<const Annotation>(std::move(a)));
    }
    commit(std::move(next), what, std::move(selection));
}

void AnnotationStore::replace(int index, Annotation annotation, const QString& what) {
    AnnotationState next = *state_;
    next.annotations.at(static_cast<std::size_t>(index)) = std::make_shared<const Annotation>(std::move(annotation));
    commit(std::move(next), what, selection_);
}

template <class Edit>
void AnnotationStore::editSelected(const QString& what, bool locked_too, Edit edit) {
    AnnotationState next = *state_;
    bool any = false;
    for (const int i : selection_) {
        AnnotationPtr& each = next.annotations[static_cast<std::size_t>(i)];
        if (each->locked && !locked_too) continue;
        Annotation copy = *each;
        edit(copy);
        if (copy == *each) continue;
        each = std::make_shared<const Annotation>(std::move(copy));
        any = true;
    }
    if (any) commit(std::move(next), what, selection_);
}

void AnnotationStore::removeSelected() {
    AnnotationState next = *state_;
    std::vector<int> kept;
    for (auto it = selection_.rbegin(); it != selection_.rend(); ++it)
        if (!next.annotations[static_cast<std::size_t>(*it)]->locked) next.annotations.erase(next.annotations.begin() + *it);
    if (next.annotations.size() != state_->annotations.size()) commit(std::move(next), tr("Delete"), {});
}

void AnnotationStore::classifySelected(const std::optional<Classification>& c) {
    editSelected(tr("Set class"), false, [&](Annotation& a) { a.classification = c; });
}

void AnnotationStore::renameSelected(const QString& name) {
    editSelected(tr("Rename"), false, [&](Annotation& a) { a.name = name.toStdString(); });
}

void AnnotationStore::setSelectedLocked(bool locked) {
    editSelected(locked ? tr("Lock") : tr("Unlock"), true, [&](Annotation& a) { a.locked = locked; });
}

void AnnotationStore::moveSelected(double dx, double dy) {
    editSelected(tr("Move"), false, [&](Annotation& a) { a = with_offset(std::move(a), dx, dy); });
}

void AnnotationStore::addClass(const QString& name, std::optional<Rgb> colour) {
    const std::string text = name.trimmed().toStdString();
    if (text.empty() || findClass(text)) return;
    AnnotationState next = *state_;
    next.classes.push_back({text, colour.value_or(usual_colour(text))});
    commit(std::move(next), tr("Add class"), selection_);
}

void AnnotationStore::changeClass(const std::string& name, const Classification& to) {
    const Classification* old = findClass(name);
    if (!old || to.name.empty() || *old == to || (to.name != name && findClass(to.name))) return;
    AnnotationState next = *state_;
    for (Classification& c : next.classes)
        if (c.name == name) c = {to.name, class_colour(to)};
    for (AnnotationPtr& each : next.annotations) {
        if (!each->classification || each->classification->name != name) continue;
        Annotation copy = *each;
        copy.classification = to;
        each = std::make_shared<const Annotation>(std::move(copy));
    }
    for (auto& [spot, c] : next.labels)
        if (c.name == name) c = to;
    commit(std::move(next), tr("Change class"), selection_);
}

void AnnotationStore::removeClass(const std::string& name) {
    if (!findClass(name)) return;
    AnnotationState next = *state_;
    std::erase_if(next.classes, [&](const Classification& c) { return c.name == name; });
    commit(std::move(next), tr("Remove class"), selection_);
}

const Classification* AnnotationStore::findClass(const std::string& name) const {
    const auto found = std::find_if(state_->classes.begin(), state_->classes.end(), [&](const Classification& c) { return c.name == name; });
    return found == state_->classes.end() ? nullptr : &*found;
}

void AnnotationStore::label(const std::vector<std::string>& spots, const std::optional<Classification>& c) {
    AnnotationState next = *state_;
    for (const std::string& spot : spots) {
        if (c) next.labels[spot] = *c;
        else next.labels.erase(spot);
    }
    if (next.labels != state_->labels) commit(std::move(next), c ? tr("Label spots") : tr("Remove labels"), selection_);
}

void AnnotationStore::select(std::vector<int> indices) {
    std::sort(indices.begin(), indices.end());
    indices.erase(std::unique(indices.begin(), indices.end()), indices.end());
    std::erase_if(indices, [this](int i) { return i < 0 || i >= static_cast<int>(state_->annotations.size()); });
    if (indices == selection_) return;
    selection_ = std::move(indices);
    Q_EMIT selectionChanged();
}

bool AnnotationStore::isSelected(int index) const { return std::binary_search(selection_.begin(), selection_.end(), index); }

}  // namespace c2l::ui
