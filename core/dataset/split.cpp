#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <unordered_set>

#include "base/error.h"
#include "base/random.h"
#include "dataset/tiles.h"

namespace c2l {
namespace {

constexpr std::size_t kFewest = 8;  // spots below which neither learning nor judging means anything

using Rows = std::vector<std::int64_t>;

double squared_distance(const PairedTiles& p, std::int64_t a, std::int64_t b) {
    const double dx = p.x[static_cast<std::size_t>(a)] - p.x[static_cast<std::size_t>(b)];
    const double dy = p.y[static_cast<std::size_t>(a)] - p.y[static_cast<std::size_t>(b)];
    return dx * dx + dy * dy;
}

// The k of `candidates` nearest to `seed`, itself included.
Rows nearest(const PairedTiles& p, std::int64_t seed, Rows candidates, std::size_t k) {
    k = std::min(k, candidates.size());
    std::partial_sort(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(k), candidates.end(),
                      [&](std::int64_t a, std::int64_t b) {
                          const double da = squared_distance(p, seed, a), db = squared_distance(p, seed, b);
                          return da != db ? da < db : a < b;
                      });
    candidates.resize(k);
    return candidates;
}

// The next block of k spots: grown from the first seed, in random order, whose k nearest spots are all free; where blocks
// leave no such seed, from the free spot farthest from them.
Rows next_block(const PairedTiles& p, const std::vector<bool>& taken, std::size_t k, Random& random) {
    Rows all(p.size()), free;
    std::iota(all.begin(), all.end(), std::int64_t{0});
    for (const auto i : all)
        if (!taken[static_cast<std::size_t>(i)]) free.push_back(i);
    Rows seeds = free;
    random.shuffle(seeds);
    for (const auto seed : seeds) {
        const Rows block = nearest(p, seed, all, k);
        if (std::none_of(block.begin(), block.end(), [&](std::int64_t i) { return taken[static_cast<std::size_t>(i)]; })) return block;
    }
    if (free.empty()) return {};
    std::int64_t farthest = free[0];
    double best = -1;
    for (const auto i : free) {
        double d = std::numeric_limits<double>::infinity();
        for (const auto j : all)
            if (taken[static_cast<std::size_t>(j)]) d = std::min(d, squared_distance(p, i, j));
        if (d > best) best = d, farthest = i;
    }
    return nearest(p, farthest, free, k);
}

// Rows that are in no block and not within the margin of one. Test spots are looked up by squares of the margin's side, so that hundreds of thousands
// of bins take no longer than their neighbourhoods.
Rows outside_margin(const PairedTiles& p, const std::vector<bool>& test, double margin_px) {
    const double side = std::max(margin_px, 1e-9);
    const auto square = [&](double v) { return static_cast<std::int64_t>(std::floor(v / side)); };
    std::map<std::pair<std::int64_t, std::int64_t>, Rows> near;
    if (margin_px > 0)
        for (std::size_t i = 0; i < p.size(); ++i)
            if (test[i]) near[{square(p.x[i]), square(p.y[i])}].push_back(static_cast<std::int64_t>(i));
    const auto within = [&](std::int64_t i) {
        const auto x = square(p.x[static_cast<std::size_t>(i)]), y = square(p.y[static_cast<std::size_t>(i)]);
        for (auto v = y - 1; v <= y + 1; ++v)
            for (auto u = x - 1; u <= x + 1; ++u)
                if (const auto it = near.find({u, v}); it != near.end())
                    for (const auto j : it->second)
                        if (squared_distance(p, i, j) < margin_px * margin_px) return true;
        return false;
    };
    Rows rows;
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(p.size()); ++i)
        if (!test[static_cast<std::size_t>(i)] && !within(i)) rows.push_back(i);
    return rows;
}

// One random spot of each of `n` compact cells of equal size.
Rows choose_evenly(const PairedTiles& p, const Rows& rows, int n, std::uint64_t seed) {
    std::vector<double> x, y;
    for (const auto r : rows) x.push_back(p.x[static_cast<std::size_t>(r)]), y.push_back(p.y[static_cast<std::size_t>(r)]);
    const auto cell = spatial_folds(x, y, n, seed);
    std::vector<Rows> members(static_cast<std::size_t>(n));
    for (std::size_t i = 0; i < rows.size(); ++i) members[static_cast<std::size_t>(cell[i])].push_back(rows[i]);
    Random random(derive_seed(seed, "training spots"));
    Rows chosen;
    for (const auto& m : members) chosen.push_back(m[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(m.size())))]);
    std::sort(chosen.begin(), chosen.end());
    return chosen;
}

