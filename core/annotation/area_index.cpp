#include "annotation/area_index.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace c2l {

AreaIndex::AreaIndex(const Geometry& area) : box_(bounds(area)) {
    if (!area.is_area()) return;
    double rise = 0;
    for (std::size_t part = 0; part < area.parts.size(); ++part) {
        for (const Ring& ring : area.parts[part]) {
            for (std::size_t i = 0, j = ring.size() - 1; i < ring.size(); j = i++) {
                if (ring[i].y == ring[j].y) continue;  // level edges are never crossed
                edges_.push_back({ring[i].x, ring[i].y, ring[j].x, ring[j].y, static_cast<std::int32_t>(part)});
                rise += std::abs(ring[i].y - ring[j].y);
            }
        }
    }
    const double height = box_.bottom - box_.top;
    if (edges_.empty() || !(height > 0)) return;
    // As many slabs as keep the entries within twice the edges: each edge lies in 1 + rise/slab of them on average.
    const double most = static_cast<double>(edges_.size());
    const auto slabs = static_cast<std::size_t>(std::clamp(height * most / rise, 1.0, std::min(most, 65536.0)));
    slab_height_ = height / static_cast<double>(slabs);
    const auto slab_of = [&](double y) { return std::min(slabs - 1, static_cast<std::size_t>(std::max(0.0, (y - box_.top) / slab_height_))); };
    const auto each_slab = [&](const Edge& e, auto visit) {
        for (std::size_t s = slab_of(std::min(e.ay, e.by)), last = slab_of(std::max(e.ay, e.by)); s <= last; ++s) visit(s);
    };
    slab_start_.assign(slabs + 1, 0);
    for (const Edge& e : edges_) each_slab(e, [&](std::size_t s) { ++slab_start_[s + 1]; });
    for (std::size_t s = 1; s < slab_start_.size(); ++s) slab_start_[s] += slab_start_[s - 1];
    slab_edges_.resize(slab_start_.back());
    auto next = slab_start_;
    for (std::uint32_t i = 0; i < edges_.size(); ++i) each_slab(edges_[i], [&](std::size_t s) { slab_edges_[next[s]++] = i; });
}

bool AreaIndex::contains(Point2 p) const {
    if (slab_start_.empty() || !box_.contains(p)) return false;
    const auto slab = std::min(slab_start_.size() - 2, static_cast<std::size_t>((p.y - box_.top) / slab_height_));
    bool inside = false;
    std::int32_t part = -1;
    for (std::uint32_t k = slab_start_[slab]; k < slab_start_[slab + 1]; ++k) {
        const Edge& e = edges_[slab_edges_[k]];
        if (e.part != part) {
            if (inside) return true;
            part = e.part;
        }
        if ((e.ay > p.y) != (e.by > p.y) && p.x < (e.bx - e.ax) * (p.y - e.ay) / (e.by - e.ay) + e.ax) inside = !inside;
    }
    return inside;
}

std::vector<std::size_t> select_inside(const Geometry& area, const std::vector<double>& x, const std::vector<double>& y) {
    if (x.size() != y.size()) throw Error(ErrorCode::Mismatch, "points need as many x as y positions");
    const AreaIndex index(area);
    std::vector<std::size_t> inside;
    for (std::size_t i = 0; i < x.size(); ++i)
        if (index.contains({x[i], y[i]})) inside.push_back(i);
    return inside;
}

}  // namespace c2l
