// The annotations of the slide on screen, their classes, and the labels of its spots; every change can be undone.
//
// A state is a set of immutable values that share what they have in common, so that a step back restores exactly what was. GUI thread only.
#pragma once

#include <QObject>
#include <QUndoStack>
#include <memory>
#include <optional>
#include <vector>

#include "annotation/annotation.h"
#include "annotation/spot_labels.h"

namespace c2l::ui {

using AnnotationPtr = std::shared_ptr<const Annotation>;

struct AnnotationState {
    std::vector<AnnotationPtr> annotations;  // bottom to top
    std::vector<Classification> classes;     // that can be chosen; every one has a colour
    SpotLabels labels;
    std::string collection_json;             // further members of the file it was read from
};

class AnnotationStore : public QObject {
    Q_OBJECT
public:
    explicit AnnotationStore(QObject* parent = nullptr);

    const AnnotationState& state() const { return *state_; }
    std::shared_ptr<const AnnotationState> shared() const { return state_; }  // for writing in the background
    const std::vector<AnnotationPtr>& annotations() const { return state_->annotations; }
    const std::vector<Classification>& classes() const { return state_->classes; }
    const SpotLabels& labels() const { return state_->labels; }
    QUndoStack* undoStack() { return &undo_; }

    // What was read; not to be undone. Classes of the objects join those that are always there.
    void reset(std::vector<Annotation> annotations, SpotLabels labels, std::string collection_json);
    void add(std::vector<Annotation> annotations, const QString& what);  // selects them
    void replace(int index, Annotation annotation, const QString& what);
    void removeSelected();                                               // leaves what is locked
    void classifySelected(const std::optional<Classification>& classification);
    void renameSelected(const QString& name);
    void setSelectedLocked(bool locked);
    void moveSelected(double dx, double dy);                             // level-0 pixels; leaves what is locked

    void addClass(const QString& name, std::optional<Rgb> colour = {});
    void changeClass(const std::string& name, const Classification& to);  // in the list, in every object and in every label
    void removeClass(const std::string& name);                            // from the list; objects keep theirs
    const Classification* findClass(const std::string& name) const;
    void label(const std::vector<std::string>& spots, const std::optional<Classification>& classification);  // nullopt: takes the label away

    const std::vector<int>& selection() const { return selection_; }  // ascending
    void select(std::vector<int> indices);
    bool isSelected(int index) const;

Q_SIGNALS:
    void changed();           // annotations, classes or labels
    void selectionChanged();

private:
    class Change;
    using StatePtr = std::shared_ptr<const AnnotationState>;
    void apply(const StatePtr& state, const std::vector<int>& selection);
    void commit(AnnotationState next, const QString& what, std::vector<int> selection);
    template <class Edit>
    void editSelected(const QString& what, bool locked_too, Edit edit);

    StatePtr state_;
    std::vector<int> selection_;
    QUndoStack undo_;
};

Rgb class_colour(const Classification& classification);  // its own, else the usual one of its name

}  // namespace c2l::ui
