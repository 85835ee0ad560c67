// Adapters from one institution to another: what goes out tells of nobody, what comes in draws for this section and teaches its predictor nothing; and
// adaptation that goes wrong says so. A small simulated section, an untrained little model.
#include <QTemporaryDir>
#include <QTest>
#include <algorithm>
#include <new>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "pipeline/command.h"
#include "project/project.h"
#include "sample/sample.h"
#include "spatial/h5ad.h"
#include "spatial/read.h"

using namespace c2l;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

constexpr int kTiles = 5;

json call(const char* name, const json& params, const JobContext& ctx = {}) { return run_command(*find_command(name), params, ctx); }

JobContext listening(std::vector<std::string>& issues) {
    JobContext ctx;
    ctx.on_issue = [&issues](const Issue& issue) { issues.push_back(issue.text); };
    return ctx;
}

bool told(const std::vector<std::string>& issues, const std::string& part) {
    return std::any_of(issues.begin(), issues.end(), [&](const std::string& text) { return text.find(part) != std::string::npos; });
}

// The table without the first of its genes of a list, so many of them.
SpotData without_genes(const SpotData& data, const std::vector<std::string>& genes, std::size_t count) {
    const std::set<std::string> gone(genes.begin(), genes.begin() + static_cast<std::ptrdiff_t>(count));
    SpotData out = data;
    const ExpressionMatrix& e = data.expression;
    std::vector<std::string> left;
    for (const auto& gene : e.genes)
        if (!gone.count(gene)) left.push_back(gene);
    Matrix values(e.rows(), static_cast<std::int64_t>(left.size()));
    for (std::size_t c = 0; c < left.size(); ++c) {
        const auto column = e.column(e.find_gene(left[c]));
        for (std::int64_t r = 0; r < e.rows(); ++r) values.at(r, static_cast<std::int64_t>(c)) = column[static_cast<std::size_t>(r)];
    }
    out.expression = ExpressionMatrix::from_dense(values, left, e.unit);
    return out;
}

