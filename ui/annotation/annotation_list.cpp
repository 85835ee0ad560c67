#include "ui/annotation/annotation_list.h"

#include <QIcon>
#include <QLocale>
#include <QPainter>
#include <QPixmap>

#include "ui/annotation/annotation_layer.h"
#include "ui/panels/theme.h"

namespace c2l::ui {

QIcon colour_icon(const QColor& colour) {
    QPixmap pixmap(28, 28);
    pixmap.setDevicePixelRatio(2);
    pixmap.fill(Qt::transparent);
    QPainter p(&pixmap);
    p.setRenderHint(QPainter::Antialiasing);
    p.setPen(QPen(QColor(128, 128, 128), 1));
    p.setBrush(colour);
    p.drawRoundedRect(QRectF(1.5, 1.5, 11, 11), 2, 2);
    return pixmap;
}

QString size_text(const Geometry& g, double mpp) {
    if (g.is_points()) return counted(static_cast<qint64>(g.vertices()), QObject::tr("point"), QObject::tr("points"));
    const QLocale locale;
    if (g.is_area()) {
        if (!(mpp > 0)) return QObject::tr("%1 px²").arg(locale.toString(area_px(g), 'f', 0));
        const double area = area_um2(g, mpp);
        return area < 1e5 ? QObject::tr("%1 µm²").arg(locale.toString(area, 'f', 0)) : QObject::tr("%1 mm²").arg(locale.toString(area / 1e6, 'f', 3));
    }
    if (g.is_line()) return mpp > 0 ? QObject::tr("%1 µm").arg(locale.toString(length_px(g) * mpp, 'f', 0)) : QObject::tr("%1 px").arg(locale.toString(length_px(g), 'f', 0));
    return {};
}

AnnotationList::AnnotationList(AnnotationStore* store, QObject* parent) : QAbstractTableModel(parent), store_(store) {
    connect(store, &AnnotationStore::changed, this, [this] {
        beginResetModel();
        rows_ = static_cast<int>(store_->annotations().size());
        endResetModel();
    });
}

void AnnotationList::setMpp(double mpp) {
    if (std::exchange(mpp_, mpp) != mpp && rows_ > 0) Q_EMIT dataChanged(index(0, Size), index(rows_ - 1, Size));
}

int AnnotationList::rowCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : rows_; }
int AnnotationList::columnCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : static_cast<int>(Columns); }

QVariant AnnotationList::data(const QModelIndex& index, int role) const {
    if (!index.isValid() || index.row() >= rows_) return {};
    const Annotation& a = *store_->annotations()[static_cast<std::size_t>(index.row())];
    if (role == Qt::DecorationRole && index.column() == Class && a.classification) return colour_icon(to_qcolor(a.colour.value_or(class_colour(*a.classification))));
    if (role == Qt::ToolTipRole && a.locked) return tr("Locked: it is not moved, changed or deleted");
    if (role != Qt::DisplayRole && role != Qt::EditRole) return {};
    switch (index.column()) {
        case Name: {
            const QString name = QString::fromStdString(a.name);
            return role == Qt::DisplayRole && a.locked ? name + QStringLiteral(" 🔒") : name;
        }
        case Class: return a.classification ? QString::fromStdString(a.classification->name) : tr("unclassified");
        case Shape: {
            const auto type = to_string(a.geometry.type);
            return QString::fromLatin1(type.data(), static_cast<qsizetype>(type.size()));
        }
        case Size: return size_text(a.geometry, mpp_);
        default: return {};
    }
}

QVariant AnnotationList::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal || role != Qt::DisplayRole) return {};
    const QStringList titles{tr("Name"), tr("Class"), tr("Shape"), tr("Size")};
    return titles.value(section);
}

Qt::ItemFlags AnnotationList::flags(const QModelIndex& index) const {
    const auto flags = QAbstractTableModel::flags(index);
    const bool editable = index.isValid() && index.column() == Name && !store_->annotations()[static_cast<std::size_t>(index.row())]->locked;
    return editable ? flags | Qt::ItemIsEditable : flags;
}

bool AnnotationList::setData(const QModelIndex& index, const QVariant& value, int role) {
    if (role != Qt::EditRole || index.column() != Name) return false;
    Annotation a = *store_->annotations()[static_cast<std::size_t>(index.row())];
    if (a.name == value.toString().toStdString()) return false;
    a.name = value.toString().toStdString();
    store_->replace(index.row(), std::move(a), tr("Rename"));
    return true;
}

}  // namespace c2l::ui
