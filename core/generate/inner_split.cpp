#include "generate/inner_split.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/random.h"

namespace c2l::generate {
namespace {

constexpr double kEnough = 0.75;  // of the spots that do not decide

struct Positions {
    const TrainTiles& train;
    std::size_t row(std::int64_t position) const { return static_cast<std::size_t>(train.rows()[static_cast<std::size_t>(position)]); }
    double x(std::int64_t position) const { return train.pairs().x[row(position)]; }
    double y(std::int64_t position) const { return train.pairs().y[row(position)]; }
    bool near(std::int64_t a, std::int64_t b, double clear_px) const { return std::abs(x(a) - x(b)) < clear_px && std::abs(y(a) - y(b)) < clear_px; }
};

// The first `held` decide, of the others those learn that are clear of them.
InnerSplit clear_split(const Positions& at, const std::vector<std::int64_t>& order, std::ptrdiff_t held, double clear_px) {
    InnerSplit out;
    out.check.assign(order.begin(), order.begin() + held);
    std::copy_if(order.begin() + held, order.end(), std::back_inserter(out.learn),
                 [&](std::int64_t a) { return std::none_of(out.check.begin(), out.check.end(), [&](std::int64_t c) { return at.near(a, c, clear_px); }); });
    return out;
}

}  // namespace

InnerSplit inner_split(const TrainTiles& train, double clear_px, std::uint64_t seed, const JobContext& ctx) {
    const Positions at{train};
    const auto n = static_cast<std::int64_t>(train.size());
    std::vector<std::int64_t> order(static_cast<std::size_t>(n));
    std::iota(order.begin(), order.end(), 0);
    Random(derive_seed(seed, "inner held-out")).shuffle(order);
    const auto held = static_cast<std::ptrdiff_t>(std::clamp<std::int64_t>(n / 10, 2, 64));
    const auto enough = [&](const InnerSplit& s) { return static_cast<double>(s.learn.size()) >= kEnough * static_cast<double>(n - held); };
    InnerSplit out = clear_split(at, order, held, clear_px);
    if (enough(out)) return out;
    auto around = order;
    const auto distance = [&](std::int64_t a) { return std::hypot(at.x(a) - at.x(order[0]), at.y(a) - at.y(order[0])); };
    std::stable_sort(around.begin(), around.end(), [&](std::int64_t a, std::int64_t b) { return distance(a) < distance(b); });
    out = clear_split(at, around, held, clear_px);
    if (enough(out)) return out;
    ctx.issue({Severity::Warning, "the training spots are so few and so close together that those which decide when the adaptation stops show tissue that it learns from: its held-out loss flatters", {}});
    return clear_split(at, order, held, 0);
}

bool as_good_as(const std::vector<double>& losses, const std::vector<double>& least) {
    const auto n = static_cast<double>(losses.size());
    double behind = 0, square = 0;
    for (std::size_t i = 0; i < losses.size(); ++i) behind += (losses[i] - least[i]) / n;
    for (std::size_t i = 0; i < losses.size(); ++i) square += std::pow(losses[i] - least[i] - behind, 2);
    return behind <= std::sqrt(square / (n - 1) / n);
}

}  // namespace c2l::generate