std::string refusal(const char* command, const json& params, ErrorCode code) {
    try {
        call(command, params);
    } catch (const Error& error) {
        return error.code() == code ? error.what() : "WRONG CODE: " + error.line();
    }
    return "NOT REFUSED";
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

class TestAdapterExchange : public QObject {
    Q_OBJECT

    QTemporaryDir dir_;
    fs::path root_, central_, project_, adapter_;
    SampleFiles sample_;
    SpotData spots_;
    std::vector<std::string> genes_;  // of the adapter

    json with(json more, const fs::path& project = {}) const {
        more.update({{"project", (project.empty() ? project_ : project).string()}, {"central", central_.string()}, {"device", "cpu"}, {"threads", 1}});
        return more;
    }
    json drawn(json more, const fs::path& project = {}) const {
        more.update({{"number", kTiles}, {"sampler_steps", 1}});
        return with(more, project);
    }
    json adaptation(json more, const fs::path& project = {}) const {
        json params = with({{"spots", 24}, {"genes", 30}, {"adapt_steps", 6}, {"adapt_batch", 4}, {"seed", 3}}, project);
        params.update(more);
        return params;
    }
    // Another institution's project: the same slide, with other spot data where given.
    fs::path elsewhere(const char* name, const SpotData* data = nullptr) const {
        const fs::path project = root_ / (std::string(name) + ".c2l");
        json params = {{"project", project.string()}, {"slide", sample_.slide.string()}};
        if (data) {
            H5adContent content;
            content.data = data;
            write_h5ad(root_ / (std::string(name) + ".h5ad"), content);
            params["spots"] = (root_ / (std::string(name) + ".h5ad")).string();
        } else {
            params.update({{"spots", sample_.spots.string()}, {"counts", sample_.counts.string()}});
        }
        call("import", params);
        return project;
    }

private Q_SLOTS:
    void initTestCase() {
        root_ = dir_.path().toStdString();
        central_ = root_ / "central.safetensors";
        project_ = root_ / "whereitcomesfrom.c2l";
        adapter_ = root_ / "given.safetensors";
        sample_ = write_sample(root_ / "sample", 1, {}, 2.2);
        spots_ = read_spot_data({sample_.spots, sample_.counts}, {});
        call("pretrain", {{"slides", json::array({sample_.slide.string()})}, {"tile_count", 64}, {"autoencoder_steps", 2}, {"decoder_steps", 2}, {"encoder_steps", 2}, {"denoiser_steps", 2}, {"batch", 4},
                          {"output", central_.string()}, {"device", "cpu"}});
        call("import", {{"project", project_.string()}, {"slide", sample_.slide.string()}, {"spots", sample_.spots.string()}, {"counts", sample_.counts.string()}, {"patient", "PATIENT-77"}});
        call("adapt", adaptation(json::object()));
        const json made = call("export", {{"project", project_.string()}, {"what", "adapter"}, {"output", adapter_.string()}});
        QCOMPARE(made.at("bytes").get<std::uintmax_t>(), fs::file_size(adapter_));
        genes_ = json::parse(call("info", {{"file", adapter_.string()}}).at("metadata").at("genes").get<std::string>()).get<std::vector<std::string>>();
        QCOMPARE(genes_.size(), std::size_t{30});
    }

    void what_goes_out_tells_of_nobody() {
        const std::string bytes = read_file(adapter_), header = bytes.substr(0, 8 + static_cast<unsigned char>(bytes[0]) + 256u * static_cast<unsigned char>(bytes[1]) + 65536u * static_cast<unsigned char>(bytes[2]));
        for (const std::string& name : {std::string("PATIENT-77"), sample_.slide.stem().string(), sample_.slide.filename().string(), sample_.spots.stem().string(), sample_.counts.stem().string(),
                                        project_.stem().string(), root_.string(), sha256_file(sample_.slide)})
            QVERIFY2(!has(bytes, name), name.c_str());
        for (const auto& barcode : spots_.spots.barcodes) QVERIFY2(!has(header, "\"" + barcode + "\"") && !has(header, barcode + "\\"), barcode.c_str());
        const json shown = call("info", {{"file", adapter_.string()}});
        std::set<std::string> keys, record;
        for (const auto& [key, value] : shown.at("metadata").items()) keys.insert(key);
        QVERIFY(keys == (std::set<std::string>{"architecture", "central", "central_architecture", "central_attribution", "central_licence", "full", "genes", "training", "unit"}));
        for (const auto& [key, value] : shown.at("adapter").at("training").items()) {
            record.insert(key);
            QVERIFY2(value.is_number() || value.is_boolean() || key == "losses" || key == "program_version", key.c_str());
        }
        QVERIFY(record == (std::set<std::string>{"batch", "best_step", "full", "gene_dropout", "held_out_before", "held_out_best", "held_out_kept", "losses", "program_version", "rate", "seed", "spots", "steps", "tissue_tiles"}));
        QVERIFY(shown.at("adapter").at("training").at("losses").size() >= 1);
        QVERIFY(shown.at("adapter").at("central").at("id") == sha256_file(central_));
        QVERIFY(refusal("export", {{"project", elsewhere("nothing").string()}, {"what", "adapter"}, {"output", (root_ / "no.safetensors").string()}}, ErrorCode::NotFound) != "NOT REFUSED");
        QVERIFY(!fs::exists(root_ / "no.safetensors"));
    }

    // The project's own adapter, taken for one from elsewhere, draws the very same tiles; and they are no pairs to learn from.
    void draws_what_its_maker_draws() {
        const json own = call("synthesize", drawn(json::object())), foreign = call("synthesize", drawn({{"adapter", adapter_.string()}}));
        QCOMPARE(foreign.at("tiles").get<int>(), kTiles);
        QCOMPARE(foreign.at("adapter").at("sha256").get<std::string>(), sha256_file(adapter_));
        const fs::path a = own.at("folder").get<std::string>(), b = foreign.at("folder").get<std::string>();
        for (const char* tile : {"000000.png", "000004.png"}) QCOMPARE(sha256_file(a / "tiles" / tile), sha256_file(b / "tiles" / tile));
        QCOMPARE(sha256_file(b / "adapter.safetensors"), sha256_file(adapter_));
        const auto project = Project::open(project_, Project::Mode::Read);
        const auto inputs = project->find(foreign.at("artifact"))->provenance.inputs;
        QVERIFY(std::count(inputs.begin(), inputs.end(), sha256_file(adapter_)) == 1);
        QVERIFY(call("synthesize", drawn({{"adapter", adapter_.string()}})).at("steps").back().at("cached").get<bool>());

        const json fit = call("fit", with({{"eval_genes", 10}}));
        const auto learnt = project->find(fit.at("artifact"))->provenance.inputs;
        QVERIFY(std::count(learnt.begin(), learnt.end(), own.at("artifact").get<std::string>()) == 1);
        QVERIFY(std::count(learnt.begin(), learnt.end(), foreign.at("artifact").get<std::string>()) == 0);
    }

    void draws_where_nothing_was_adapted() {
        std::vector<std::string> issues;
        const fs::path project = elsewhere("institution-b"), out = root_ / "tiles-of-b";
        const json made = call("synthesize", drawn({{"adapter", adapter_.string()}, {"output", out.string()}}, project), listening(issues));
        QVERIFY(told(issues, "adapter of elsewhere"));
        QVERIFY(fs::exists(out / "tiles/000004.png") && fs::exists(out / "profiles.h5ad"));
        QCOMPARE(made.at("genes_missing").get<int>(), 0);
        issues.clear();
        call("synthesize", drawn({{"adapter", adapter_.string()}}, project), listening(issues));
        QVERIFY(told(issues, "adapter of elsewhere"));  // told again when nothing is drawn anew
        // Without an adapter of its own the project still has nothing to fit synthetic pairs from.
        QCOMPARE(call("fit", with({{"eval_genes", 10}}, project)).at("synthetic_pairs").get<int>(), 0);
        // Profiles of a file, found by name.
        H5adContent content;
        content.data = &spots_;
        write_h5ad(root_ / "cells.h5ad", content);
        const json cells = call("synthesize", drawn({{"adapter", adapter_.string()}, {"profiles", (root_ / "cells.h5ad").string()}}, project));
        QCOMPARE(cells.at("tiles").get<int>(), kTiles);
        QVERIFY(cells.at("artifact") != made.at("artifact"));
        QCOMPARE(read_h5ad(fs::path(cells.at("folder").get<std::string>()) / "profiles.h5ad").labels.at("kind")[0], std::string("imported"));
    }

    void genes_are_found_by_name() {
        const SpotData few = without_genes(spots_, genes_, 7), hardly = without_genes(spots_, genes_, 16);
        std::vector<std::string> issues;
        const json made = call("synthesize", drawn({{"adapter", adapter_.string()}}, elsewhere("few", &few)), listening(issues));
        QCOMPARE(made.at("genes_missing").get<int>(), 7);
        QVERIFY(told(issues, "7 of the generator's 30 genes (" + genes_[0]));
        const SpotData table = read_h5ad(fs::path(made.at("folder").get<std::string>()) / "profiles.h5ad");
        const auto absent = table.expression.column(table.expression.find_gene(genes_[0])), present = table.expression.column(table.expression.find_gene(genes_[8]));
        QVERIFY(absent[0] > 0 && std::all_of(absent.begin(), absent.end(), [&](float v) { return v == absent[0]; }));  // the adapter's mean
        QVERIFY(std::any_of(present.begin(), present.end(), [&](float v) { return v != present[0]; }));
        const std::string said = refusal("synthesize", drawn({{"adapter", adapter_.string()}}, elsewhere("hardly", &hardly)), ErrorCode::Mismatch);
        QVERIFY2(has(said, "16 of the generator's 30 genes") && has(said, "same species"), said.c_str());
    }

    void what_does_not_fit_is_refused() {
        const fs::path other = root_ / "other.safetensors";
        call("pretrain", {{"slides", json::array({sample_.slide.string()})}, {"tile_count", 64}, {"autoencoder_steps", 1}, {"decoder_steps", 1}, {"encoder_steps", 1}, {"denoiser_steps", 1}, {"batch", 4}, {"seed", 9},
                          {"output", other.string()}, {"device", "cpu"}});
        json params = drawn({{"adapter", adapter_.string()}});
        params["central"] = other.string();
        const std::string said = refusal("synthesize", params, ErrorCode::Mismatch);
        QVERIFY2(has(said, "another central model") && has(said, "c2l-central-tiny") && has(said, sha256_file(central_).substr(0, 12)) && has(said, "--central"), said.c_str());
        QVERIFY(has(refusal("synthesize", drawn({{"adapter", central_.string()}}), ErrorCode::Mismatch), "not an adapter"));
        QVERIFY(has(refusal("synthesize", drawn({{"adapter", adapter_.string()}, {"dial", genes_[0] + "=1"}}), ErrorCode::BadInput), "--dial"));
        QVERIFY(refusal("synthesize", drawn({{"adapter", (root_ / "none.safetensors").string()}}), ErrorCode::NotFound) != "NOT REFUSED");
        write_file(root_ / "cut.safetensors", read_file(adapter_).substr(0, 5000));
        QVERIFY(has(refusal("synthesize", drawn({{"adapter", (root_ / "cut.safetensors").string()}}), ErrorCode::BadInput), "safetensors"));
    }

    // An adaptation that gains nothing makes tiles that look all right; it is said, now and whenever it is gone on from.
    void an_adapter_that_learnt_nothing_is_told() {
        const fs::path project = elsewhere("diverging");
        const json params = adaptation({{"learning_rate", 1.0}}, project);
        for (int i = 0; i < 2; ++i) {
            std::vector<std::string> issues;
            const json made = call("adapt", params, listening(issues));
            QCOMPARE(made.at("best_step").get<int>(), 0);
            QVERIFY(told(issues, "ignore the genes"));
        }
        // And not of one that gained. (Biases alone teach a model next to nothing that has hardly been trained; all of its weights do.)
        std::vector<std::string> issues;
        QVERIFY(call("adapt", adaptation({{"full", true}, {"adapt_steps", 26}}, project), listening(issues)).at("best_step").get<int>() > 0);
        QVERIFY(!told(issues, "ignore the genes"));
    }

    // Memory runs out in the first attempts: the result is that of the batch which fitted, and so are its pictures.
    void a_halved_batch_shows_its_own_previews() {
        const fs::path project = elsewhere("short-of-memory");
        std::vector<std::string> issues;
        int failures = 0;
        JobContext ctx = listening(issues);
        ctx.on_progress = [&](const Progress& p) {
            if (p.step != "adapt" || p.done < 2 || failures >= 2) return;
            ++failures;
            for (const auto& entry : fs::recursive_directory_iterator(fs::path(project.string() + ".d") / "work"))  // what an attempt leaves that came further
                if (entry.path().filename() == "best.safetensors") write_file(entry.path().parent_path() / "preview-150.png", "of the attempt that failed");
            throw std::bad_alloc();
        };
        const json made = call("adapt", adaptation({{"adapt_batch", 16}}, project), ctx);
        QCOMPARE(failures, 2);
        QCOMPARE(made.at("batch").get<int>(), 4);
        QVERIFY(told(issues, "batches of 16 and starts again with 8") && told(issues, "batches of 8 and starts again with 4"));
        QVERIFY(!fs::exists(fs::path(made.at("folder").get<std::string>()) / "preview-150.png"));
        QVERIFY(fs::exists(fs::path(made.at("folder").get<std::string>()) / "adapter.safetensors"));
    }
};

QTEST_GUILESS_MAIN(TestAdapterExchange)
#include "test_adapter_exchange.moc"
