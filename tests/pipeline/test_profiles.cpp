// Tiles from profiles of every origin, on a small simulated section with an untrained little model: measured, imported, turned by the dial, one at a time.
#include <QTemporaryDir>
#include <QTest>
#include <algorithm>
#include <cmath>
#include <random>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "pipeline/command.h"
#include "pipeline/companions.h"
#include "pipeline/dial.h"
#include "project/project.h"
#include "sample/sample.h"
#include "spatial/h5ad.h"
#include "spatial/read.h"

using namespace c2l;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

json call(const char* name, const json& params, const JobContext& ctx = {}) { return run_command(*find_command(name), params, ctx); }

// The table without some of its genes.
SpotData without_genes(const SpotData& data, const std::set<std::string>& gone) {
    SpotData out = data;
    const ExpressionMatrix& e = data.expression;
    std::vector<std::string> genes;
    std::vector<std::int64_t> kept;
    for (std::int64_t g = 0; g < e.cols(); ++g)
        if (!gone.count(e.genes[static_cast<std::size_t>(g)])) {
            genes.push_back(e.genes[static_cast<std::size_t>(g)]);
            kept.push_back(g);
        }
    Matrix values(e.rows(), static_cast<std::int64_t>(kept.size()));
    for (std::size_t c = 0; c < kept.size(); ++c) {
        const auto column = e.column(kept[c]);
        for (std::int64_t r = 0; r < e.rows(); ++r) values.at(r, static_cast<std::int64_t>(c)) = column[static_cast<std::size_t>(r)];
    }
    out.expression = ExpressionMatrix::from_dense(values, genes, e.unit);
    return out;
}

SpotData log_normalised(SpotData data, double per) {
    const auto totals = data.expression.row_sums();
    ExpressionMatrix& e = data.expression;
    for (std::int64_t r = 0; r < e.rows(); ++r)
        for (auto i = e.indptr[static_cast<std::size_t>(r)]; i < e.indptr[static_cast<std::size_t>(r) + 1]; ++i)
            e.values[static_cast<std::size_t>(i)] = static_cast<float>(std::log1p(e.values[static_cast<std::size_t>(i)] * per / totals[static_cast<std::size_t>(r)]));
    e.unit = ExpressionUnit::Log1p;
    return data;
}

float column_gap(const ExpressionMatrix& a, const ExpressionMatrix& b, const std::vector<std::pair<std::int64_t, std::int64_t>>& rows) {
    float gap = 0;
    for (std::int64_t g = 0; g < a.cols(); ++g) {
        const auto x = a.column(g), y = b.column(b.find_gene(a.genes[static_cast<std::size_t>(g)]));
        for (const auto& [i, k] : rows) gap = std::max(gap, std::abs(x[static_cast<std::size_t>(i)] - y[static_cast<std::size_t>(k)]));
    }
    return gap;
}

}  // namespace

class TestProfiles : public QObject {
    Q_OBJECT

    static constexpr int kMeasured = 6;

    QTemporaryDir dir_;
    fs::path root_, central_, project_;
    SpotData spots_;      // as imported, counts
    SpotData measured_;   // profiles of the measured tiles

