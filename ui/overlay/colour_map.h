// Numbers to colours: perceptually ordered maps and limits. Pure.
#pragma once

#include <QColor>
#include <QRgb>
#include <QString>
#include <QStringList>
#include <array>
#include <vector>

namespace c2l {

enum class ColourMapId { Viridis, Cividis, Magma, BlueRed };  // BlueRed diverges about its middle

class ColourMap {
public:
    static const ColourMap& get(ColourMapId id);
    static QList<ColourMapId> all();
    static QString name(ColourMapId id);  // "viridis", "cividis", "magma", "blue–red"

    QRgb at(int index) const { return table_[static_cast<std::size_t>(index)]; }  // 0 … 255
    QRgb colour(double t) const;                                                  // 0 … 1, clamped
    const std::array<QRgb, 256>& table() const { return table_; }
    bool diverging() const { return diverging_; }

private:
    std::array<QRgb, 256> table_{};
    bool diverging_ = false;
};

struct ColourScale {
    double low = 0;
    double high = 1;
    bool log = false;               // log(1 + v), mirrored below zero
    bool zero_transparent = false;  // values that are exactly 0 are not drawn

    double position(double value) const;  // 0 … 1, clamped; NaN for NaN
    double value(double position) const;  // the inverse
    int index(double value) const;        // 0 … 255; -1: not drawn (NaN, or zero when transparent)
    std::vector<int> indices(const std::vector<float>& values) const;  // of many at once
    bool operator==(const ColourScale&) const = default;
};

// Limits at two percentiles (0 … 100) of the finite values; {0, 1} when there are none. Equal limits are spread.
ColourScale limits_at(const std::vector<float>& values, double low_percent, double high_percent);
// Limits symmetric about zero, for a difference.
ColourScale symmetric_limits(const std::vector<float>& values, double high_percent);

}  // namespace c2l
