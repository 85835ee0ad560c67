// Compiled for AVX2 and FMA on x86-64 (CMakeLists.txt), so nothing of the standard library's templates may be instantiated here: the linker could take
// such a copy for the whole program, and that must start on any processor.
#include "nn/winograd_kernels.h"

namespace c2l::nn::kernels::winograd {
namespace {

using Eight = float __attribute__((vector_size(32), aligned(4), may_alias));
constexpr std::int64_t kWidth = 8, kWindow = 6;

inline Eight load(const float* p) { return *reinterpret_cast<const Eight*>(p); }
inline void store(float* p, Eight x) { *reinterpret_cast<Eight*>(p) = x; }

// The three transforms in one direction, from numbers `step` apart.
inline void window_points(const Eight* d, int step, Eight* to) {  // Bᵀ
    const Eight d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step], d5 = d[5 * step];
    const Eight even = d4 - 4 * d2, odd = d3 - 4 * d1, even2 = d4 - d2, odd2 = 2 * (d3 - d1);
    to[0] = 4 * d0 - 5 * d2 + d4;
    to[step] = even + odd;
    to[2 * step] = even - odd;
    to[3 * step] = even2 + odd2;
    to[4 * step] = even2 - odd2;
    to[5 * step] = 4 * d1 - 5 * d3 + d5;
}
inline void tile_values(const Eight* m, int step, Eight* to) {  // Aᵀ
    const Eight sum = m[step] + m[2 * step], difference = m[step] - m[2 * step];
    const Eight sum2 = m[3 * step] + m[4 * step], difference2 = m[3 * step] - m[4 * step];
    to[0] = m[0] + sum + sum2;
    to[step] = difference + 2 * difference2;
    to[2 * step] = sum + 4 * sum2;
    to[3 * step] = difference + 8 * difference2 + m[5 * step];
}
inline void tile_points(const Eight* y, int step, Eight* to) {  // A
    const Eight y0 = y[0], y1 = y[step], y2 = y[2 * step], y3 = y[3 * step];
    const Eight even = y0 + y2, odd = y1 + y3, even2 = y0 + 4 * y2, odd2 = 2 * y1 + 8 * y3;
    to[0] = y0;
    to[step] = even + odd;
    to[2 * step] = even - odd;
    to[3 * step] = even2 + odd2;
    to[4 * step] = even2 - odd2;
    to[5 * step] = y3;
}
inline void kernel_points(const Eight* g, int step, Eight* to, int to_step) {  // G
    const Eight g0 = g[0], g1 = g[step], g2 = g[2 * step];
    to[0] = g0 / 4;
    to[to_step] = -(g0 + g1 + g2) / 6;
    to[2 * to_step] = -(g0 - g1 + g2) / 6;
    to[3 * to_step] = (g0 + 2 * g1 + 4 * g2) / 24;
    to[4 * to_step] = (g0 - 2 * g1 + 4 * g2) / 24;
    to[5 * to_step] = g2;
}
inline void kernel_values(const Eight* d, int step, Eight* to, int to_step) {  // Gᵀ
    const Eight sum = d[step] + d[2 * step], difference = d[2 * step] - d[step], sum2 = d[3 * step] + d[4 * step], difference2 = d[3 * step] - d[4 * step];
    to[0] = d[0] / 4 - sum / 6 + sum2 / 24;
    to[to_step] = difference / 6 + difference2 / 12;
    to[2 * to_step] = -sum / 6 + sum2 / 6 + d[5 * step];
}

struct Place {
    std::int64_t image, row, column;  // of a tile's first result
};
inline Place place(const Maps& maps, std::int64_t tile) {
    const std::int64_t across = maps.across(), image_tiles = maps.down() * across, within = tile % image_tiles;
    return {tile / image_tiles, within / across * kSide, within % across * kSide};
}
inline std::int64_t index(const Maps& maps, std::int64_t image, std::int64_t row, std::int64_t column) { return ((image * maps.rows + row) * maps.columns + column) * maps.channels; }

// `side` × `side` numbers of the map from (row, column) on, 0 beyond its edges.
inline void read_square(const Maps& maps, const float* x, const Place& at, std::int64_t shift, std::int64_t side, std::int64_t channel, Eight* to) {
    for (std::int64_t r = 0; r < side; ++r)
        for (std::int64_t c = 0; c < side; ++c) {
            const std::int64_t row = at.row + r + shift, column = at.column + c + shift;
            const bool inside = row >= 0 && row < maps.rows && column >= 0 && column < maps.columns;
            to[r * side + c] = inside ? load(x + index(maps, at.image, row, column) + channel) : Eight{};
        }
}

inline void write_points(const Eight* values, const Points& to, std::int64_t row, std::int64_t channel) {
    float* p = to.values + row * to.channels + channel;
    for (std::int64_t i = 0; i < kPoints; ++i) store(p + i * to.stride, values[i]);
}

// Rows × 16 of a product: a is rows of `a_row` and columns of `a_column` numbers, b has rows of `b_row` numbers.
template <int kRows, bool kAdd>
inline void block(std::int64_t depth, const float* a, std::int64_t a_row, std::int64_t a_column, const float* b, std::int64_t b_row, float* c, std::int64_t c_row) {
    Eight left[kRows] = {}, right[kRows] = {};
    for (std::int64_t k = 0; k < depth; ++k) {
        const Eight b0 = load(b + k * b_row), b1 = load(b + k * b_row + kWidth);
#pragma GCC unroll 6
        for (int r = 0; r < kRows; ++r) {
            const float value = a[r * a_row + k * a_column];
            left[r] += value * b0;
            right[r] += value * b1;
        }
    }
#pragma GCC unroll 6
    for (int r = 0; r < kRows; ++r) {
        float* to = c + r * c_row;
        store(to, kAdd ? load(to) + left[r] : left[r]);
        store(to + kWidth, kAdd ? load(to + kWidth) + right[r] : right[r]);
    }
}

template <bool kAdd>
void blocks(std::int64_t rows, std::int64_t depth, const float* a, std::int64_t a_row, std::int64_t a_column, const float* b, std::int64_t b_row, float* c, std::int64_t c_row) {
    std::int64_t r = 0;
    for (; r + 6 <= rows; r += 6) block<6, kAdd>(depth, a + r * a_row, a_row, a_column, b, b_row, c + r * c_row, c_row);
    for (; r + 4 <= rows; r += 4) block<4, kAdd>(depth, a + r * a_row, a_row, a_column, b, b_row, c + r * c_row, c_row);
    for (; r < rows; ++r) block<1, kAdd>(depth, a + r * a_row, a_row, a_column, b, b_row, c + r * c_row, c_row);
}

}  // namespace