    json with(json more) const {
        more.update({{"project", project_.string()}, {"central", central_.string()}, {"sampler_steps", 1}, {"device", "cpu"}});
        return more;
    }
    fs::path save(const SpotData& data, const char* name) const {
        H5adContent content;
        content.data = &data;
        write_h5ad(root_ / name, content);
        return root_ / name;
    }
    SpotData table_of(const json& result) const { return read_h5ad(fs::path(result.at("folder").get<std::string>()) / "profiles.h5ad"); }
    json imported(const fs::path& file, std::vector<std::string>& issues, int number = 4) const {
        JobContext ctx;
        ctx.on_issue = [&](const Issue& issue) { issues.push_back(issue.text); };
        return call("synthesize", with({{"profiles", file.string()}, {"number", number}}), ctx);
    }
    // Values of the imported table beside those that the section's own profiles have, for spots that are in both.
    float gap_to_measured(const SpotData& table) const {
        std::vector<std::pair<std::int64_t, std::int64_t>> rows;
        for (std::size_t i = 0; i < table.spots.size(); ++i)
            for (std::size_t k = 0; k < measured_.spots.size(); ++k)
                if (table.labels.at("source")[i] == measured_.labels.at("source")[k]) {
                    rows.emplace_back(i, k);
                    break;
                }
        return rows.size() < 3 ? INFINITY : column_gap(table.expression, measured_.expression, rows);
    }

private Q_SLOTS:
    void initTestCase() {
        root_ = dir_.path().toStdString();
        project_ = root_ / "p.c2l";
        central_ = root_ / "central.safetensors";
        const SampleFiles sample = write_sample(root_ / "sample", 1, {}, 2.2);
        call("pretrain", {{"slides", json::array({sample.slide.string()})}, {"tile_count", 64}, {"autoencoder_steps", 2}, {"decoder_steps", 2}, {"encoder_steps", 2}, {"denoiser_steps", 2}, {"batch", 4},
                          {"output", central_.string()}, {"device", "cpu"}});
        call("import", {{"project", project_.string()}, {"slide", sample.slide.string()}, {"spots", sample.spots.string()}, {"counts", sample.counts.string()}});
        call("adapt", {{"project", project_.string()}, {"central", central_.string()}, {"spots", 24}, {"genes", 30}, {"adapt_steps", 6}, {"adapt_batch", 4}, {"device", "cpu"}, {"seed", 3}});
        spots_ = read_spot_data({sample.spots, sample.counts}, {});
        const json made = call("synthesize", with({{"from_spots", true}, {"number", kMeasured}}));
        measured_ = table_of(made);
        QCOMPARE(measured_.spots.size(), std::size_t{kMeasured});
        for (const auto& kind : measured_.labels.at("kind")) QCOMPARE(kind, std::string("measured"));
    }

    // Fewer tiles than spots are of spots from all over the section, not of those that stand first in its table.
    void few_tiles_are_spread_over_the_spots() {
        const auto split = Project::open(project_, Project::Mode::Read)->artifacts("split").front();
        const auto train = json::parse(read_file(split.folder / "split.json")).at("train").get<std::vector<std::string>>();
        const auto n = train.size();
        for (std::size_t k = 0; k < kMeasured; ++k) QCOMPARE(measured_.labels.at("source")[k], train[k * n / kMeasured]);
    }

    // The section's own spots in another file are the section's own profiles, whichever unit they come in.
    void counts_and_logs_come_to_the_same() {
        SpotData own = spots_;
        std::vector<std::int64_t> rows;  // the spots of the measured tiles
        for (const auto& source : measured_.labels.at("source"))
            rows.push_back(std::find(own.spots.barcodes.begin(), own.spots.barcodes.end(), source) - own.spots.barcodes.begin());
        SpotData part;
        part.expression = own.expression.select_rows(rows);
        for (const auto r : rows) {
            const auto i = static_cast<std::size_t>(r);
            part.spots.barcodes.push_back(own.spots.barcodes[i]);
            part.spots.x.push_back(own.spots.x[i]);
            part.spots.y.push_back(own.spots.y[i]);
            part.spots.array_row.push_back(-1);
            part.spots.array_col.push_back(-1);
            part.spots.in_tissue.push_back(1);
        }
        std::vector<std::string> issues;
        const json counts = imported(save(part, "counts.h5ad"), issues, 0);
        QCOMPARE(counts.at("tiles").get<int>(), int{kMeasured});
        QCOMPARE(counts.at("unit").get<std::string>(), std::string("counts"));
        QCOMPARE(counts.at("genes_missing").get<int>(), 0);
        QVERIFY(gap_to_measured(table_of(counts)) < 1e-5f);
        QVERIFY2(counts.at("out_of_range").get<int>() <= 1, counts.dump().c_str());  // they are training spots
        const json logs = imported(save(log_normalised(part, 1e6), "logs.h5ad"), issues, 0);
        QVERIFY2(gap_to_measured(table_of(logs)) < 1e-3f, qPrintable(QString::number(gap_to_measured(table_of(logs)))));
        const json again = imported(root_ / "logs.h5ad", issues, 0);
        QVERIFY(again.at("steps").back().at("cached").get<bool>());
        // More tiles than rows go round; fewer lie evenly over them.
        const SpotData more = table_of(imported(root_ / "counts.h5ad", issues, kMeasured + 1));
        QCOMPARE(more.labels.at("source")[kMeasured], part.spots.barcodes[0]);
        QVERIFY(more.labels.at("seed")[kMeasured] != more.labels.at("seed")[0]);
        QCOMPARE(table_of(imported(root_ / "counts.h5ad", issues, 3)).labels.at("source")[1], part.spots.barcodes[kMeasured / 3]);
    }

