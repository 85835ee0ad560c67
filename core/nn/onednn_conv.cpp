#include "nn/onednn_conv.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#ifdef C2L_ONEDNN
#include <algorithm>
#include <dnnl.hpp>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "nn/device.h"
#endif

namespace c2l::nn {

#ifdef C2L_ONEDNN

namespace {

using dnnl::memory;

constexpr std::size_t kMostPlans = 16;  // shapes whose primitives a layer keeps

const dnnl::engine& engine() {
    static const dnnl::engine one(dnnl::engine::kind::cpu, 0);
    return one;
}

memory::desc plain(const at::Tensor& t, memory::data_type type, memory::format_tag tag) { return {t.sizes().vec(), type, tag}; }
memory wrap(const memory::desc& desc, const at::Tensor& t) { return {desc, engine(), t.data_ptr()}; }

// What a convolution of one shape needs. Weights come in the layouts that the primitives chose.
struct Plan {
    memory::dims stride, padding;
    memory::desc x, y, weight, bias;
    dnnl::convolution_forward::primitive_desc forward_desc;
    dnnl::convolution_forward forward;
    std::optional<dnnl::convolution_backward_data::primitive_desc> data_desc;
    std::optional<dnnl::convolution_backward_data> data;
    std::optional<dnnl::convolution_backward_weights::primitive_desc> weights_desc;
    std::optional<dnnl::convolution_backward_weights> weights;
};

// The weights in one layout, with the version they were made from.
struct Packed {
    memory::desc desc;
    memory held;
    at::Tensor source;
    std::int64_t version;
};

}  // namespace

struct OneDnnConv::Impl {
    std::mutex mutex;
    std::map<std::array<std::int64_t, 6>, std::unique_ptr<Plan>> plans;  // by N, H, W, stride, padding and threads
    std::vector<Packed> packed;
    dnnl::stream stream{engine()};

