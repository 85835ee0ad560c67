// The main job on a small simulated section with an untrained little model: not how good it is, but that it is whole, repeatable, and goes on
// where it was stopped.
#include <QTemporaryDir>
#include <QTest>
#include <QXmlStreamReader>
#include <algorithm>
#include <cmath>

#include "annotation/placed_spots.h"
#include "base/error.h"
#include "base/file.h"
#include "pipeline/assessment.h"
#include "pipeline/command.h"
#include "pipeline/copy_gate.h"
#include "pipeline/feature_file.h"
#include "pipeline/steps.h"
#include "project/project.h"
#include "sample/sample.h"
#include "spatial/h5ad.h"
#include "spatial/read.h"

using namespace c2l;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

json call(const char* name, const json& params, const JobContext& ctx = {}) { return run_command(*find_command(name), params, ctx); }

// Without what differs between two honest runs: time, memory and place.
json comparable(json value) {
    if (value.is_object()) {
        for (const char* key : {"seconds", "peak_memory_bytes", "folder", "path", "project", "cached", "steps", "elapsed_seconds"}) value.erase(key);
        for (auto& [key, item] : value.items()) item = comparable(item);
    } else if (value.is_array()) {
        for (auto& item : value) item = comparable(item);
    }
    return value;
}

std::string difference(const json& a, const json& b) { return json::diff(comparable(a), comparable(b)).dump().substr(0, 2000); }

}  // namespace

class TestMainJob : public QObject {
    Q_OBJECT

    QTemporaryDir dir_;
    fs::path root_, central_;
    SampleFiles sample_;
    json undisturbed_;  // result of a run that nothing stopped

    fs::path fresh_project(const std::string& name) {
        const fs::path file = root_ / (name + ".c2l");
        call("import", {{"project", file.string()}, {"slide", sample_.slide.string()}, {"spots", sample_.spots.string()}, {"counts", sample_.counts.string()}, {"patient", "Jane-Doe"}});
        return file;
    }
    json parameters(const fs::path& project) const {
        return {{"project", project.string()}, {"central", central_.string()}, {"spots", 12}, {"genes", 30}, {"eval_genes", 10}, {"adapt_steps", 6},
                {"adapt_batch", 4},            {"number", 70},                 {"sampler_steps", 1}, {"repeats", 2}, {"pitch", 150},    {"seed", 3},
                {"device", "cpu"},             {"threads", 1}};
    }

private Q_SLOTS:
    void initTestCase() {
        qunsetenv("C2L_SHARED");  // no outside encoder unless a test gives one
        root_ = dir_.path().toStdString();
        sample_ = write_sample(root_ / "sample", 1, {}, 2.2);
        central_ = root_ / "central.safetensors";
        call("pretrain", {{"slides", json::array({sample_.slide.string()})}, {"tile_count", 64}, {"autoencoder_steps", 2}, {"decoder_steps", 2}, {"encoder_steps", 2},
                          {"denoiser_steps", 2}, {"batch", 4}, {"output", central_.string()}, {"device", "cpu"}});
        QVERIFY(fs::exists(central_));
    }