void map_to_points(const Maps& maps, const float* x, const Points& to, std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t) {
        const Place at = place(maps, to.first + t);
        for (std::int64_t channel = 0; channel < maps.channels; channel += kWidth) {
            Eight window[kPoints], half[kPoints], points[kPoints];
            read_square(maps, x, at, -1, kWindow, channel, window);
            for (int c = 0; c < kWindow; ++c) window_points(window + c, kWindow, half + c);
            for (int r = 0; r < kWindow; ++r) window_points(half + r * kWindow, 1, points + r * kWindow);
            write_points(points, to, t, channel);
        }
    }
}

void gradient_to_points(const Maps& maps, const float* dy, const Points& to, std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t) {
        const Place at = place(maps, to.first + t);
        for (std::int64_t channel = 0; channel < maps.channels; channel += kWidth) {
            Eight tile[kSide * kSide], half[kWindow * kSide], points[kPoints];  // half: rows × 4, then each row 4 → 6
            read_square(maps, dy, at, 0, kSide, channel, tile);
            for (int c = 0; c < kSide; ++c) tile_points(tile + c, kSide, half + c);
            for (int r = 0; r < kWindow; ++r) tile_points(half + r * kSide, 1, points + r * kWindow);
            write_points(points, to, t, channel);
        }
    }
}

