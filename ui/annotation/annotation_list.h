// The annotations as a table: name, class, shape, size. Any number of rows; nothing is copied.
#pragma once

#include <QAbstractTableModel>

#include "ui/annotation/annotation_store.h"

namespace c2l::ui {

class AnnotationList : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Column { Name, Class, Shape, Size, Columns };
    explicit AnnotationList(AnnotationStore* store, QObject* parent = nullptr);
    void setMpp(double mpp);  // µm per level-0 pixel; 0: unknown, sizes are in pixels

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;
    Qt::ItemFlags flags(const QModelIndex& index) const override;
    bool setData(const QModelIndex& index, const QVariant& value, int role) override;  // the name

private:
    AnnotationStore* store_;
    int rows_ = 0;
    double mpp_ = 0;
};

QIcon colour_icon(const QColor& colour);
// "0.125 mm²", "1,250 µm²", "300 µm", "5 points".
QString size_text(const Geometry& geometry, double mpp);

}  // namespace c2l::ui