    void wholeAndCached() {
        const fs::path file = fresh_project("whole");
        JobContext watched;
        int compared = 0;
        watched.on_progress = [&](const Progress& p) { compared += p.step == "latent_features" && p.done == p.total; };
        const json first = call("run", parameters(file), watched);
        QCOMPARE(compared, 4);  // training tiles, their views, other real tiles, synthetic ones
        for (const char* key : {"genes", "spots_train", "spots_test", "pearson", "pearson_shuffled", "pearson_depth_partial", "pearson_real_only",
                                "pearson_with_synthetic", "delta", "repeats", "seconds", "peak_memory_bytes", "steps", "quality"})
            QVERIFY2(first.contains(key), key);
        QCOMPARE(first.at("genes").get<int>(), 10);
        QVERIFY(first.at("spots_train").get<int>() == 12);
        QVERIFY(std::abs(first.at("pearson_shuffled").at("mean").get<double>()) < 0.35);
        for (const char* of : {"further", "further_real_only"})
            for (const char* key : {"pearson_pooled", "rmse", "morans_i_difference"}) QVERIFY2(first.at(of).at(key).is_number(), key);
        QVERIFY(first.at("further").at("interval_coverage").get<double>() > 0.5);
        const json& controls = first.at("controls");
        for (const char* name : {"shuffled_genes", "augmented", "mixed_spots", "more_spots"})
            for (const char* key : {"pearson", "pearson_depth_partial", "delta", "pairs_over"}) QVERIFY2(std::isfinite(controls.at(name).at(key).at("mean").get<double>()), name);
        QVERIFY(controls.at("more_spots").at("spots").get<int>() > 0);
        const auto gain = [](const json& figure) { return figure.at("mean").get<double>(); };
        for (const char* name : {"shuffled_genes", "augmented", "mixed_spots"})
            QVERIFY(std::abs(gain(controls.at(name).at("pairs_over")) - (gain(first.at("delta")) - gain(controls.at(name).at("delta")))) < 1e-6);
        const json& tiles = first.at("tiles");
        QVERIFY(tiles.at("flagged").get<int>() >= std::max(tiles.at("flagged_by_encoder").get<int>(), tiles.at("flagged_by_latents").get<int>()));
        QVERIFY(tiles.at("flagged").get<int>() <= tiles.at("flagged_by_encoder").get<int>() + tiles.at("flagged_by_latents").get<int>());
        QVERIFY(tiles.at("gate_distance_latents").get<double>() > 0 && tiles.at("training_tiles_flagged_by_latents").is_number());
        for (const json& step : first.at("steps"))
            if (step.at("step") == "adapt") QVERIFY(fs::exists(fs::path(step.at("folder").get<std::string>()) / "preview-0.png"));
        const json& quality = first.at("quality");
        for (const char* key : {"nuclear_density_per_mm2", "nuclear_area_um2", "eccentricity", "haematoxylin_od"}) QVERIFY2(quality.at("composition").at(key).contains("floor"), key);
        QVERIFY(quality.at("outside").at("skipped").get<std::string>().find("--outside-encoder") != std::string::npos);
        QVERIFY(quality.at("floor_other_section").is_null());
        const json& follows = quality.at("follows_genes");
        QVERIFY(follows.at("spots") == first.at("spots_test"));
        QVERIFY(follows.at("spots_train") == first.at("spots_train"));
        QCOMPARE(follows.at("tiles_per_spot").get<int>(), 2);
        QVERIFY(follows.at("round_trip").at("p").get<double>() > 0 && follows.at("round_trip").at("depth_partial").contains("real"));
        QVERIFY(follows.at("retrieval").at("candidates") == follows.at("spots"));
        JobContext ctx;
        bool told = false;
        ctx.on_issue = [&](const Issue& issue) { told = told || issue.text.find("do not measurably follow their genes") != std::string::npos; };
        const json second = call("run", parameters(file), ctx);
        QCOMPARE(told, follows.at("round_trip").at("p").get<double>() > 0.05);
        QVERIFY2(comparable(second) == comparable(first), difference(second, first).c_str());
        for (const json& step : second.at("steps")) QVERIFY2(step.at("cached").get<bool>(), step.at("step").get<std::string>().c_str());
        undisturbed_ = first;

        const SpotData map = read_h5ad(first.at("map").at("path").get<std::string>());
        QVERIFY(map.spots.size() > 50);
        for (const char* layer : {"predicted", "lower", "upper"}) QCOMPARE(map.layers.at(layer).rows, static_cast<std::int64_t>(map.spots.size()));
        QVERIFY(map.obs.count("in_distribution"));
        const auto& mean = map.layers.at("predicted").values;
        for (std::size_t i = 0; i < mean.size(); ++i)
            QVERIFY(map.layers.at("lower").values[i] <= mean[i] + 1e-4f && mean[i] <= map.layers.at("upper").values[i] + 1e-4f);

        // The single steps go on from there without doing anything again.
        const auto project = [&](json more) {
            more.update({{"project", file.string()}, {"central", central_.string()}});
            return more;
        };
        QVERIFY(call("evaluate", {{"project", file.string()}, {"repeats", 2}}).at("steps").back().at("cached").get<bool>());
        QVERIFY(call("assess", {{"project", file.string()}}).at("steps").back().at("cached").get<bool>());
        for (const char* what : {"h5ad", "csv", "png"}) {
            const fs::path to = root_ / (std::string("export.") + what);
            call("export", {{"project", file.string()}, {"what", what}, {"output", to.string()}});
            const std::string bytes = read_file(to);
            for (const std::string& private_text : {sample_.slide.stem().string(), root_.string(), std::string("Jane-Doe")}) QVERIFY2(bytes.find(private_text) == std::string::npos, what);
            QVERIFY(fs::file_size(to) > 1000);
        }
        QVERIFY_EXCEPTION_THROWN(call("export", {{"project", file.string()}, {"what", "png"}, {"output", (root_ / "no.png").string()}, {"gene", "NOTAGENE"}}), Error);
        QVERIFY(!fs::exists(root_ / "no.png"));
        const json info = call("info", {{"file", file.string()}});
        QCOMPARE(info.at("kind").get<std::string>(), std::string("project"));
        const json tile = call("sample", project({{"sampler_steps", 1}}));
        QVERIFY(tile.at("png_base64").get<std::string>().starts_with("iVBOR"));
    }