Rows choose_listed(const PairedTiles& p, const Rows& rows, const std::vector<std::string>& list) {
    const std::unordered_set<std::string> wanted(list.begin(), list.end());
    Rows chosen;
    for (const auto r : rows)
        if (wanted.count(p.barcodes[static_cast<std::size_t>(r)])) chosen.push_back(r);
    return chosen;
}

void check(const PairedTiles& p, const SplitParams& params) {
    if (p.x.size() != p.size() || p.y.size() != p.size())
        throw Error(ErrorCode::Internal, "the spots and their positions differ in number");
    if (params.test_blocks < 1 || !(params.test_fraction > 0 && params.test_fraction < 1))
        throw Error(ErrorCode::BadInput, "a split needs at least one test block and a test fraction between 0 and 1");
    if (!(params.margin_pitches >= 0 && params.margin_pitches < 1e6) || !(params.least_margin_um >= 0 && params.least_margin_um < 1e6) || params.train_spots < 0)
        throw Error(ErrorCode::BadInput, "the margin and the number of training spots of a split cannot be negative");
}

}  // namespace

TrainTiles TrainTiles::subset(const std::vector<std::int64_t>& positions) const {
    std::vector<std::int64_t> chosen;
    for (const auto at : positions) {
        if (at < 0 || at >= static_cast<std::int64_t>(rows_.size()))
            throw Error(ErrorCode::Internal, "position " + std::to_string(at) + " is outside the " + std::to_string(rows_.size()) + " training spots");
        chosen.push_back(rows_[static_cast<std::size_t>(at)]);
    }
    return TrainTiles(pairs_, std::move(chosen));
}

Split Split::by_blocks(std::shared_ptr<const PairedTiles> pairs, const SplitParams& params) {
    const PairedTiles& p = *pairs;
    check(p, params);
    const auto n = p.size();
    const auto per_block = static_cast<std::size_t>(std::llround(params.test_fraction * static_cast<double>(n) / params.test_blocks));
    Random random(derive_seed(params.seed, "test blocks"));
    std::vector<bool> test(n);
    for (int b = 0; b < params.test_blocks; ++b)
        for (const auto i : next_block(p, test, per_block, random)) test[static_cast<std::size_t>(i)] = true;

    Rows held_out;
    for (std::size_t i = 0; i < n; ++i)
        if (test[i]) held_out.push_back(static_cast<std::int64_t>(i));
    const double margin_um = std::max(params.margin_pitches * p.pitch_um, params.least_margin_um);
    Rows train = outside_margin(p, test, p.mpp > 0 ? margin_um / p.mpp : 0);
    const auto eligible = train.size();
    if (!params.train_list.empty()) train = choose_listed(p, train, params.train_list);
    else if (params.train_spots > 0 && static_cast<std::size_t>(params.train_spots) < train.size())
        train = choose_evenly(p, train, params.train_spots, params.seed);

    if (held_out.size() < kFewest)
        throw Error(ErrorCode::BadInput, "only " + std::to_string(held_out.size()) + " of " + std::to_string(n) + " spots are held out, at least " +
                                             std::to_string(kFewest) + " are needed; raise the test fraction or use a section with more spots");
    if (train.size() < kFewest)
        throw Error(ErrorCode::BadInput, "only " + std::to_string(train.size()) + " of " + std::to_string(eligible) +
                                             " spots outside the test blocks and their margin are for training, at least " + std::to_string(kFewest) +
                                             " are needed; ask for more training spots, or lower the test fraction or the margin");
    return Split{TrainTiles(pairs, std::move(train)), HeldOutTiles(pairs, std::move(held_out))};
}

TrainTiles Split::whole(std::shared_ptr<const PairedTiles> pairs) {
    std::vector<std::int64_t> rows(pairs->size());
    std::iota(rows.begin(), rows.end(), std::int64_t{0});
    return TrainTiles(std::move(pairs), std::move(rows));
}

}  // namespace c2l