    // What the program wrote itself is read back as it was.
    void own_tables_return() {
        std::vector<std::string> issues;
        const json first = call("synthesize", with({{"from_spots", true}, {"number", kMeasured}}));
        const json back = imported(fs::path(first.at("folder").get<std::string>()) / "profiles.h5ad", issues, 0);
        QVERIFY(gap_to_measured([&] {
                    SpotData t = table_of(back);
                    t.labels["source"] = measured_.labels.at("source");  // row for row
                    return t;
                }()) < 1e-5f);
    }

    void missing_genes_are_told_or_refused() {
        const auto& panel = measured_.expression.genes;
        std::vector<std::string> issues;
        const std::set<std::string> few(panel.begin(), panel.begin() + 7), most(panel.begin(), panel.begin() + 16);
        const json made = imported(save(without_genes(spots_, few), "few.h5ad"), issues);
        QCOMPARE(made.at("genes_missing").get<int>(), 7);
        QVERIFY(std::any_of(issues.begin(), issues.end(), [&](const std::string& text) { return text.find("7 of the generator's 30 genes") != std::string::npos && text.find(panel[0]) != std::string::npos; }));
        const SpotData table = table_of(made);
        const auto absent = table.expression.column(table.expression.find_gene(panel[0]));
        QVERIFY(absent[0] > 0 && std::all_of(absent.begin(), absent.end(), [&](float v) { return v == absent[0]; }));  // the mean
        try {
            imported(save(without_genes(spots_, most), "most.h5ad"), issues);
            QFAIL("was not refused");
        } catch (const Error& error) {
            QCOMPARE(error.code(), ErrorCode::Mismatch);
        }
        SpotData other = spots_;
        other.expression.values[0] = -3.5f;
        other.expression.unit = ExpressionUnit::Other;
        QVERIFY_EXCEPTION_THROWN(imported(save(other, "other.h5ad"), issues), Error);
        QVERIFY_EXCEPTION_THROWN(imported(root_ / "none.h5ad", issues), Error);
    }

    void strange_profiles_are_flagged() {
        SpotData strange = spots_;
        for (std::size_t i = 0; i < strange.expression.values.size(); ++i) strange.expression.values[i] = static_cast<float>(1 + (i * 7919) % 4000);
        std::vector<std::string> issues;
        const json made = imported(save(strange, "strange.h5ad"), issues);
        QCOMPARE(made.at("out_of_range").get<int>(), 4);
        QVERIFY(std::any_of(issues.begin(), issues.end(), [](const std::string& text) { return text.find("outside what the generator was adapted on") != std::string::npos; }));
        issues.clear();
        imported(root_ / "strange.h5ad", issues);
        QVERIFY(!issues.empty());  // told again when nothing is drawn anew
        const auto flags = table_of(made).obs.at("out_of_range");
        QVERIFY(std::all_of(flags.begin(), flags.end(), [](float v) { return v == 1; }));
    }

    void a_dial_series_is_paired() {
        const auto& panel = measured_.expression.genes;
        const json made = call("synthesize", with({{"dial", panel[2] + "=-1,0.5," + panel[5] + "=10"}, {"number", 3}}));
        QCOMPARE(made.at("tiles").get<int>(), 12);
        const SpotData table = table_of(made);
        for (std::size_t i = 0; i < 12; ++i) {
            const std::size_t own = i / 4 * 4;
            QCOMPARE(table.labels.at("seed")[i], table.labels.at("seed")[own]);
            QCOMPARE(table.labels.at("source")[i], table.labels.at("source")[own]);
            QCOMPARE(table.labels.at("kind")[i], std::string(i == own ? "measured" : "edited"));
            for (std::int64_t g = 0; g < table.expression.cols(); ++g) {
                const auto column = table.expression.column(g);
                const bool turned = (g == 2 && (i % 4 == 1 || i % 4 == 2)) || (g == 5 && i % 4 == 3);
                if (!turned) QCOMPARE(column[i], column[own]);
            }
            if (i % 4 == 3) QCOMPARE(table.obs.at("out_of_range")[i], 1.f);
        }
        const auto column = table.expression.column(2);
        QVERIFY(column[2] > column[1] && column[1] == column[5]);  // the same value for every spot
        QVERIFY(table.labels.at("seed")[0] != table.labels.at("seed")[4]);
    }