void points_to_map(const Points& from, const float* bias, const Maps& maps, float* y, std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t) {
        const Place at = place(maps, from.first + t);
        const std::int64_t rows = maps.rows - at.row < kSide ? maps.rows - at.row : kSide, columns = maps.columns - at.column < kSide ? maps.columns - at.column : kSide;
        for (std::int64_t channel = 0; channel < maps.channels; channel += kWidth) {
            Eight points[kPoints], half[kSide * kWindow], tile[kSide * kSide];
            const float* p = from.values + t * from.channels + channel;
            for (std::int64_t i = 0; i < kPoints; ++i) points[i] = load(p + i * from.stride);
            for (int c = 0; c < kWindow; ++c) tile_values(points + c, kWindow, half + c);
            for (int r = 0; r < kSide; ++r) tile_values(half + r * kWindow, 1, tile + r * kSide);
            const Eight shift = bias ? load(bias + channel) : Eight{};
            for (std::int64_t r = 0; r < rows; ++r)
                for (std::int64_t c = 0; c < columns; ++c) store(y + index(maps, at.image, at.row + r, at.column + c) + channel, tile[r * kSide + c] + shift);
        }
    }
}

void weights_to_points(std::int64_t in, std::int64_t out, const float* weight, bool reversed, float* points, std::int64_t begin, std::int64_t end) {
    const std::int64_t depth = reversed ? out : in, outputs = reversed ? in : out, next = reversed ? 9 : 9 * in, stride = weights_stride(in, out);
    for (std::int64_t row = begin; row < end; ++row)
        for (std::int64_t column = 0; column < outputs; column += kWidth) {
            const float* given = weight + (reversed ? row * in + column : column * in + row) * 9;
            Eight kernel[9], half[18], all[kPoints];
            for (int e = 0; e < 9; ++e)
                for (int lane = 0; lane < kWidth; ++lane) kernel[e][lane] = given[lane * next + (reversed ? 8 - e : e)];
            for (int c = 0; c < 3; ++c) kernel_points(kernel + c, 3, half + c, 3);
            for (int r = 0; r < kWindow; ++r) kernel_points(half + r * 3, 1, all + r * kWindow, 1);
            float* to = points + (column / kPanel * depth + row) * kPanel + column % kPanel;
            for (std::int64_t p = 0; p < kPoints; ++p) store(to + p * stride, all[p]);
        }
}

void points_to_weights(std::int64_t in, std::int64_t out, const float* points, float* gradient, std::int64_t begin, std::int64_t end) {
    const std::int64_t stride = weights_stride(in, out);
    for (std::int64_t i = begin; i < end; ++i)
        for (std::int64_t o = 0; o < out; o += kWidth) {
            Eight all[kPoints], half[18], kernel[9];
            for (std::int64_t p = 0; p < kPoints; ++p) all[p] = load(points + p * stride + i * out + o);
            for (int c = 0; c < kWindow; ++c) kernel_values(all + c, kWindow, half + c, kWindow);
            for (int r = 0; r < 3; ++r) kernel_values(half + r * kWindow, 1, kernel + r * 3, 1);
            for (int lane = 0; lane < kWidth; ++lane)
                for (int e = 0; e < 9; ++e) gradient[((o + lane) * in + i) * 9 + e] += kernel[e][lane];
        }
}

void multiply(const Points& x, const float* weights, const Points& y, std::int64_t begin, std::int64_t end) {
    const std::int64_t panels = y.channels / kPanel, panel_size = x.channels * kPanel, stride = weights_stride(x.channels, y.channels);
    for (std::int64_t job = begin; job < end; ++job) {
        const std::int64_t point = job / panels, panel = job % panels;
        blocks<false>(x.tiles, x.channels, x.values + point * x.stride, x.channels, 1, weights + point * stride + panel * panel_size, kPanel, y.values + point * y.stride + panel * kPanel, y.channels);
    }
}

void multiply_transposed(const Points& x, const Points& dy, float* gradient, std::int64_t begin, std::int64_t end) {
    const std::int64_t panels = dy.channels / kPanel, stride = weights_stride(x.channels, dy.channels);
    for (std::int64_t job = begin; job < end; ++job) {
        const std::int64_t point = job / panels, panel = job % panels;
        blocks<true>(x.channels, x.tiles, x.values + point * x.stride, 1, x.channels, dy.values + point * dy.stride + panel * kPanel, dy.channels, gradient + point * stride + panel * kPanel, dy.channels);
    }
}

}  // namespace c2l::nn::kernels::winograd
