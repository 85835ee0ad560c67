#include "nn/winograd.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <mutex>
#include <vector>

#include "nn/gradient_buffer.h"
#include "nn/winograd_kernels.h"

namespace c2l::nn {
namespace {

namespace winograd = kernels::winograd;
using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;
using winograd::Maps;
using winograd::Points;

constexpr auto kLast = at::MemoryFormat::ChannelsLast;
constexpr std::int64_t kMostPoints = std::int64_t{1} << 21;   // numbers of a run of tiles, both sides of the product: 8 MB
constexpr std::int64_t kMostWeights = 400 * 400;              // pairs of channels: their points are four times the weights, and kept
constexpr std::int64_t kTilesAtOnce = 4, kJobsAtOnce = 2;

// Whether this processor runs the kernels, and well.
bool pays() {
#if defined(__x86_64__) && defined(__GNUC__)
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
    return false;
#endif
}

float* data(const at::Tensor& t) { return t.data_ptr<float>(); }
Maps maps_of(const at::Tensor& x) { return {x.size(0), x.size(2), x.size(3), x.size(1)}; }
at::Tensor like_map(const at::Tensor& x, std::int64_t channels) { return at::empty({x.size(0), channels, x.size(2), x.size(3)}, x.options().requires_grad(false).memory_format(kLast)); }

// Calls body(run of the inputs' tiles, the same run of the outputs'), one run after the other in the same memory.
template <class Body>
void each_run(std::int64_t tiles, std::int64_t in, std::int64_t out, const at::TensorOptions& options, const Body& body) {
    const std::int64_t most = std::clamp<std::int64_t>(kMostPoints / (winograd::kPoints * (in + out)), 1, tiles);
    const auto inputs = at::empty({winograd::kPoints, winograd::stride_of(most, in)}, options), outputs = at::empty({winograd::kPoints, winograd::stride_of(most, out)}, options);
    for (std::int64_t first = 0; first < tiles; first += most) {
        const std::int64_t n = std::min(most, tiles - first);
        body(Points{data(inputs), first, n, in, winograd::stride_of(n, in)}, Points{data(outputs), first, n, out, winograd::stride_of(n, out)});
    }
}

template <class Body>
void each_tile(const Points& points, const Body& body) {
    at::parallel_for(0, points.tiles, kTilesAtOnce, body);
}
template <class Body>
void each_job(std::int64_t outputs, const Body& body) {
    at::parallel_for(0, winograd::kPoints * (outputs / winograd::kPanel), kJobsAtOnce, body);
}

at::Tensor convolve(const at::Tensor& x, const at::Tensor& weight_points, std::int64_t channels, const at::Tensor& bias) {
    auto y = like_map(x, channels);
    const Maps from = maps_of(x), to = maps_of(y);
    each_run(from.tiles(), from.channels, channels, x.options().requires_grad(false), [&](const Points& in, const Points& out) {
        each_tile(in, [&](std::int64_t begin, std::int64_t end) { winograd::map_to_points(from, data(x), in, begin, end); });
        each_job(channels, [&](std::int64_t begin, std::int64_t end) { winograd::multiply(in, data(weight_points), out, begin, end); });
        each_tile(out, [&](std::int64_t begin, std::int64_t end) { winograd::points_to_map(out, bias.defined() ? data(bias) : nullptr, to, data(y), begin, end); });
    });
    return y;
}

// Added to `gradient`.
void add_weight_gradient(const at::Tensor& x, const at::Tensor& dy, const at::Tensor& gradient) {
    const Maps from = maps_of(x), to = maps_of(dy);
    const std::int64_t in = from.channels, out = to.channels;
    const auto points = at::zeros({winograd::kPoints, winograd::weights_stride(in, out)}, gradient.options());
    each_run(from.tiles(), in, out, points.options(), [&](const Points& a, const Points& b) {
        each_tile(a, [&](std::int64_t begin, std::int64_t end) {
            winograd::map_to_points(from, data(x), a, begin, end);
            winograd::gradient_to_points(to, data(dy), b, begin, end);
        });
        each_job(out, [&](std::int64_t begin, std::int64_t end) { winograd::multiply_transposed(a, b, data(points), begin, end); });
    });
    at::parallel_for(0, in, 1, [&](std::int64_t begin, std::int64_t end) { winograd::points_to_weights(in, out, data(points), data(gradient), begin, end); });
}

}  // namespace

// The weights' points, for the map and for its gradient.
struct WinogradConv::Layer {
    at::Tensor points(const at::Tensor& weight, bool reversed) {
        const std::lock_guard lock(mutex_);
        Kept& kept = kept_[reversed];
        if (kept.source.defined() && kept.source.data_ptr() == weight.data_ptr() && kept.version == weight._version()) return kept.points;
        c10::NoGradGuard no_grad;
        const std::int64_t out = weight.size(0), in = weight.size(1);
        // Not in place: another thread may still be multiplying by the old ones.
        const auto made = at::empty({winograd::kPoints, winograd::weights_stride(in, out)}, weight.options().requires_grad(false));
        at::parallel_for(0, reversed ? out : in, 1, [&](std::int64_t begin, std::int64_t end) { winograd::weights_to_points(in, out, data(weight), reversed, data(made), begin, end); });
        kept = {weight.detach(), made, static_cast<std::int64_t>(weight._version())};
        return made;
    }

private:
    struct Kept {
        at::Tensor source, points;  // source: keeps the memory from being given to another
        std::int64_t version = -1;
    };
    std::mutex mutex_;
    Kept kept_[2];
};

namespace {

struct WinogradFunction : Function<WinogradFunction> {
    static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const std::shared_ptr<WinogradConv::Layer>& layer) {
        ctx->save_for_backward({x, weight});
        ctx->saved_data["needs"] = std::vector<bool>{x.requires_grad(), weight.requires_grad(), bias.requires_grad()};
        ctx->saved_data["layer"] = c10::IValue::make_capsule(c10::make_intrusive<Held>(layer));
        return convolve(x, layer->points(weight, false), weight.size(0), bias);
    }
    static variable_list backward(AutogradContext* ctx, variable_list gradients) {
        const auto saved = ctx->get_saved_variables();
        const auto &x = saved[0], &weight = saved[1];
        const auto needs = ctx->saved_data["needs"].toBoolList();
        const auto layer = c10::static_intrusive_pointer_cast<Held>(ctx->saved_data["layer"].toCapsule())->layer;
        const auto dy = gradients[0].to(c10::kFloat).contiguous(kLast);
        at::Tensor dx, dweight, dbias;
        if (needs[0]) dx = convolve(dy, layer->points(weight, true), weight.size(1), {});
        if (needs[1]) {
            const auto buffer = gradient_buffer(weight);
            if (!buffer.defined()) dweight = at::zeros(weight.sizes(), weight.options().requires_grad(false));
            add_weight_gradient(x, dy, buffer.defined() ? buffer : dweight);
        }
        if (needs[2]) dbias = dy.sum({0, 2, 3});
        return {dx, dweight, dbias, {}};
    }
    struct Held : torch::CustomClassHolder {  // the graph keeps what the layer keeps
        explicit Held(std::shared_ptr<WinogradConv::Layer> given) : layer(std::move(given)) {}
        std::shared_ptr<WinogradConv::Layer> layer;
    };
};

}  // namespace

WinogradConv::WinogradConv() : layer_(std::make_shared<Layer>()) {}

bool WinogradConv::can(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, int stride, int padding) {
    static const bool here = pays();
    const auto fits = [](const at::Tensor& t) { return t.is_cpu() && t.scalar_type() == c10::kFloat && t.is_contiguous(); };
    return here && x.is_cpu() && x.dim() == 4 && x.numel() > 0 && x.scalar_type() == c10::kFloat && stride == 1 && padding == 1 && fits(weight) && bias.defined() && fits(bias) && weight.dim() == 4 && weight.size(2) == 3 &&
           weight.size(3) == 3 && weight.size(1) == x.size(1) && bias.numel() == weight.size(0) && weight.size(0) % winograd::kPanel == 0 && weight.size(1) % winograd::kPanel == 0 && weight.size(0) * weight.size(1) <= kMostWeights;
}

at::Tensor WinogradConv::operator()(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) const {
    const auto map = x.contiguous(kLast);
    if (c10::GradMode::is_enabled() && (x.requires_grad() || weight.requires_grad() || bias.requires_grad())) return WinogradFunction::apply(map, weight, bias, layer_);
    return convolve(map, layer_->points(weight, false), weight.size(0), bias);
}

}  // namespace c2l::nn
