// The slide view as a picture for a slide show or a paper: pixels read anew at the resolution asked for, what lies over them, scale bar and
// colour bar; both views where there are two. Saved as PNG or copied. The text in the file names the slide by its content, never by its
// file's name, which may be a patient's; of a predicted map it says, as an exported figure does, whose model it rests on and under what licence.
#pragma once

#include <QImage>
#include <QObject>
#include <QThreadPool>
#include <stop_token>
#include <vector>

#include "slide/stain_transform.h"
#include "ui/viewer/view_transform.h"

class QMenu;

namespace c2l {
class SlideView;
}

namespace c2l::ui {

class SlidePage;

class ViewPicture : public QObject {
    Q_OBJECT
public:
    explicit ViewPicture(SlidePage* page, QObject* parent = nullptr);
    ~ViewPicture() override;  // stops what is being read

    // Return at once; `density`: picture pixels per widget pixel, 1 the widget's. saved(), copied() or failed() follow.
    void save(const QString& path, double density = 1);
    void copy(double density = 1);
    bool isBusy() const { return busy_; }
    void fillMenu(QMenu* menu);

Q_SIGNALS:
    void saved(const QString& path);
    void copied();
    void failed(const QString& message);
    void said(const QString& message);

private:
    // All that one view's picture is made of; slide pixels are still missing.
    struct Part {
        std::shared_ptr<const Slide> slide;
        std::shared_ptr<const StainTransform> transform;
        ViewTransform view;
        double density = 1;
        QImage front;
    };
    std::vector<Part> parts(double density) const;
    Part part(SlideView* view, double density) const;
    static QImage compose(const std::vector<Part>& parts, const std::stop_token& stop);
    static void paintSlide(QPainter& painter, const Part& part, const std::stop_token& stop);
    void describe(QImage& picture, double density) const;
    template <class Take>
    void make(double density, Take take);
    void ask(double density);

    SlidePage* page_;
    QThreadPool pool_;
    std::stop_source stop_;
    bool busy_ = false;
};

}  // namespace c2l::ui