    // What the generator sees without genes is neither near held-out spots nor among the tiles that it is measured by.
    void tissueWithoutGenesKeepsItsDistance() {
        const fs::path file = fresh_project("tissue");
        const json params = complete_params(*find_command("run"), parameters(file));
        const auto project = Project::open(file, Project::Mode::Write);
        const JobContext ctx;
        Section section(*project, params, ctx);
        const Artifact split = split_step(section);
        const Split parts = load_split(section, split);
        const PairedTiles& pairs = *section.pairs();
        const auto [tissue, reference, with_held_out] = ground_of(section, split, parts, true);
        const Places held_out = places_of(pairs, parts.held_out.rows());
        QVERIFY(tissue.x.size() >= 10 && reference.x.size() >= 200 && !with_held_out);
        const double tile = section.central_info().tile_um / pairs.mpp, learnt = kAdaptMargin * tile, margin = 1.8 * pairs.pitch_um / pairs.mpp;
        const auto apart = [](const Places& a, std::size_t i, const Places& b, std::size_t j, double side) { return std::abs(a.x[i] - b.x[j]) >= side || std::abs(a.y[i] - b.y[j]) >= side; };
        for (std::size_t i = 0; i < tissue.x.size(); ++i) {
            for (std::size_t h = 0; h < held_out.x.size(); ++h) QVERIFY(std::hypot(tissue.x[i] - held_out.x[h], tissue.y[i] - held_out.y[h]) >= margin);
            for (std::size_t j = 0; j < i; ++j) QVERIFY(apart(tissue, i, tissue, j, learnt - 1));  // places are whole pixels
            for (std::size_t r = 0; r < reference.x.size(); ++r) QVERIFY(apart(tissue, i, reference, r, (tile + learnt) / 2));
        }
        const Ground without = ground_of(section, split, parts, false);
        QVERIFY(without.tissue.x.empty() && without.reference.x.size() >= reference.x.size());

        const auto views = [&](bool with) { return read_matrix(yardstick_step(section, split, with).folder / "views.f32").rows; };
        QCOMPARE(views(true), static_cast<std::int64_t>(8 * (parts.train.size() + tissue.x.size())));
        QCOMPARE(views(false), static_cast<std::int64_t>(8 * parts.train.size()));

        json with_tissue = params;
        with_tissue["tissue"] = true;
        Section other(*project, with_tissue, ctx);
        const Artifact from_central = adapt_step(section, split), adapted = adapt_step(other, split);
        QVERIFY(learnt_tissue(adapted) && !learnt_tissue(from_central));
        const auto used = read_report(adapted).at("tissue_tiles").get<std::size_t>();
        QVERIFY(used > 0 && used <= tissue.x.size());  // without those that show a spot by which it stops
        QCOMPARE(read_report(from_central).at("tissue_tiles").get<int>(), 0);
    }

