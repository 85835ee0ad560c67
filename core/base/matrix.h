// Dense float matrix, row-major, owning. For features and normalised expression; sparse counts are ExpressionMatrix.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace c2l {

struct Matrix {
    std::int64_t rows = 0;
    std::int64_t cols = 0;
    std::vector<float> values;  // rows * cols

    Matrix() = default;
    Matrix(std::int64_t r, std::int64_t c, float fill = 0) : rows(r), cols(c), values(static_cast<std::size_t>(r * c), fill) {}

    float* row(std::int64_t r) { return values.data() + r * cols; }
    const float* row(std::int64_t r) const { return values.data() + r * cols; }
    float& at(std::int64_t r, std::int64_t c) { return values[static_cast<std::size_t>(r * cols + c)]; }
    float at(std::int64_t r, std::int64_t c) const { return values[static_cast<std::size_t>(r * cols + c)]; }
};

}  // namespace c2l
