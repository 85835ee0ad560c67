#include "quality/follow.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/error.h"
#include "quality/resample.h"

namespace c2l {
namespace {

using nlohmann::json;

void check(const FollowInputs& in) {
    if (!in.train_features || !in.train_profiles || !in.held_out_features || !in.held_out_profiles || !in.generated)
        throw Error(ErrorCode::Internal, "the tiles cannot be held against their genes: an input is missing");
    const std::int64_t n = in.train_features->rows, m = in.held_out_features->rows;
    if (n < kFewestSpots || m < kFewestSpots)
        throw Error(ErrorCode::BadInput, "whether tiles follow the genes cannot be told from " + std::to_string(n) + " training and " + std::to_string(m) +
                                             " held-out spots; " + std::to_string(kFewestSpots) + " of each are needed");
    if (in.train_profiles->rows != n || in.held_out_profiles->rows != m || static_cast<std::int64_t>(in.train_fold.size()) != n ||
        static_cast<std::int64_t>(in.held_out_depth.size()) != m || in.generated->rows == 0 || in.generated->rows % m != 0)
        throw Error(ErrorCode::Mismatch, "the tiles, profiles and folds of the spots differ in number; run the step again");
    if (in.train_features->cols != in.held_out_features->cols || in.train_features->cols != in.generated->cols)
        throw Error(ErrorCode::Mismatch, "real and generated tiles differ in their number of features; describe all with the same encoder");
    if (in.train_profiles->cols != in.held_out_profiles->cols || in.train_profiles->cols < 1)
        throw Error(ErrorCode::Mismatch, "training and held-out profiles differ in their genes; take both by the adapter's panel");
}

json to_json(const Interval& i) { return {{"value", i.value}, {"lower", i.lower}, {"upper", i.upper}}; }

json to_json(const AgainstChance& a) {
    json out = to_json(a.figure);
    out["shuffled"] = to_json(a.chance);
    out["p"] = a.p;
    return out;
}

// 97.5 % point of Student's t: the root of its distribution function, which is integrated by Simpson's rule.
double t_975(int freedom) {
    const double v = freedom, scale = std::exp(std::lgamma((v + 1) / 2) - std::lgamma(v / 2)) / std::sqrt(v * 3.14159265358979323846);
    const auto inside = [&](double t) {  // probability of 0 … t
        constexpr int kSteps = 2000;
        double sum = 0;
        for (int i = 0; i <= kSteps; ++i) {
            const double x = t * i / kSteps;
            sum += (i == 0 || i == kSteps ? 1 : i % 2 ? 4 : 2) * std::pow(1 + x * x / v, -(v + 1) / 2);
        }
        return scale * sum * t / kSteps / 3;
    };
    double low = 0, high = 20;  // 12.7 at one degree of freedom
    for (int i = 0; i < 60; ++i) (inside((low + high) / 2) < 0.475 ? low : high) = (low + high) / 2;
    return (low + high) / 2;
}

}  // namespace

FollowReport follow_genes(const FollowInputs& in, const JobContext& ctx) {
    check(in);
    FollowReport report;
    report.encoder = in.encoder;
    report.spots_train = in.train_features->rows;
    report.spots = in.held_out_features->rows;
    report.tiles_per_spot = in.generated->rows / report.spots;
    report.genes = in.held_out_profiles->cols;
    report.round_trip = round_trip(in, ctx);
    report.retrieval = retrieval(in, ctx);
    return report;
}

std::string FollowReport::json() const {
    auto trip = to_json(round_trip.pearson);
    trip["real"] = to_json(round_trip.real);
    trip["depth_partial"] = to_json(round_trip.depth_partial);
    trip["depth_partial"]["real"] = to_json(round_trip.real_depth_partial);
    trip["single_passes"] = round_trip.single_passes;
    trip["lambda"] = round_trip.lambda;
    return nlohmann::json{{"encoder", encoder},
                          {"spots_train", spots_train},
                          {"spots", spots},
                          {"tiles_per_spot", tiles_per_spot},
                          {"genes", genes},
                          {"round_trip", trip},
                          {"retrieval",
                           {{"candidates", retrieval.candidates},
                            {"mean_rank", to_json(retrieval.mean_rank)},
                            {"reciprocal_rank", to_json(retrieval.reciprocal_rank)},
                            {"top1", to_json(retrieval.top1)},
                            {"top5", to_json(retrieval.top5)},
                            {"top_tenth", to_json(retrieval.top_tenth)}}}}
        .dump(2);
}

Interval over_seeds(const std::vector<double>& figures) {
    if (figures.empty()) throw Error(ErrorCode::Internal, "a mean over seeds needs a figure");
    const auto n = static_cast<double>(figures.size());
    Interval out;
    out.value = std::accumulate(figures.begin(), figures.end(), 0.0) / n;
    double half = std::numeric_limits<double>::infinity();
    if (figures.size() > 1) {
        double squares = 0;
        for (const double f : figures) squares += (f - out.value) * (f - out.value);
        half = t_975(static_cast<int>(figures.size()) - 1) * std::sqrt(squares / (n - 1) / n);
    }
    out.lower = out.value - half;
    out.upper = out.value + half;
    return out;
}

}  // namespace c2l
