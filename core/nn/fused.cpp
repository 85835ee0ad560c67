#include "nn/fused.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "nn/gradient_buffer.h"
#include "nn/kernels.h"

namespace c2l::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;
using kernels::Bf16;

constexpr double kEpsilon = 1e-5;
constexpr auto kLast = at::MemoryFormat::ChannelsLast;

// What the kernels take: a map in memory of ours.
bool has_kernel(const at::Tensor& x) { return x.is_cpu() && x.dim() == 4 && (x.scalar_type() == c10::kFloat || x.scalar_type() == c10::kBFloat16); }

// Calls body with a pointer type that fits the map.
template <class Body>
void by_type(const at::Tensor& x, const Body& body) {
    if (x.scalar_type() == c10::kFloat)
        body(static_cast<float*>(nullptr));
    else
        body(static_cast<Bf16*>(nullptr));
}
template <class T>
T* data(const at::Tensor& t) {
    return static_cast<T*>(t.data_ptr());
}
float* data(const at::Tensor& t) { return data<float>(t); }

at::Tensor like_map(const at::Tensor& x, std::int64_t channels, std::int64_t rows, std::int64_t columns) {
    return at::empty({x.size(0), channels, rows, columns}, x.options().memory_format(kLast));
}
at::Tensor like_map(const at::Tensor& x) { return like_map(x, x.size(1), x.size(2), x.size(3)); }

// A gradient as the kernels take it.
at::Tensor as_map(const at::Tensor& gradient, const at::Tensor& x) { return gradient.to(x.scalar_type()).contiguous(kLast); }

// Images in parallel, each with scratch numbers.
template <class Body>
void each_image(std::int64_t n, std::int64_t scratch, const Body& body) {
    at::parallel_for(0, n, 1, [&](std::int64_t begin, std::int64_t end) {
        const auto memory = std::make_unique_for_overwrite<float[]>(static_cast<std::size_t>(scratch));
        for (auto i = begin; i < end; ++i) body(i, memory.get());
    });
}

bool records(std::initializer_list<at::Tensor> inputs) {
    if (!c10::GradMode::is_enabled()) return false;
    for (const auto& t : inputs)
        if (t.defined() && t.requires_grad()) return true;
    return false;
}

// --- norm ---

kernels::ModulatedNorm norm_of(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, std::int64_t groups, bool silu) {
    kernels::ModulatedNorm f;
    f.positions = x.size(2) * x.size(3);
    f.channels = x.size(1);
    f.groups = groups;
    f.epsilon = static_cast<float>(kEpsilon);
    f.silu = silu;
    f.weight = data(weight);
    f.bias = data(bias);
    return f;
}
kernels::ModulatedNorm of_image(kernels::ModulatedNorm f, const at::Tensor& scale_shift, std::int64_t i) {
    if (!scale_shift.defined()) return f;
    f.scale = data(scale_shift) + i * 2 * f.channels;
    f.shift = f.scale + f.channels;
    return f;
}

struct Moments {
    at::Tensor mean, rstd;  // N × groups
};

at::Tensor norm_forward(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, std::int64_t groups, bool silu, const at::Tensor& scale_shift, Moments& moments) {
    const auto f = norm_of(x, weight, bias, groups, silu);
    const auto size = f.positions * f.channels;
    auto y = like_map(x);
    moments.mean = at::empty({x.size(0), groups}, weight.options());
    moments.rstd = at::empty_like(moments.mean);
    by_type(x, [&]<class T>(T*) {
        each_image(x.size(0), kernels::norm_scratch(f), [&, mean = data(moments.mean), rstd = data(moments.rstd), from = data<T>(x), to = data<T>(y)](std::int64_t i, float* scratch) {
            kernels::norm_forward(of_image(f, scale_shift, i), from + i * size, to + i * size, mean + i * groups, rstd + i * groups, scratch);
        });
    });
    return y;
}