    // Two genes that follow each other, one that goes against them and one of its own: the conditional mean by hand.
    void companions_go_along() {
        Matrix train(400, 4);
        std::mt19937 random(3);
        std::normal_distribution<float> normal;
        for (std::int64_t i = 0; i < train.rows; ++i) {
            const float common = normal(random);
            for (std::int64_t g = 0; g < 4; ++g) train.at(i, g) = g == 3 ? normal(random) : (g == 2 ? -1.f : 1.f) * 0.8f * common + 0.6f * normal(random);  // r = ±.64
        }
        const Companions companions(train);
        const auto setting = [](std::int64_t column, float sd) { return DialSetting{"", column, sd}; };
        std::vector<float> one = {0.5f, 0.f, 0.f, 1.f};
        companions.turn(one.data(), {setting(0, 2.5f)});
        QCOMPARE(one[0], 2.5f);
        QVERIFY(std::abs(one[1] - 2 * 0.64f) < 0.15f);
        QVERIFY(std::abs(one[2] + 2 * 0.64f) < 0.15f);
        QCOMPARE(one[3], 1.f);  // what 400 spots cannot tell from chance does not move
        // Given the second gene too, the third follows both: -(.64, .64) · ((1, .64), (.64, 1))⁻¹ · (2, 2) = -1.561
        std::vector<float> two = {0.f, 0.f, 0.f, 0.f};
        companions.turn(two.data(), {setting(0, 2.f), setting(1, 2.f)});
        QVERIFY(two[0] == 2.f && two[1] == 2.f);
        QVERIFY2(std::abs(two[2] + 1.561f) < 0.15f, qPrintable(QString::number(two[2])));
        std::vector<float> none = one;
        companions.turn(none.data(), {});
        QVERIFY(none == one);
        std::vector<float> alone = {0.f, 0.f, 0.f, 0.f};
        turn_alone(alone.data(), {setting(0, 2.f)});
        QVERIFY(alone == (std::vector<float>{2.f, 0.f, 0.f, 0.f}));
        // No gene goes below no expression, unless it was there already.
        std::vector<float> bounded = {0.f, 0.f, 0.f, 0.f};
        QCOMPARE(Companions(train, {-1.f, -1.f, -0.5f, -1.f}).turn(bounded.data(), {setting(0, 2.f)}), std::int64_t{2});
        QCOMPARE(bounded[2], -0.5f);
        // What goes along is likelier than one gene turned alone: its Mahalanobis distance, for three genes of correlation ±.64, is less.
        std::vector<float> with_them = {0.f, 0.f, 0.f, 0.f}, alone_then = with_them;
        companions.turn(with_them.data(), {setting(0, 3.f)});
        turn_alone(alone_then.data(), {setting(0, 3.f)});
        const auto distance2 = [](const std::vector<float>& v) {
            const double r = 0.64, sum = v[0] + v[1] - v[2], squares = v[0] * v[0] + v[1] * v[1] + v[2] * v[2];
            return (squares - r / (1 + 2 * r) * sum * sum) / (1 - r);
        };
        QVERIFY2(distance2(with_them) < 0.7 * distance2(alone_then), qPrintable(QString::number(distance2(with_them) / distance2(alone_then))));
        // A gene that does not vary, or one spot alone, move nothing.
        Companions(Matrix(5, 4, 1.f)).turn(alone.data(), {setting(1, 1.f)});
        QVERIFY(alone == (std::vector<float>{2.f, 1.f, 0.f, 0.f}));
    }

    void dial_texts() {
        GenePanel panel;
        panel.genes = {"A", "HLA=B", "C"};
        panel.mean = {1, 1, 1};
        panel.sd = {1, 2, 0};
        const auto settings = parse_dial("A=1,-2.5,HLA=B=0", panel);
        QCOMPARE(settings.size(), std::size_t{3});
        QCOMPARE(settings[1].gene, std::string("A"));
        QCOMPARE(settings[1].sd, -2.5f);
        QCOMPARE(settings[2].column, std::int64_t{1});
        QVERIFY(parse_dial("", panel).empty());
        for (const char* bad : {"A", "A=", "A=x", "A=1x", "A=11", "A=nan", "A=inf", "1", "=1", "B=1", "C=1", "A=1,,2", "A=1e99"})
            QVERIFY_EXCEPTION_THROWN(parse_dial(bad, panel), Error);
    }

