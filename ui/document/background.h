// Work off the GUI thread whose outcome comes back to it.
//
// The receiver owns the pool and must wait for it (pool.waitForDone()) before it is destroyed; an outcome that arrives later
// is dropped by Qt together with the receiver.
#pragma once

#include <QObject>
#include <QString>
#include <QThreadPool>
#include <memory>
#include <new>
#include <optional>
#include <utility>

#include "base/error.h"

namespace c2l::ui {

template <class T>
struct Outcome {
    std::optional<T> value;  // empty when the work failed
    QString error;           // one sentence for the user
    bool stopped = false;    // failed because a stop was asked for
    explicit operator bool() const { return value.has_value(); }
};

// Returns at once. `work()` runs on the pool; `done(Outcome<T>)` on the receiver's thread.
template <class Work, class Done>
void run_in_background(QThreadPool& pool, QObject* receiver, Work work, Done done, int priority = 0) {
    using T = decltype(work());
    pool.start([receiver, work = std::move(work), done = std::move(done)]() mutable {
        auto outcome = std::make_shared<Outcome<T>>();
        try {
            outcome->value = work();
        } catch (const Error& e) {
            outcome->error = QString::fromStdString(e.line());
            outcome->stopped = e.code() == ErrorCode::Stopped;
        } catch (const std::bad_alloc&) {
            outcome->error = QObject::tr("Not enough memory; close other programs and try again");
        } catch (const std::exception& e) {
            outcome->error = QString::fromUtf8(e.what());
        }
        QMetaObject::invokeMethod(receiver, [outcome, done = std::move(done)]() mutable { done(std::move(*outcome)); }, Qt::QueuedConnection);
    }, priority);
}

}  // namespace c2l::ui