struct NormFunction : Function<NormFunction> {
    static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const at::Tensor& modulation, std::int64_t groups,
                              bool silu) {
        Moments moments;
        auto y = norm_forward(x, weight, bias, groups, silu, modulation.numel() ? modulation : at::Tensor(), moments);
        ctx->save_for_backward({x, weight, bias, modulation, moments.mean, moments.rstd});
        ctx->saved_data["groups"] = groups;
        ctx->saved_data["silu"] = silu;
        return y;
    }
    static variable_list backward(AutogradContext* ctx, variable_list gradients) {
        const auto saved = ctx->get_saved_variables();
        const auto& x = saved[0];
        const auto scale_shift = saved[3].numel() ? saved[3] : at::Tensor();
        const auto groups = ctx->saved_data["groups"].toInt();
        const auto f = norm_of(x, saved[1], saved[2], groups, ctx->saved_data["silu"].toBool());
        const auto n = x.size(0), channels = f.channels, size = f.positions * channels;
        const auto dy = as_map(gradients[0], x);
        auto dx = like_map(x);
        auto parts = at::empty({n, 2, channels}, saved[1].options());  // of weight and bias, summed over the images at the end
        auto modulation = scale_shift.defined() ? at::empty({n, 2 * channels}, saved[1].options()) : at::Tensor();
        by_type(x, [&]<class T>(T*) {
            each_image(n, kernels::norm_backward_scratch(f), [&](std::int64_t i, float* scratch) {
                float *part = data(parts) + i * 2 * channels, *more = modulation.defined() ? data(modulation) + i * 2 * channels : nullptr;
                kernels::norm_backward(of_image(f, scale_shift, i), data<T>(x) + i * size, data<T>(dy) + i * size, data(saved[4]) + i * groups, data(saved[5]) + i * groups,
                                       data<T>(dx) + i * size, {part, part + channels, more, more ? more + channels : nullptr}, scratch);
            });
        });
        const auto sums = parts.sum(0);
        return {dx, sums[0], sums[1], modulation, {}, {}};
    }
};

// --- gated sum ---

struct GatedSumFunction : Function<GatedSumFunction> {
    static at::Tensor compute(const at::Tensor& x, const at::Tensor& h, const at::Tensor& gate) {
        const auto positions = x.size(2) * x.size(3), channels = x.size(1), size = positions * channels;
        auto y = like_map(x);
        by_type(x, [&]<class T>(T*) {
            each_image(x.size(0), 0, [&](std::int64_t i, float*) {
                kernels::gated_sum(positions, channels, data(gate) + i * channels, data<T>(x) + i * size, data<T>(h) + i * size, data<T>(y) + i * size);
            });
        });
        return y;
    }
    static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& h, const at::Tensor& gate) {
        ctx->save_for_backward({h, gate});
        return compute(x, h, gate);
    }
    static variable_list backward(AutogradContext* ctx, variable_list gradients) {
        const auto saved = ctx->get_saved_variables();
        const auto &h = saved[0], &gate = saved[1];
        const auto positions = h.size(2) * h.size(3), channels = h.size(1), size = positions * channels;
        const auto dy = as_map(gradients[0], h);
        auto dh = like_map(h), dgate = at::empty_like(gate);
        by_type(h, [&]<class T>(T*) {
            each_image(h.size(0), 0, [&](std::int64_t i, float*) {
                kernels::gated_sum_backward(positions, channels, data(gate) + i * channels, data<T>(h) + i * size, data<T>(dy) + i * size, data<T>(dh) + i * size,
                                            data(dgate) + i * channels);
            });
        });
        return {dy, dh, dgate};
    }
};

// --- attention ---

struct AttentionFunction : Function<AttentionFunction> {
    static kernels::Head head_of(const at::Tensor& qkv, std::int64_t heads) {
        const auto channels = qkv.size(1) / 3;
        return {qkv.size(2) * qkv.size(3), channels / heads, 3 * channels, channels};
    }
    static at::Tensor compute(const at::Tensor& qkv, std::int64_t heads) {
        const auto head = head_of(qkv, heads);
        const auto channels = head.out_stride, image = head.length * head.stride, out = head.length * channels;
        auto y = like_map(qkv, channels, qkv.size(2), qkv.size(3));
        by_type(qkv, [&]<class T>(T*) {
            each_image(qkv.size(0) * heads, kernels::attention_scratch(head), [&](std::int64_t i, float* scratch) {
                const auto* q = data<T>(qkv) + i / heads * image + i % heads * head.width;
                kernels::attention_forward(head, q, q + channels, q + 2 * channels, data<T>(y) + i / heads * out + i % heads * head.width, scratch);
            });
        });
        return y;
    }
    static at::Tensor forward(AutogradContext* ctx, const at::Tensor& qkv, std::int64_t heads) {
        ctx->save_for_backward({qkv});
        ctx->saved_data["heads"] = heads;
        return compute(qkv, heads);
    }
    static variable_list backward(AutogradContext* ctx, variable_list gradients) {
        const auto qkv = ctx->get_saved_variables()[0];
        const auto heads = ctx->saved_data["heads"].toInt();
        const auto head = head_of(qkv, heads);
        const auto channels = head.out_stride, image = head.length * head.stride, out = head.length * channels;
        const auto dy = as_map(gradients[0], qkv);
        auto dqkv = like_map(qkv);
        by_type(qkv, [&]<class T>(T*) {
            each_image(qkv.size(0) * heads, kernels::attention_backward_scratch(head), [&](std::int64_t i, float* scratch) {
                const auto at = i / heads * image + i % heads * head.width;
                const auto* q = data<T>(qkv) + at;
                auto* dq = data<T>(dqkv) + at;
                kernels::attention_backward(head, q, q + channels, q + 2 * channels, data<T>(dy) + i / heads * out + i % heads * head.width, dq, dq + channels,
                                            dq + 2 * channels, scratch);
            });
        });
        return {dqkv, {}};
    }
};