    // Spots placed by hand on a slide without any, with labels and a value: used as they are, through the whole job.
    void placedByHand() {
        const SpotData real = read_spot_data({sample_.spots, sample_.counts}, {});
        std::vector<Annotation> points;
        std::string values = "spot,Ki67 index,grade\n";
        for (std::size_t i = 0; i < real.spots.size(); ++i) {
            Annotation point;
            point.name = "P" + std::to_string(i);
            point.geometry = point_at({real.spots.x[i], real.spots.y[i]});
            values += point.name + "," + std::to_string(0.01 * static_cast<double>(i % 40)) + (real.spots.x[i] > real.spots.x[0] ? ",high\n" : ",low\n");
            points.push_back(point);
        }
        write_file(root_ / "by-hand.csv", values);
        write_placed_spots(with_values(place_spots(points), root_ / "by-hand.csv"), root_ / "placed.csv", root_ / "placed-values.csv");
        const fs::path file = root_ / "placed.c2l";
        const json made = call("import", {{"project", file.string()}, {"slide", sample_.slide.string()}, {"spots", (root_ / "placed.csv").string()}, {"counts", (root_ / "placed-values.csv").string()}});
        QCOMPARE(made.at("unit").get<std::string>(), std::string("as given"));
        QVERIFY(made.at("spots_usable").get<std::size_t>() * 4 > 3 * real.spots.size());  // some lie on fat or at the edge
        const json done = call("run", parameters(file));
        QCOMPARE(done.at("genes").get<int>(), 3);
        const SpotData map = read_h5ad(done.at("map").at("path").get<std::string>());
        QVERIFY(map.expression.unit == ExpressionUnit::AsGiven);
        const auto ki67 = map.expression.column(map.expression.find_gene("Ki67 index"));
        QVERIFY(*std::max_element(ki67.begin(), ki67.end()) < 0.8f);  // its own scale, not that of log1p per 10,000
        const json tile = call("sample", {{"project", file.string()}, {"central", central_.string()}, {"sampler_steps", 1}, {"dial", "Ki67 index=1"}});
        QVERIFY(tile.at("png_base64").get<std::string>().starts_with("iVBOR"));
    }

    // Another encoder and another section have their say; what was measured before is not measured again.
    void secondOpinionAndOtherSection() {
        const fs::path file = root_ / "whole.c2l", other = root_ / "other.safetensors";
        if (!fs::exists(file)) QSKIP("SKIPPED: needs wholeAndCached");
        call("pretrain", {{"slides", json::array({sample_.slide.string()})}, {"tile_count", 64}, {"autoencoder_steps", 2}, {"decoder_steps", 2}, {"encoder_steps", 2}, {"denoiser_steps", 2},
                          {"batch", 4}, {"seed", 9}, {"output", other.string()}, {"device", "cpu"}});
        const json params = {{"project", file.string()}, {"central", central_.string()}, {"outside_encoder", other.string()}, {"device", "cpu"}};
        const json report = call("assess", params);
        const json& outside = report.at("outside");
        for (const char* key : {"encoder", "n", "frechet", "kid", "precision", "copies_fraction", "follows_genes"}) QVERIFY2(outside.contains(key), key);
        QVERIFY(outside.at("follows_genes").contains("retrieval"));
        QVERIFY(outside.at("frechet") != report.at("frechet"));
        int made = 0;
        for (const json& step : report.at("steps")) made += !step.at("cached").get<bool>();
        QCOMPARE(made, 3);  // yardstick and follow of the other encoder, and the report

        const SampleFiles second = write_sample(root_ / "second", 2, {}, 2.2);
        call("import", {{"project", file.string()}, {"slide", second.slide.string()}, {"spots", second.spots.string()}, {"counts", second.counts.string()}});
        const json floors = call("assess", params);
        for (const json* of : {&floors, &floors.at("outside")}) {
            QCOMPARE(of->at("floor_other_section").at("name").get<std::string>(), second.slide.filename().string());
            QVERIFY(of->at("floor_other_section").at("frechet").get<double>() > 0);
            QVERIFY(of->at("floor_training_tiles").at("n").get<int>() >= 8);
        }
        // The encoder itself is no second opinion, and without tiles for held-out spots there is no answer; both are said.
        json none = params;
        none["outside_encoder"] = central_.string();
        none["seeds_per_spot"] = 0;
        const json said = call("assess", none);
        QVERIFY(said.at("outside").at("skipped").get<std::string>().find("itself") != std::string::npos);
        QVERIFY(said.at("follows_genes").at("skipped").get<std::string>().find("--seeds-per-spot") != std::string::npos);
        none["outside_encoder"] = (root_ / "none.safetensors").string();
        QVERIFY_EXCEPTION_THROWN(call("assess", none), Error);
    }

