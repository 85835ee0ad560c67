#include <ATen/TensorOperators.h>
#include <c10/core/GradMode.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "quality/distances.h"
#include "quality/quality.h"

namespace c2l {
namespace {

constexpr std::int64_t kMostRows = 2000;  // beyond it the pairwise figures are taken on a random subset
constexpr std::int64_t kWide = 512;       // features from which on a Fréchet distance is costly to bootstrap
constexpr int kFloorSplits = 5;
constexpr int kFairDraws = 5;

double quantile(const std::vector<double>& sorted, double q) {
    return sorted[static_cast<std::size_t>(q * static_cast<double>(sorted.size() - 1) + 0.5)];
}

// Resampling with replacement adds its own bias to distances between sets; only the spread of the replicates is used.
Interval around(double value, std::vector<double> replicates, double least) {
    if (replicates.empty()) return {value, value, value};
    std::sort(replicates.begin(), replicates.end());
    double mean = 0;
    for (const double r : replicates) mean += r / static_cast<double>(replicates.size());
    const auto shifted = [&](double q) { return std::max(least, value + quantile(replicates, q) - mean); };
    return {value, shifted(0.025), shifted(0.975)};
}

void step(const JobContext& ctx, const EtaClock& clock, std::int64_t done, std::int64_t total) {
    ctx.check_stop();
    Progress p;
    p.step = "assess";
    p.done = done;
    p.total = total;
    p.eta_s = clock.eta_s(done, total);
    ctx.progress(p);
}

// Distance between disjoint random parts of the reference, each of `part` tiles.
double real_floor(const at::Tensor& reference, std::int64_t part, Random& random, const JobContext& ctx,
                  const std::function<double(const at::Tensor&, const at::Tensor&)>& distance) {
    double sum = 0;
    for (int s = 0; s < kFloorSplits; ++s) {
        ctx.check_stop();
        const auto shuffled = rows_of(reference, random_rows(reference.size(0), reference.size(0), random));
        sum += distance(shuffled.narrow(0, 0, part), shuffled.narrow(0, part, part));
    }
    return sum / kFloorSplits;
}

// The least that another section of real tissue is away: what a synthetic section could hope for.
QualityReport::OtherFloor other_floor(const at::Tensor& reference, const at::Tensor& other, std::int64_t most, Random& random, const JobContext& ctx) {
    QualityReport::OtherFloor floor;
    floor.n = std::min(most, other.size(0));
    for (int s = 0; s < kFloorSplits; ++s) {
        ctx.check_stop();
        const auto a = rows_of(reference, random_rows(reference.size(0), floor.n, random)), b = rows_of(other, random_rows(other.size(0), floor.n, random));
        if (floor.n == most) floor.frechet = floor.frechet.value_or(0) + frechet_distance(a, b) / kFloorSplits;
        floor.kid += KernelTable(a, b).distance() / kFloorSplits;
    }
    return floor;
}

QualityReport::TrainingFloor training_floor(const at::Tensor& training, const at::Tensor& reference, std::uint64_t seed) {
    Random random(derive_seed(seed, "training floor"));
    const auto some = rows_of(training, random_rows(training.size(0), kMostRows, random));
    return {some.size(0), KernelTable(some, reference).distance()};
}

Matrix subset(const Matrix& m, const std::vector<std::int64_t>& rows) {
    Matrix out(static_cast<std::int64_t>(rows.size()), m.cols);
    for (std::size_t i = 0; i < rows.size(); ++i) std::copy_n(m.row(rows[i]), m.cols, out.row(static_cast<std::int64_t>(i)));
    return out;
}

}  // namespace

QualityReport assess(const AssessInputs& in, const JobContext& ctx) {
    c10::NoGradGuard no_grad;
    if (!in.synthetic || !in.reference) throw Error(ErrorCode::Internal, "an assessment needs synthetic and reference tiles");
    if (in.synthetic->rows < 2 || in.reference->rows < 4)
        throw Error(ErrorCode::BadInput, "an assessment needs 2 synthetic and 4 other real tiles at least, and has " +
                                             std::to_string(in.synthetic->rows) + " and " + std::to_string(in.reference->rows));
    Random random(derive_seed(in.seed, "assess"));
    const auto synthetic = feature_tensor(*in.synthetic), reference = feature_tensor(*in.reference);
    QualityReport report;
    report.encoder = in.encoder;
    report.n_synthetic = synthetic.size(0);
    report.n_real = reference.size(0);
    report.n_floor = std::min(report.n_synthetic, report.n_real / 2);

    const int replicates = synthetic.size(1) >= kWide ? std::min(in.bootstrap, 40) : in.bootstrap;
    const std::int64_t total = replicates + in.bootstrap + 3;
    std::int64_t done = 0;
    const EtaClock clock;
    // The distance grows as samples shrink: synthetic and floor are taken at the same n, or the floor would flatter.
    const std::int64_t n = report.n_floor;
    const auto fair = [&](const at::Tensor& rows) { return rows_of(rows, random_rows(rows.size(0), n, random)); };
    double value = 0;
    for (int i = 0; i < kFairDraws; ++i) value += frechet_distance(fair(synthetic), fair(reference)) / kFairDraws;
    const GroupedRows synthetic_groups(in.synthetic_group, synthetic.size(0)), reference_groups(in.reference_group, reference.size(0));
    std::vector<double> values;
    for (int b = 0; b < replicates; ++b) {
        step(ctx, clock, done++, total);
        values.push_back(frechet_distance(rows_of(synthetic, synthetic_groups.draw(n, random)), rows_of(reference, reference_groups.draw(n, random))));
    }
    report.frechet = around(value, values, 0);
    report.frechet_floor =
        real_floor(reference, report.n_floor, random, ctx, [](const at::Tensor& a, const at::Tensor& b) { return frechet_distance(a, b); });

    const auto synthetic_rows = random_rows(synthetic.size(0), kMostRows, random),
               reference_rows = random_rows(reference.size(0), kMostRows, random);
    const auto some_reference = rows_of(reference, reference_rows);
    const KernelTable table(rows_of(synthetic, synthetic_rows), some_reference);
    const GroupedRows some_synthetic_groups(of_rows(in.synthetic_group, synthetic_rows), table.rows_a()), some_reference_groups(of_rows(in.reference_group, reference_rows), table.rows_b());
    values.clear();
    for (int b = 0; b < in.bootstrap; ++b) {
        step(ctx, clock, done++, total);
        values.push_back(table.distance(at::tensor(some_synthetic_groups.multiplicities(random), at::kDouble), at::tensor(some_reference_groups.multiplicities(random), at::kDouble)));
    }
    report.kid = around(table.distance(), values, -1e300);
    report.kid_floor = real_floor(some_reference, std::min(report.n_floor, some_reference.size(0) / 2), random, ctx,
                                  [](const at::Tensor& a, const at::Tensor& b) { return KernelTable(a, b).distance(); });

    if (in.training && in.training->rows >= 2) report.training = training_floor(feature_tensor(*in.training), some_reference, in.seed);
    if (in.other && in.other->rows >= 2) report.other_section = other_floor(reference, feature_tensor(*in.other), n, random, ctx);

    step(ctx, clock, done++, total);
    report.coverage = neighbourhood_scores(subset(*in.reference, reference_rows), subset(*in.synthetic, synthetic_rows));
    step(ctx, clock, done++, total);
    if (in.learnt_views && in.learnt_views->rows > 0) report.copies = check_copies(*in.synthetic, *in.learnt_views, *in.reference);
    step(ctx, clock, total, total);
    return report;
}

std::string QualityReport::json() const {
    const auto interval = [](const Interval& i, double floor) {
        return nlohmann::json{{"value", i.value}, {"lower", i.lower}, {"upper", i.upper}, {"floor", floor}};
    };
    nlohmann::json j{{"encoder", encoder},
                     {"n", n_synthetic},
                     {"n_real", n_real},
                     {"n_floor", n_floor},
                     {"frechet", interval(frechet, frechet_floor)},
                     {"kid", interval(kid, kid_floor)},
                     {"precision", coverage.precision},
                     {"recall", coverage.recall},
                     {"density", coverage.density},
                     {"coverage", coverage.coverage},
                     {"copies_fraction", copies.fraction},
                     {"copies_threshold", copies.threshold}};
    j["floor_training_tiles"] = nullptr;
    if (training) j["floor_training_tiles"] = {{"n", training->n}, {"kid", training->kid}};
    j["floor_other_section"] = nullptr;
    if (other_section) {
        j["floor_other_section"] = {{"n", other_section->n}, {"frechet", nullptr}, {"kid", other_section->kid}};
        if (other_section->frechet) j["floor_other_section"]["frechet"] = *other_section->frechet;
    }
    return j.dump(2);
}

}  // namespace c2l