// --- joining and doubling ---

struct JoinFunction : Function<JoinFunction> {
    static at::Tensor compute(const at::Tensor& a, const at::Tensor& b) {
        auto y = like_map(a, a.size(1) + b.size(1), a.size(2), a.size(3));
        const auto first = static_cast<std::size_t>(a.size(1) * a.element_size()), second = static_cast<std::size_t>(b.size(1) * b.element_size());
        auto* to = data<char>(y);
        const auto *from_a = data<char>(a), *from_b = data<char>(b);
        at::parallel_for(0, a.size(0) * a.size(2) * a.size(3), 1024, [&](std::int64_t begin, std::int64_t end) {
            for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
                std::memcpy(to + i * (first + second), from_a + i * first, first);
                std::memcpy(to + i * (first + second) + first, from_b + i * second, second);
            }
        });
        return y;
    }
    static at::Tensor forward(AutogradContext* ctx, const at::Tensor& a, const at::Tensor& b) {
        ctx->saved_data["channels"] = a.size(1);
        return compute(a, b);
    }
    static variable_list backward(AutogradContext* ctx, variable_list gradients) {
        const auto dy = gradients[0].contiguous(kLast);
        const auto channels = ctx->saved_data["channels"].toInt();
        auto da = like_map(dy, channels, dy.size(2), dy.size(3)), db = like_map(dy, dy.size(1) - channels, dy.size(2), dy.size(3));
        const auto first = static_cast<std::size_t>(channels * dy.element_size()), second = static_cast<std::size_t>(db.size(1) * dy.element_size());
        const auto* from = data<char>(dy);
        auto *to_a = data<char>(da), *to_b = data<char>(db);
        at::parallel_for(0, dy.size(0) * dy.size(2) * dy.size(3), 1024, [&](std::int64_t begin, std::int64_t end) {
            for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
                std::memcpy(to_a + i * first, from + i * (first + second), first);
                std::memcpy(to_b + i * second, from + i * (first + second) + first, second);
            }
        });
        return {da, db};
    }
};

struct DoubledFunction : Function<DoubledFunction> {
    static at::Tensor compute(const at::Tensor& x) {
        const auto rows = x.size(2), columns = x.size(3);
        const auto pixel = static_cast<std::size_t>(x.size(1) * x.element_size()), row = 2 * static_cast<std::size_t>(columns) * pixel;
        auto y = like_map(x, x.size(1), 2 * rows, 2 * columns);
        const auto* from = data<char>(x);
        auto* to = data<char>(y);
        at::parallel_for(0, x.size(0) * rows, 16, [&](std::int64_t begin, std::int64_t end) {
            for (auto r = static_cast<std::size_t>(begin); r < static_cast<std::size_t>(end); ++r) {
                for (std::size_t q = 0; q < static_cast<std::size_t>(2 * columns); ++q)
                    std::memcpy(to + 2 * r * row + q * pixel, from + r * row / 2 + q / 2 * pixel, pixel);
                std::memcpy(to + (2 * r + 1) * row, to + 2 * r * row, row);
            }
        });
        return y;
    }
    static at::Tensor forward(AutogradContext*, const at::Tensor& x) { return compute(x); }
    static variable_list backward(AutogradContext*, variable_list gradients) {
        const auto dy = gradients[0].contiguous(kLast);
        const auto rows = dy.size(2) / 2, columns = dy.size(3) / 2, channels = dy.size(1), size = rows * columns * channels;
        auto dx = like_map(dy, channels, rows, columns);
        by_type(dy, [&]<class T>(T*) {
            each_image(dy.size(0), 0,
                       [&](std::int64_t i, float*) { kernels::doubled_backward(rows, columns, channels, data<T>(dy) + i * 4 * size, data<T>(dx) + i * size); });
        });
        return {dx};
    }
};