    void eitherCheckFlags() {
        CopyCheck encoder, latents;
        encoder.flagged = {1, 0, 0, 1};
        latents.flagged = {0, 0, 1, 1};
        const Copies copies(encoder, latents);
        QCOMPARE(copies.flagged, (std::vector<std::uint8_t>{1, 0, 1, 1}));
        for (const auto& [key, value] : {std::pair{"flagged", 3}, std::pair{"flagged_by_encoder", 2}, std::pair{"flagged_by_latents", 2}}) QCOMPARE(copies.report.at(key).get<int>(), value);
        QCOMPARE(copies.report.at("copies_fraction").get<double>(), 0.75);
    }

    // The command holds the tiles back, not only the function that it calls.
    void theGateStandsBeforeTheFolder() {
        const fs::path file = fresh_project("gate"), out = root_ / "let out";
        json params = parameters(file);
        const json made = call("run", params);
        const fs::path report = fs::path(made.at("tiles").at("path").get<std::string>()).parent_path() / "report.json";
        json figures = json::parse(read_file(report));
        figures["flagged"] = 7, figures["copies_fraction"] = 0.1;
        write_file(report, figures.dump());
        json draw = {{"project", file.string()}, {"central", central_.string()}, {"number", 70}, {"sampler_steps", 1}, {"seed", 3}, {"device", "cpu"}, {"output", out.string()}};
        try {
            call("synthesize", draw);
            QFAIL("copies got out");
        } catch (const Error& error) {
            QVERIFY2(std::string(error.what()).find("near copies") != std::string::npos, error.what());
        }
        QVERIFY(!fs::exists(out));
        draw["allow_copies"] = true;
        call("synthesize", draw);
        QVERIFY(fs::exists(out / "tiles" / "000069.png") && fs::exists(out / "profiles.h5ad"));
    }

    void copiesStayInTheProject() {
        json report = {{"tiles", 400}, {"flagged", 8}, {"copies_fraction", 0.02}};
        int issues = 0;
        JobContext ctx;
        ctx.on_issue = [&](const Issue&) { ++issues; };
        require_few_copies(report, false, ctx);
        QCOMPARE(issues, 0);
        report["flagged"] = 9;
        report["copies_fraction"] = 9 / 400.0;
        try {
            require_few_copies(report, false, ctx);
            QFAIL("copies got out");
        } catch (const Error& error) {
            QCOMPARE(error.code(), ErrorCode::BadInput);
            const std::string said = error.what();
            QVERIFY2(said.find("9 of 400") != std::string::npos && said.find("--allow-copies") != std::string::npos, said.c_str());
        }
        report["training_tiles_flagged_by_encoder"] = 0.06;
        report["training_tiles_flagged_by_latents"] = 0.01;
        std::string issue;
        ctx.on_issue = [&](const Issue& i) { issue = i.text; };
        require_few_copies(report, true, ctx);
        QVERIFY2(issue.find("6.0 % are as near to one another") != std::string::npos, issue.c_str());
    }