    Plan& plan(const at::Tensor& x, const at::Tensor& weight, Step step);
    const memory& weights_as(const memory::desc& desc, const at::Tensor& weight);
};

Plan& OneDnnConv::Impl::plan(const at::Tensor& x, const at::Tensor& weight, Step step) {
    const std::array<std::int64_t, 6> key{x.size(0), x.size(2), x.size(3), step.stride, step.padding, at::get_num_threads()};
    const auto found = plans.find(key);
    if (found != plans.end()) return *found->second;
    if (plans.size() >= kMostPlans) plans.clear();
    const auto half = memory::data_type::bf16;
    const auto out = [&](std::int64_t side, std::int64_t kernel) { return (side + 2 * step.padding - kernel) / step.stride + 1; };
    auto plan = std::make_unique<Plan>();
    plan->stride = {step.stride, step.stride};
    plan->padding = {step.padding, step.padding};
    plan->x = plain(x, half, memory::format_tag::nhwc);
    plan->y = {{x.size(0), weight.size(0), out(x.size(2), weight.size(2)), out(x.size(3), weight.size(3))}, half, memory::format_tag::nhwc};
    plan->weight = plain(weight, half, memory::format_tag::any);
    plan->bias = {{weight.size(0)}, memory::data_type::f32, memory::format_tag::a};
    plan->forward_desc = {{dnnl::prop_kind::forward_training, dnnl::algorithm::convolution_direct, plan->x, plan->weight, plan->bias, plan->y, plan->stride, plan->padding, plan->padding}, engine()};
    plan->forward = dnnl::convolution_forward(plan->forward_desc);
    return *(plans[key] = std::move(plan));
}

const memory& OneDnnConv::Impl::weights_as(const memory::desc& desc, const at::Tensor& weight) {
    auto entry = std::find_if(packed.begin(), packed.end(), [&](const Packed& p) { return p.desc == desc; });
    if (entry != packed.end() && entry->source.data_ptr() == weight.data_ptr() && entry->version == weight._version()) return entry->held;
    if (entry == packed.end()) entry = packed.insert(packed.end(), Packed{desc, memory(desc, engine()), {}, 0});
    c10::NoGradGuard no_grad;
    entry->source = weight.detach();  // keeps the memory from being given to another
    entry->version = weight._version();
    auto from = wrap(plain(weight, memory::data_type::f32, memory::format_tag::oihw), weight);
    dnnl::reorder(from, entry->held).execute(stream, from, entry->held);
    return entry->held;
}

OneDnnConv::OneDnnConv() : impl_(std::make_unique<Impl>()) {}

bool OneDnnConv::can(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
    static const bool fast = bf16_pays(c10::Device(c10::kCPU));  // elsewhere oneDNN has no such primitives
    return fast && x.is_cpu() && x.scalar_type() == c10::kBFloat16 && x.numel() > 0 && weight.scalar_type() == c10::kFloat && weight.is_contiguous() && bias.defined() &&
           bias.scalar_type() == c10::kFloat && bias.is_contiguous();
}

at::Tensor OneDnnConv::forward(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, Step step) {
    const std::lock_guard lock(impl_->mutex);
    auto& plan = impl_->plan(x, weight, step);
    auto y = at::empty(plan.y.dims(), x.options().memory_format(at::MemoryFormat::ChannelsLast));
    plan.forward.execute(impl_->stream, {{DNNL_ARG_SRC, wrap(plan.x, x)},
                                         {DNNL_ARG_WEIGHTS, impl_->weights_as(plan.forward_desc.weights_desc(), weight)},
                                         {DNNL_ARG_BIAS, wrap(plan.bias, bias)},
                                         {DNNL_ARG_DST, wrap(plan.y, y)}});
    return y;
}

std::array<at::Tensor, 3> OneDnnConv::backward(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& dy, Step step, const std::array<bool, 3>& needs,
                                               const at::Tensor& buffer) {
    const std::lock_guard lock(impl_->mutex);
    auto& plan = impl_->plan(x, weight, step);
    at::Tensor dx, dweight, dbias;
    if (needs[0]) {
        if (!plan.data) {
            plan.data_desc.emplace(dnnl::convolution_backward_data::desc(dnnl::algorithm::convolution_direct, plan.x, plan.weight, plan.y, plan.stride, plan.padding, plan.padding),
                                   engine(), plan.forward_desc);
            plan.data.emplace(*plan.data_desc);
        }
        dx = at::empty(x.sizes(), x.options().memory_format(at::MemoryFormat::ChannelsLast));
        plan.data->execute(impl_->stream, {{DNNL_ARG_DIFF_DST, wrap(plan.y, dy)},
                                           {DNNL_ARG_WEIGHTS, impl_->weights_as(plan.data_desc->weights_desc(), weight)},
                                           {DNNL_ARG_DIFF_SRC, wrap(plan.x, dx)}});
    }
    if (needs[1]) {
        if (!plan.weights) {
            const memory::desc wanted(plan.weight.dims(), memory::data_type::f32, memory::format_tag::any);
            plan.weights_desc.emplace(dnnl::convolution_backward_weights::desc(dnnl::algorithm::convolution_direct, plan.x, wanted, plan.bias, plan.y, plan.stride, plan.padding,
                                                                               plan.padding),
                                      engine(), plan.forward_desc);
            plan.weights.emplace(*plan.weights_desc);
        }
        const auto options = weight.options().requires_grad(false);
        dbias = at::empty({weight.size(0)}, options);
        const auto& desc = plan.weights_desc->diff_weights_desc();
        const auto space = at::empty({static_cast<std::int64_t>(desc.get_size() / sizeof(float))}, options);
        auto made = wrap(desc, space);
        plan.weights->execute(impl_->stream, {{DNNL_ARG_SRC, wrap(plan.x, x)}, {DNNL_ARG_DIFF_DST, wrap(plan.y, dy)}, {DNNL_ARG_DIFF_WEIGHTS, made}, {DNNL_ARG_DIFF_BIAS, wrap(plan.bias, dbias)}});
        dnnl::primitive_attr add;
        if (buffer.defined()) {
            dnnl::post_ops sum;
            sum.append_sum(1.0f);
            add.set_post_ops(sum);
        } else {
            dweight = at::empty(weight.sizes(), options);
        }
        auto to = wrap(plain(weight, memory::data_type::f32, memory::format_tag::oihw), buffer.defined() ? buffer : dweight);
        dnnl::reorder(made, to, add).execute(impl_->stream, made, to);
    } else if (needs[2]) {
        dbias = dy.sum({0, 2, 3}, false, c10::kFloat);
    }
    return {dx, dweight, dbias};
}

#else

struct OneDnnConv::Impl {};
OneDnnConv::OneDnnConv() = default;
bool OneDnnConv::can(const at::Tensor&, const at::Tensor&, const at::Tensor&) { return false; }
at::Tensor OneDnnConv::forward(const at::Tensor&, const at::Tensor&, const at::Tensor&, Step) { return {}; }
std::array<at::Tensor, 3> OneDnnConv::backward(const at::Tensor&, const at::Tensor&, const at::Tensor&, Step, const std::array<bool, 3>&, const at::Tensor&) { return {}; }

#endif

OneDnnConv::~OneDnnConv() = default;

}  // namespace c2l::nn