    // The predictor learns from the section's own pairs only, whatever was drawn last.
    void other_tiles_are_no_training_pairs() {
        std::vector<std::string> issues;
        const json own = call("synthesize", with({{"number", 20}}));
        const json others = imported(save(spots_, "all.h5ad"), issues, 5), series = call("synthesize", with({{"dial", measured_.expression.genes[0] + "=1"}, {"number", 2}}));
        const json fit = call("fit", {{"project", project_.string()}, {"central", central_.string()}, {"eval_genes", 10}, {"device", "cpu"}});
        QVERIFY(fit.at("synthetic_pairs").get<int>() > 0 && fit.at("synthetic_pairs").get<int>() <= 20);
        const auto project = Project::open(project_, Project::Mode::Read);
        const auto inputs = project->find(fit.at("artifact"))->provenance.inputs;
        const auto among = [&](const json& made) { return std::count(inputs.begin(), inputs.end(), made.at("artifact").get<std::string>()); };
        QCOMPARE(among(own), 1);
        QCOMPARE(among(others) + among(series), 0);
        for (const auto& artifact : project->artifacts("synthesize")) QVERIFY(artifact.id != others.at("artifact").get<std::string>() && artifact.id != series.at("artifact").get<std::string>());
    }

    void one_tile_now() {
        const auto& panel = measured_.expression.genes;
        const auto ask = [&](json more) {
            more.update({{"project", project_.string()}, {"central", central_.string()}, {"sampler_steps", 2}, {"device", "cpu"}});
            return call("sample", more);
        };
        const std::string spot = measured_.labels.at("source")[0];
        const json first = ask({{"spot", spot}, {"list", true}});
        QCOMPARE(first.at("genes").size(), panel.size());
        QVERIFY(std::count(first.at("spots").begin(), first.at("spots").end(), spot) == 1);
        QVERIFY(ask({{"spot", spot}}).at("png_base64") == first.at("png_base64"));  // from the model that was kept
        QVERIFY(ask({{"spot", spot}, {"seed", 8}}).at("png_base64") != first.at("png_base64"));
        const json turned = ask({{"spot", spot}, {"dial", panel[1] + "=10"}}), along = ask({{"spot", spot}, {"dial", panel[1] + "=10"}, {"companions", true}});
        QVERIFY(turned.at("turned") == along.at("turned"));
        QCOMPARE(turned.at("companions").get<int>(), 0);
        int most = 0;  // the sample's genes follow cell types, so some go along with others
        for (const std::string& gene : panel) most = std::max(most, ask({{"spot", spot}, {"dial", gene + "=3"}, {"companions", true}}).at("companions").get<int>());
        QVERIFY(most > 0 && most < static_cast<int>(panel.size()));
        QVERIFY(!turned.at("in_range").get<bool>());
        QVERIFY(turned.at("turned")[0].at("highest_sd").get<double>() < 10);
        QVERIFY_EXCEPTION_THROWN(ask({{"spot", "nowhere"}}), Error);
        QVERIFY_EXCEPTION_THROWN(ask({{"dial", "NOTAGENE=1"}}), Error);
        // Another adaptation is another generator, at once.
        call("adapt", {{"project", project_.string()}, {"central", central_.string()}, {"genes", 20}, {"adapt_steps", 3}, {"adapt_batch", 4}, {"device", "cpu"}, {"seed", 3}});
        const json other = ask({{"spot", spot}, {"list", true}});
        QVERIFY(other.at("adapter") != first.at("adapter"));
        QCOMPARE(other.at("genes").size(), std::size_t{20});
    }

    void mistakes_are_refused() {
        const std::pair<const char*, const char*> mistakes[] = {{R"({"dial":"X=1","from_spots":true})", "give one of them"},
                                                                {R"({"dial":"X=1"})", "X"},
                                                                {R"({"profiles":"a.h5ad","from_spots":true})", "give one of them"},
                                                                {R"({"guidance_from":0.6,"guidance_to":0.5})", "guidance begins after its end"},
                                                                {R"({"guidance_from":1.5})", "guidance"},
                                                                {R"({"sampler":"magic"})", "'sampler' must be one of"},
                                                                {R"({"companions":true})", "--companions goes with --dial"}};
        for (const auto& [bad, reason] : mistakes) {
            std::string said;
            try {
                call("synthesize", with(json::parse(bad)));
            } catch (const Error& error) {
                said = error.line();
            }
            QVERIFY2(said.find(reason) != std::string::npos, (bad + (": " + said)).c_str());
        }
    }
};

QTEST_GUILESS_MAIN(TestProfiles)
#include "test_profiles.moc"