    // Two shares of the spots, one of them too small, and two seeds: every cell with its controls, in a table, a figure and JSON.
    void experimentHoldsPairsAgainstTheirControls() {
        const fs::path file = fresh_project("experiment"), folder = root_ / "figures";
        json params = parameters(file);
        for (const char* key : {"spots", "pitch"}) params.erase(key);
        params.update({{"fractions", "0.6,0.1"}, {"repeats", 2}, {"output", folder.string()}, {"number", 24}, {"map_genes", 10}});
        JobContext ctx;
        int left_out = 0;
        ctx.on_issue = [&](const Issue& issue) { left_out += issue.text.find("a share of 0.100") != std::string::npos; };
        const json result = call("experiment", params, ctx);
        QCOMPARE(left_out, 2);
        QCOMPARE(result.at("cells").size(), std::size_t{2});
        QCOMPARE(result.at("shares").size(), std::size_t{2});
        const json& share = result.at("shares").at(1);
        QVERIFY(result.at("shares").at(0).at("spots_train").is_null());
        for (const char* key : {"synthetic", "shuffled_genes", "augmented", "mixed_spots", "more_spots"}) {
            const auto of = [&](std::size_t cell) { return result.at("cells").at(cell).at("gain").at(key).get<double>(); };
            const json& gain = share.at("gain").at(key);
            QVERIFY2(std::abs(gain.at("value").get<double>() - (of(0) + of(1)) / 2) < 1e-12, key);
            QVERIFY(gain.at("lower").get<double>() < gain.at("value").get<double>() || of(0) == of(1));
            QCOMPARE(gain.at("seeds").get<int>(), 2);
        }
        QVERIFY(result.at("cells").at(0).at("seed") != result.at("cells").at(1).at("seed"));

        const std::string csv = read_file(folder / "experiment.csv");
        const QStringList lines = QString::fromStdString(csv).trimmed().split('\n');
        QCOMPARE(lines.size(), 3);
        const QStringList head = lines[0].split(','), second = lines[2].split(',');
        QVERIFY(lines[1].split(',').size() == head.size() && second.size() == head.size());
        QCOMPARE(second[head.indexOf("gain_more_spots")].toDouble(), result.at("cells").at(1).at("gain").at("more_spots").get<double>());
        QVERIFY(json::parse(read_file(folder / "experiment.json")) == result);
        QXmlStreamReader svg(QByteArray::fromStdString(read_file(folder / "experiment.svg")));
        int circles = 0;
        while (!svg.atEnd()) circles += svg.readNext() == QXmlStreamReader::StartElement && svg.name() == u"circle";
        QVERIFY2(!svg.hasError(), qPrintable(svg.errorString()));
        QCOMPARE(circles, 2 * 5);  // the legend, and the share that could be measured
        QVERIFY(comparable(call("experiment", params)) == comparable(result));

        for (const char* wrong : {"", "0", "1.5", "0.5,x", "0.5;1", "nan"}) {
            params["fractions"] = wrong;
            QVERIFY_EXCEPTION_THROWN(call("experiment", params), Error);
        }
        params["fractions"] = "0.1";
        QVERIFY_EXCEPTION_THROWN(call("experiment", params), Error);
    }

    // Stopped at its n-th sign of life, again and again, until it gets through: the same result as the undisturbed run in another place.
    void stoppedAnywhere() {
        if (undisturbed_.is_null()) undisturbed_ = call("run", parameters(fresh_project("undisturbed")));
        const fs::path file = fresh_project("stopped");
        json result;
        int stops = 0;
        for (int patience = 1; result.is_null(); patience += 1 + 2 * patience) {
            std::stop_source stop;
            JobContext ctx;
            ctx.stop = stop.get_token();
            int signs = 0;
            ctx.on_progress = [&](const Progress&) {
                if (++signs >= patience) stop.request_stop();
            };
            try {
                result = call("run", parameters(file), ctx);
            } catch (const Error& error) {
                QVERIFY2(error.code() == ErrorCode::Stopped, error.line().c_str());
                ++stops;
            }
        }
        QVERIFY(stops >= 3);
        QVERIFY2(comparable(result) == comparable(undisturbed_), difference(result, undisturbed_).c_str());
        QVERIFY(!fs::exists(root_ / "stopped.c2l.d/staging") || fs::is_empty(root_ / "stopped.c2l.d/staging"));
    }

    // A step refuses what does not belong to it.
    void otherModelsAreRefused() {
        const fs::path file = fresh_project("other");
        json p = parameters(file);
        QVERIFY_EXCEPTION_THROWN(call("evaluate", {{"project", file.string()}}), Error);
        p["central"] = sample_.slide.string();
        QVERIFY_EXCEPTION_THROWN(call("run", p), Error);
        p["central"] = (root_ / "none.safetensors").string();
        QVERIFY_EXCEPTION_THROWN(call("run", p), Error);
        QVERIFY(Project::open(file, Project::Mode::Read)->artifacts("adapt").empty());
    }
};

QTEST_GUILESS_MAIN(TestMainJob)
#include "test_main_job.moc"
