#include "ui/viewer/associated_images.h"

#include <QCoreApplication>
#include <QDialogButtonBox>
#include <QImage>
#include <QLabel>
#include <QPixmap>
#include <QPointer>
#include <QPushButton>
#include <QThreadPool>
#include <QVBoxLayout>

#include "base/error.h"

namespace c2l {

namespace {

constexpr int kMaxSide = 520;

QImage to_qimage(const Image& image) {
    // A copy, since one that fits already is returned as it is, with pixels that are not its own.
    return QImage(image.rgb.data(), image.width, image.height, image.width * 3, QImage::Format_RGB888)
        .scaled(kMaxSide, kMaxSide, Qt::KeepAspectRatio, Qt::SmoothTransformation)
        .copy();
}

}  // namespace

AssociatedImages::AssociatedImages(std::shared_ptr<const Slide> slide, QWidget* parent) : QDialog(parent), slide_(std::move(slide)) {
    setWindowTitle(tr("Pictures in the slide file"));
    auto* rows = new QVBoxLayout(this);
    auto* note = new QLabel(
        tr("These pictures may show names, numbers or handwriting. Each is hidden until you show it; none is ever exported."), this);
    note->setWordWrap(true);
    rows->addWidget(note);
    for (const std::string& each : slide_->info().associated) {
        const QString name = QString::fromStdString(each);
        auto* button = new QPushButton(tr("Show %1").arg(name), this);
        button->setObjectName(QStringLiteral("show_") + name);
        button->setAutoDefault(false);
        auto* picture = new QLabel(this);
        picture->setObjectName(QStringLiteral("picture_") + name);
        picture->hide();
        rows->addWidget(button);
        rows->addWidget(picture, 0, Qt::AlignHCenter);
        connect(button, &QPushButton::clicked, this, [this, name] { reveal(name); });
    }
    if (slide_->info().associated.empty()) rows->addWidget(new QLabel(tr("This file holds none."), this));
    rows->addStretch(1);
    auto* close = new QDialogButtonBox(QDialogButtonBox::Close, this);
    connect(close, &QDialogButtonBox::rejected, this, &QDialog::reject);
    rows->addWidget(close);
    setMinimumWidth(360);
}

void AssociatedImages::reveal(const QString& name) {
    auto* button = findChild<QPushButton*>(QStringLiteral("show_") + name);
    if (!button || !button->isEnabled()) return;
    button->setEnabled(false);
    QThreadPool::globalInstance()->start([dialog = QPointer<AssociatedImages>(this), slide = slide_, name] {
        QImage image;
        QString failed;
        try {
            image = to_qimage(slide->associated(name.toStdString()));
        } catch (const std::exception& error) {
            failed = QString::fromUtf8(error.what());
        }
        QMetaObject::invokeMethod(qApp, [dialog, name, image, failed] {
            auto* picture = dialog ? dialog->findChild<QLabel*>(QStringLiteral("picture_") + name) : nullptr;
            if (!picture) return;
            if (image.isNull())
                picture->setText(failed);
            else
                picture->setPixmap(QPixmap::fromImage(image));
            picture->show();
            dialog->adjustSize();
        });
    });
}

bool AssociatedImages::isRevealed(const QString& name) const {
    const auto* picture = findChild<QLabel*>(QStringLiteral("picture_") + name);
    return picture && picture->isVisibleTo(this) && !picture->pixmap(Qt::ReturnByValue).isNull();
}

}  // namespace c2l
