#include "ui/annotation/annotation_panel.h"

#include <QApplication>
#include <QButtonGroup>
#include <QClipboard>
#include <QColorDialog>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QItemSelectionModel>
#include <QLabel>
#include <QListWidget>
#include <QPushButton>
#include <QToolButton>
#include <QTreeView>
#include <QVBoxLayout>

#include "ui/panels/theme.h"

namespace c2l::ui {
namespace {

QPushButton* button(const QString& text, const QString& tip) {
    auto* b = new QPushButton(text);
    b->setToolTip(tip);
    return b;
}

QToolButton* small_button(const QString& text, const QString& tip) {
    auto* b = new QToolButton;
    b->setText(text);
    b->setToolTip(tip);
    b->setAutoRaise(true);
    return b;
}

QLabel* title(const QString& text) {
    auto* label = new QLabel(text);
    QFont font = label->font();
    font.setWeight(QFont::DemiBold);
    label->setFont(font);
    return label;
}

QHBoxLayout* row(std::initializer_list<QWidget*> widgets) {
    auto* layout = new QHBoxLayout;
    layout->setSpacing(grid(1));
    for (QWidget* w : widgets) layout->addWidget(w);
    return layout;
}

constexpr int kClassRole = Qt::UserRole;  // the class's name; invalid: unclassified

}  // namespace

AnnotationPanel::AnnotationPanel(AnnotationStore* store, AnnotationTools* tools, SpotSelection* spots, QWidget* parent)
    : QWidget(parent), store_(store), tools_(tools), spots_(spots), model_(new AnnotationList(store, this)) {
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(grid(2), grid(2), grid(2), grid(2));
    column->setSpacing(grid(2));
    column->addWidget(makeTools());
    column->addWidget(makeClasses());
    column->addWidget(makeObjects(), 1);
    column->addWidget(makeSpots());
    connect(store_, &AnnotationStore::changed, this, &AnnotationPanel::showClasses);
    connect(store_, &AnnotationStore::selectionChanged, this, &AnnotationPanel::showSelection);
    connect(spots_, &SpotSelection::changed, this, &AnnotationPanel::showSpots);
    showClasses();
    showSelection();
    showSpots();
}

QWidget* AnnotationPanel::makeTools() {
    struct Entry {
        Tool tool;
        const char* icon;
        QString text, key, tip;
    };
    const Entry entries[] = {
        {Tool::Select, "tool-select", tr("Select"), "V", tr("Click selects, Ctrl adds; drag a selected object to move it; drag elsewhere to pan (V)")},
        {Tool::Rectangle, "tool-rectangle", tr("Rectangle"), "R", tr("Drag from corner to corner (R)")},
        {Tool::Polygon, "tool-polygon", tr("Polygon"), "G", tr("Click corner by corner, or drag a free line; double click or Enter closes (G)")},
        {Tool::Brush, "tool-brush", tr("Brush"), "B", tr("Paints on the selected area or begins one; Alt erases, [ and ] change the size (B)")},
        {Tool::Point, "tool-point", tr("Point"), "D", tr("Places a point, which can become a spot (D)")},
        {Tool::Lasso, "tool-lasso", tr("Lasso"), "L", tr("Drag around spots to select them; Shift adds, Alt takes away (L)")}};
    auto* box = new QWidget;
    auto* layout = new QHBoxLayout(box);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(grid(1));
    tool_buttons_ = new QButtonGroup(this);
    for (const Entry& e : entries) {
        auto* b = new QToolButton;
        b->setCheckable(true);
        b->setAutoRaise(true);
        b->setText(e.text);
        b->setAccessibleName(e.text);
        b->setToolTip(e.tip);
        b->setIcon(icon(e.icon));
        b->setIconSize({20, 20});
        b->setToolButtonStyle(b->icon().isNull() ? Qt::ToolButtonTextOnly : Qt::ToolButtonIconOnly);
        b->setShortcut(QKeySequence(e.key));
        tool_buttons_->addButton(b, static_cast<int>(e.tool));
        layout->addWidget(b);
    }
    layout->addStretch(1);
    toolButton(tools_->tool())->setChecked(true);
    connect(tool_buttons_, &QButtonGroup::idClicked, this, [this](int id) { tools_->setTool(static_cast<Tool>(id)); });
    connect(tools_, &AnnotationTools::toolChanged, this, [this](Tool tool) { toolButton(tool)->setChecked(true); });
    return box;
}

QToolButton* AnnotationPanel::toolButton(Tool tool) const { return static_cast<QToolButton*>(tool_buttons_->button(static_cast<int>(tool))); }

QWidget* AnnotationPanel::makeClasses() {
    auto* box = new QWidget;
    auto* column = column_of(box);
    add_class = small_button(tr("Add"), tr("Adds a class; double click renames it"));
    colour_class = small_button(tr("Colour …"), tr("Chooses the colour of the class, of all its objects and labels"));
    remove_class = small_button(tr("Remove"), tr("Takes the class from this list; objects keep theirs"));
    auto* head = row({title(tr("Class")), add_class, colour_class, remove_class});
    head->insertStretch(1, 1);
    column->addLayout(head);
    classes_ = new QListWidget;
    classes_->setToolTip(tr("Class of what is drawn next"));
    classes_->setMaximumHeight(grid(41));
    classes_->setAccessibleName(tr("Classes"));
    column->addWidget(classes_);
    connect(add_class, &QToolButton::clicked, this, [this] {
        QString name = tr("New class");
        for (int n = 2; store_->findClass(name.toStdString()); ++n) name = tr("New class %1").arg(n);
        store_->addClass(name);
        for (int i = 0; i < classes_->count(); ++i)
            if (classes_->item(i)->data(kClassRole).toString() == name) {
                classes_->setCurrentRow(i);
                classes_->editItem(classes_->item(i));
            }
    });
    connect(colour_class, &QToolButton::clicked, this, &AnnotationPanel::chooseColour);
    connect(remove_class, &QToolButton::clicked, this, [this] {
        if (const auto c = chosenClass()) store_->removeClass(c->name);
    });
    connect(classes_, &QListWidget::itemChanged, this, &AnnotationPanel::renameClass);
    connect(classes_, &QListWidget::currentRowChanged, this, [this] {
        if (updating_) return;
        tools_->setClassification(chosenClass());
        showSelection();
        showSpots();
    });
    return box;
}

QWidget* AnnotationPanel::makeObjects() {
    auto* box = new QWidget;
    auto* column = column_of(box);
    objects_ = title({});
    import_file = button(tr("Import …"), tr("Adds the objects of a QuPath GeoJSON or ASAP XML file"));
    export_file = button(tr("Export …"), tr("Writes all objects as QuPath GeoJSON"));
    column->addWidget(objects_);
    list_ = new QTreeView;
    list_->setModel(model_);
    list_->setRootIsDecorated(false);
    list_->setUniformRowHeights(true);
    list_->setAlternatingRowColors(true);
    list_->setSelectionMode(QAbstractItemView::ExtendedSelection);
    list_->setEditTriggers(QAbstractItemView::EditKeyPressed | QAbstractItemView::SelectedClicked);
    list_->setAccessibleName(tr("Annotations"));
    list_->header()->setStretchLastSection(false);
    list_->header()->setMinimumSectionSize(grid(10));
    list_->header()->setSectionResizeMode(0, QHeaderView::Stretch);  // the name takes what is left, so that all columns are seen
    const int widths[] = {18, 14, 15};
    for (int i = 0; i < 3; ++i) list_->header()->resizeSection(i + 1, grid(widths[i]));
    column->addWidget(list_, 1);
    set_class = button(tr("Set class"), tr("Gives the chosen class to the selected objects"));
    lock = button(tr("Lock"), tr("Keeps the selected objects from being changed"));
    remove = button(tr("Delete"), tr("Deletes the selected objects (Del); can be undone"));
    column->addLayout(row({set_class, lock, remove}));
    column->addLayout(row({import_file, export_file}));
    connect(list_->selectionModel(), &QItemSelectionModel::selectionChanged, this, &AnnotationPanel::takeListSelection);
    connect(list_, &QTreeView::doubleClicked, this, [this](const QModelIndex& index) {
        const Box b = bounds(store_->annotations()[static_cast<std::size_t>(index.row())]->geometry);
        const double margin = std::max({50.0, b.right - b.left, b.bottom - b.top}) / 2;
        Q_EMIT showRequested(QRectF(QPointF(b.left - margin, b.top - margin), QPointF(b.right + margin, b.bottom + margin)));
    });
    connect(set_class, &QPushButton::clicked, this, [this] { store_->classifySelected(chosenClass()); });
    connect(remove, &QPushButton::clicked, store_, &AnnotationStore::removeSelected);
    connect(lock, &QPushButton::clicked, this, [this] {
        const auto& selection = store_->selection();
        const bool all = std::all_of(selection.begin(), selection.end(), [this](int i) { return store_->annotations()[static_cast<std::size_t>(i)]->locked; });
        store_->setSelectedLocked(!all);
    });
    connect(import_file, &QPushButton::clicked, this, &AnnotationPanel::importRequested);
    connect(export_file, &QPushButton::clicked, this, &AnnotationPanel::exportRequested);
    return box;
}

QWidget* AnnotationPanel::makeSpots() {
    auto* box = new QWidget;
    auto* column = column_of(box);
    selected_spots_ = title({});
    selected_spots_->setWordWrap(true);
    label_spots = button(tr("Label"), tr("Gives the chosen class to the selected spots"));
    unlabel_spots = button(tr("Unlabel"), tr("Takes the labels of the selected spots away"));
    spots_inside = button(tr("Select inside areas"), tr("Selects the spots whose centres lie in the selected areas"));
    copy_list = button(tr("Copy as list"), tr("Copies the names of the selected spots, one per line: what --spot-list takes"));
    clear_spots = button(tr("Clear"), tr("Selects no spot"));
    place_spots = button(tr("Points as spots …"), tr("Writes the points as spots, with labels or values of a table, for an import"));
    column->addWidget(selected_spots_);
    column->addWidget(spots_inside);
    column->addLayout(row({label_spots, unlabel_spots}));
    column->addLayout(row({copy_list, clear_spots}));
    column->addWidget(place_spots);
    connect(label_spots, &QPushButton::clicked, this, [this] { store_->label(spots_->barcodes(), chosenClass()); });
    connect(unlabel_spots, &QPushButton::clicked, this, [this] { store_->label(spots_->barcodes(), std::nullopt); });
    connect(spots_inside, &QPushButton::clicked, this, [this] {
        spots_->clear();
        for (const int i : store_->selection()) {
            const Geometry& g = store_->annotations()[static_cast<std::size_t>(i)]->geometry;
            if (g.is_area()) spots_->takeLasso(g, LassoMode::Add);
        }
    });
    connect(copy_list, &QPushButton::clicked, this, [this] {
        QApplication::clipboard()->setText(spots_->list());
        Q_EMIT said(tr("%1 copied; save them as a text file for --spot-list.").arg(counted(static_cast<qint64>(spots_->size()), tr("spot name"), tr("spot names"))));
    });
    connect(clear_spots, &QPushButton::clicked, spots_, &SpotSelection::clear);
    connect(place_spots, &QPushButton::clicked, this, &AnnotationPanel::placeSpotsRequested);
    return box;
}

void AnnotationPanel::setMpp(double mpp) { model_->setMpp(mpp); }

std::optional<Classification> AnnotationPanel::chosenClass() const {
    const QListWidgetItem* item = classes_->currentItem();
    if (!item || !item->data(kClassRole).isValid()) return std::nullopt;
    const Classification* c = store_->findClass(item->data(kClassRole).toString().toStdString());
    return c ? std::optional(*c) : std::nullopt;
}

void AnnotationPanel::showClasses() {
    const auto chosen = tools_->classification();
    updating_ = true;
    classes_->clear();
    auto* none = new QListWidgetItem(colour_icon(QColor(255, 230, 0)), tr("unclassified"), classes_);
    int current = 0;
    for (const Classification& c : store_->classes()) {
        auto* item = new QListWidgetItem(colour_icon(to_qcolor(class_colour(c))), QString::fromStdString(c.name), classes_);
        item->setFlags(item->flags() | Qt::ItemIsEditable);
        item->setData(kClassRole, QString::fromStdString(c.name));
        if (chosen && chosen->name == c.name) current = classes_->count() - 1;
    }
    none->setFlags(none->flags() & ~Qt::ItemIsEditable);
    classes_->setCurrentRow(current);
    updating_ = false;
    tools_->setClassification(chosenClass());
    showSelection();
    showSpots();
}

void AnnotationPanel::renameClass(QListWidgetItem* item) {
    if (updating_ || !item->data(kClassRole).isValid()) return;
    const std::string old = item->data(kClassRole).toString().toStdString(), name = item->text().trimmed().toStdString();
    const Classification* c = store_->findClass(old);
    if (c && !name.empty() && name != old && !store_->findClass(name)) {
        if (tools_->classification() && tools_->classification()->name == old) tools_->setClassification(Classification{name, c->colour});
        const Classification renamed{name, c->colour};
        // After the editor has closed: the list is filled anew.
        QMetaObject::invokeMethod(this, [this, old, renamed] { store_->changeClass(old, renamed); }, Qt::QueuedConnection);
    } else {
        QMetaObject::invokeMethod(this, &AnnotationPanel::showClasses, Qt::QueuedConnection);  // an empty or taken name
    }
}

void AnnotationPanel::chooseColour() {
    const auto c = chosenClass();
    if (!c) return;
    const QColor colour = QColorDialog::getColor(to_qcolor(class_colour(*c)), this, tr("Colour of %1").arg(QString::fromStdString(c->name)));
    if (colour.isValid()) store_->changeClass(c->name, {c->name, to_rgb(colour)});
}

void AnnotationPanel::showSelection() {
    const auto& selection = store_->selection();
    updating_ = true;
    QItemSelection rows;
    for (const int i : selection) rows.select(model_->index(i, 0), model_->index(i, AnnotationList::Columns - 1));
    list_->selectionModel()->select(rows, QItemSelectionModel::ClearAndSelect);
    if (selection.size() == 1) list_->scrollTo(model_->index(selection[0], 0));
    updating_ = false;
    const auto n = static_cast<qint64>(store_->annotations().size());
    objects_->setText(n == 0 ? tr("No objects yet: draw, or import") : counted(n, tr("object"), tr("objects")) + (selection.empty() ? QString() : tr(", %1 selected").arg(selection.size())));
    for (QPushButton* b : {set_class, lock, remove}) b->setEnabled(!selection.empty());
    const bool all_locked = !selection.empty() && std::all_of(selection.begin(), selection.end(), [this](int i) { return store_->annotations()[static_cast<std::size_t>(i)]->locked; });
    lock->setText(all_locked ? tr("Unlock") : tr("Lock"));
    export_file->setEnabled(n > 0);
    place_spots->setEnabled(std::any_of(store_->annotations().begin(), store_->annotations().end(), [](const AnnotationPtr& a) { return a->geometry.is_points(); }));
    showSpots();
    const bool some_class = chosenClass().has_value();
    colour_class->setEnabled(some_class);
    remove_class->setEnabled(some_class);
}

void AnnotationPanel::takeListSelection() {
    if (updating_) return;
    std::vector<int> rows;
    for (const QModelIndex& index : list_->selectionModel()->selectedRows()) rows.push_back(index.row());
    store_->select(std::move(rows));
}

void AnnotationPanel::showSpots() {
    const auto n = static_cast<qint64>(spots_->size());
    selected_spots_->setText(spots_->marks().empty() ? tr("This slide has no spots: place points, then make spots of them")
                             : n == 0                ? tr("No spot selected: draw a lasso around some")
                                                     : tr("%1 selected").arg(counted(n, tr("spot"), tr("spots"))));
    const auto is_area = [this](int i) { return store_->annotations()[static_cast<std::size_t>(i)]->geometry.is_area(); };
    spots_inside->setEnabled(!spots_->marks().empty() && std::any_of(store_->selection().begin(), store_->selection().end(), is_area));
    for (QPushButton* b : {unlabel_spots, copy_list, clear_spots}) b->setEnabled(n > 0);
    label_spots->setEnabled(n > 0 && chosenClass());
}

}  // namespace c2l::ui