// --- convolution ---

at::Tensor convolve(const at::Tensor& x, const at::Tensor& half, const at::Tensor& bias, std::int64_t stride, std::int64_t padding) {
    return at::conv2d(x, half, bias.to(c10::kBFloat16), stride, padding);
}

// Adds bfloat16 numbers to an fp32 buffer of the same layout.
void add_to(const at::Tensor& buffer, const at::Tensor& part) {
    if (!buffer.is_cpu() || !buffer.is_contiguous() || !part.is_contiguous()) {
        buffer.add_(part);
        return;
    }
    auto* total = data(buffer);
    const auto* x = data<Bf16>(part);
    at::parallel_for(0, buffer.numel(), 1 << 15, [&](std::int64_t begin, std::int64_t end) { kernels::accumulate(end - begin, x + begin, total + begin); });
}

// By LibTorch, from weights in bfloat16.
struct ConvFunction : Function<ConvFunction> {
    static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const at::Tensor& half, std::int64_t stride,
                              std::int64_t padding) {
        ctx->save_for_backward({x, weight, half});
        ctx->saved_data["stride"] = stride;
        ctx->saved_data["padding"] = padding;
        ctx->saved_data["needs"] = std::vector<bool>{x.requires_grad(), weight.requires_grad(), bias.requires_grad()};
        return convolve(x, half, bias, stride, padding);
    }
    static variable_list backward(AutogradContext* ctx, variable_list gradients) {
        const auto saved = ctx->get_saved_variables();
        const auto &x = saved[0], &weight = saved[1];
        const auto stride = ctx->saved_data["stride"].toInt(), padding = ctx->saved_data["padding"].toInt();
        const auto needs = ctx->saved_data["needs"].toBoolList();
        auto [dx, dweight, dbias] =
            at::convolution_backward(as_map(gradients[0], x), x, saved[2], c10::IntArrayRef({weight.size(0)}), {stride, stride}, {padding, padding}, {1, 1}, false, {0, 0}, 1,
                                     {static_cast<bool>(needs[0]), static_cast<bool>(needs[1]), static_cast<bool>(needs[2])});
        if (dweight.defined()) {
            const auto buffer = gradient_buffer(weight);
            if (buffer.defined())
                add_to(buffer, dweight);
            dweight = buffer.defined() ? at::Tensor() : dweight.to(weight.scalar_type());
        }
        return {dx, dweight, dbias.defined() ? dbias.to(c10::kFloat) : dbias, {}, {}, {}};
    }
};

// By oneDNN itself; the graph keeps what the layer keeps.
struct DirectConvFunction : Function<DirectConvFunction> {
    static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const std::shared_ptr<OneDnnConv>& layer,
                              std::int64_t stride, std::int64_t padding) {
        ctx->save_for_backward({x, weight});
        ctx->saved_data["needs"] = std::vector<bool>{x.requires_grad(), weight.requires_grad(), bias.requires_grad()};
        ctx->saved_data["stride"] = stride;
        ctx->saved_data["padding"] = padding;
        ctx->saved_data["layer"] = c10::IValue::make_capsule(c10::make_intrusive<Held>(layer));
        return layer->forward(x, weight, bias, {stride, padding});
    }
    static variable_list backward(AutogradContext* ctx, variable_list gradients) {
        const auto saved = ctx->get_saved_variables();
        const auto &x = saved[0], &weight = saved[1];
        const auto needs = ctx->saved_data["needs"].toBoolList();
        const auto held = c10::static_intrusive_pointer_cast<Held>(ctx->saved_data["layer"].toCapsule());
        auto d = held->layer->backward(x, weight, as_map(gradients[0], x), {ctx->saved_data["stride"].toInt(), ctx->saved_data["padding"].toInt()}, {needs[0], needs[1], needs[2]}, gradient_buffer(weight));
        return {d[0], d[1], d[2], {}, {}, {}};
    }
    struct Held : torch::CustomClassHolder {
        explicit Held(std::shared_ptr<OneDnnConv> given) : layer(std::move(given)) {}
        std::shared_ptr<OneDnnConv> layer;
    };
};

}  // namespace

at::Tensor modulated_norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, std::int64_t groups, bool silu, const at::Tensor& scale_shift) {
    if (has_kernel(x)) {
        const auto map = x.contiguous(kLast), modulation = scale_shift.defined() ? scale_shift.contiguous() : scale_shift;
        if (records({x, weight, bias, scale_shift}))  // a Function takes no undefined tensors: empty means none there
            return NormFunction::apply(map, weight, bias, modulation.defined() ? modulation : at::empty({0}, weight.options()), groups, silu);
        Moments moments;
        return norm_forward(map, weight, bias, groups, silu, modulation, moments);
    }
    auto y = at::group_norm(x.to(weight.scalar_type()), groups, weight, bias, kEpsilon);
    if (scale_shift.defined()) {
        const auto parts = scale_shift.unsqueeze(-1).unsqueeze(-1).chunk(2, 1);
        y = at::addcmul(parts[1], y, parts[0] + 1.0);
    }
    return (silu ? at::silu(y) : y).to(x.scalar_type());
}

at::Tensor gated_sum(const at::Tensor& x, const at::Tensor& h, const at::Tensor& gate) {
    if (has_kernel(x) && h.scalar_type() == x.scalar_type()) {
        const auto a = x.contiguous(kLast), b = h.contiguous(kLast), g = gate.contiguous();
        return records({x, h, gate}) ? GatedSumFunction::apply(a, b, g) : GatedSumFunction::compute(a, b, g);
    }
    return (x + h * (gate + 1.0).unsqueeze(-1).unsqueeze(-1)).to(x.scalar_type());
}

at::Tensor map_attention(const at::Tensor& qkv, int heads) {
    const auto n = qkv.size(0), c = qkv.size(1) / 3, h = qkv.size(2), w = qkv.size(3), d = c / heads;
    if (has_kernel(qkv)) {
        const auto map = qkv.contiguous(kLast);
        return records({qkv}) ? AttentionFunction::apply(map, heads) : AttentionFunction::compute(map, heads);
    }
    const auto parts = qkv.permute({0, 2, 3, 1}).reshape({n, h * w, 3, heads, d}).permute({2, 0, 3, 1, 4}).reshape({3, n * heads, h * w, d});  // q, k, v
    const auto weights = at::bmm(parts.select(0, 0), parts.select(0, 1).transpose(1, 2)).mul(1.0 / std::sqrt(static_cast<double>(d))).softmax(-1);
    return at::bmm(weights, parts.select(0, 2)).reshape({n, heads, h * w, d}).permute({0, 2, 1, 3}).reshape({n, h, w, c}).permute({0, 3, 1, 2});
}

at::Tensor join_channels(const at::Tensor& a, const at::Tensor& b) {
    if (has_kernel(a) && a.scalar_type() == b.scalar_type()) {
        const auto first = a.contiguous(kLast), second = b.contiguous(kLast);
        return records({a, b}) ? JoinFunction::apply(first, second) : JoinFunction::compute(first, second);
    }
    return at::cat({a, b}, 1);
}

at::Tensor doubled(const at::Tensor& x) {
    if (has_kernel(x)) {
        const auto map = x.contiguous(kLast);
        return records({x}) ? DoubledFunction::apply(map) : DoubledFunction::compute(map);
    }
    return at::upsample_nearest2d(x, {2 * x.size(2), 2 * x.size(3)});
}

at::Tensor HalfConv::rounded(const at::Tensor& weight) {
    const std::lock_guard lock(mutex_);
    if (!source_.defined() || source_.data_ptr() != weight.data_ptr() || version_ != weight._version()) {
        c10::NoGradGuard no_grad;
        source_ = weight.detach();  // keeps the memory from being given to another
        version_ = weight._version();
        half_ = source_.to(c10::kBFloat16);
    }
    return half_;
}

at::Tensor HalfConv::operator()(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, int stride, int padding) {
    const auto map = x.contiguous(kLast);
    const bool learns = records({x, weight, bias});
    if (OneDnnConv::can(map, weight, bias)) return learns ? DirectConvFunction::apply(map, weight, bias, direct_, stride, padding) : direct_->forward(map, weight, bias, {stride, padding});
    const auto half = rounded(weight);
    return learns ? ConvFunction::apply(map, weight, bias, half, stride, padding) : convolve(map, half, bias, stride, padding);
}

}  // namespace c2l::nn
