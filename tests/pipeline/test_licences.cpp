// The licence of an imported central model stands in everything that is made with it, from the adapter to the exported figure. A small random model pack
// (tests/generate/fixtures) and a small simulated section.
#include <QTemporaryDir>
#include <QTest>

#include "base/error.h"
#include "base/file.h"
#include "pipeline/command.h"
#include "project/project.h"
#include "sample/sample.h"
#include "spatial/h5ad.h"

using namespace c2l;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

const std::string kLicence = "CC-BY-NC-ND-4.0", kAttribution = "Random numbers of the tests";

fs::path make_pack(const fs::path& folder) {
    const fs::path fixtures = fs::path(C2L_SOURCE_DIR) / "tests/generate/fixtures";
    fs::create_directories(folder);
    fs::copy(fixtures / "vae-sd3", folder / "vae", fs::copy_options::recursive);
    fs::copy(fixtures / "pixcell", folder / "transformer", fs::copy_options::recursive);
    const json manifest = {{"id", "tiny-random"}, {"kind", "central"}, {"licence", kLicence}, {"attribution", kAttribution}, {"source", "tests/peers"}, {"tile_px", 64}, {"tile_um", 32.0},
                           {"autoencoder", {{"config", "vae/config.json"}, {"weights", "vae/diffusion_pytorch_model.safetensors"}}},
                           {"denoiser", {{"config", "transformer/config.json"}, {"weights", "transformer/diffusion_pytorch_model.safetensors"}}},
                           {"scheduler", {{"beta_start", 1e-4}, {"beta_end", 0.02}, {"schedule", "linear"}, {"steps", 1000}, {"prediction", "epsilon"}}}};
    write_file(folder / "manifest.json", manifest.dump(2));
    return folder;
}

// Why the licence is not carried; empty when it is.
std::string lacks(const std::string& what, const std::string& text) {
    if (text.find(kLicence) == std::string::npos) return what + " does not name the licence";
    return text.find(kAttribution) == std::string::npos ? what + " does not name whom to attribute" : std::string();
}

std::string lacks(const fs::path& file) { return lacks(file.parent_path().filename().string() + "/" + file.filename().string(), read_file(file)); }

}  // namespace

#define CARRIES(...)                             \
    do {                                         \
        const std::string why = lacks(__VA_ARGS__); \
        QVERIFY2(why.empty(), why.c_str());      \
    } while (false)

class TestLicences : public QObject {
    Q_OBJECT

    QTemporaryDir dir_;
    fs::path root_, pack_, project_;
    json result_;

    json call(const char* name, json params) const {
        params.update({{"project", project_.string()}});
        for (const Param& param : find_command(name)->params) {
            if (param.name == "central") params["central"] = pack_.string();
            if (param.name == "device") params["device"] = "cpu";
        }
        return run_command(*find_command(name), params, {});
    }
    std::string summary(const char* name, const json& result) const { return find_command(name)->summary(result); }

private Q_SLOTS:
    void initTestCase() {
        qunsetenv("C2L_SHARED");
        root_ = dir_.path().toStdString();
        project_ = root_ / "p.c2l";
        pack_ = make_pack(root_ / "pack");
        const SampleFiles sample = write_sample(root_ / "sample", 1, {}, 2.2);
        run_command(*find_command("import"), {{"project", project_.string()}, {"slide", sample.slide.string()}, {"spots", sample.spots.string()}, {"counts", sample.counts.string()}}, {});
        result_ = call("run", {{"spots", 24}, {"genes", 30}, {"eval_genes", 10}, {"adapt_steps", 6}, {"adapt_batch", 4}, {"number", 24}, {"sampler_steps", 2}, {"repeats", 0}, {"pitch", 200},
                               {"seeds_per_spot", 1}, {"seed", 3}, {"output", (root_ / "report.json").string()}});
    }

    void every_step_of_the_main_job() {
        CARRIES("the result", result_.dump());
        CARRIES("its summary", summary("run", result_));
        CARRIES(root_ / "report.json");
        QCOMPARE(result_.at("central").at("licence").get<std::string>(), kLicence);
        const auto project = Project::open(project_, Project::Mode::Read);
        for (const char* step : {"adapt", "latent_yardstick", "synthesize", "held_out_tiles", "follow", "assess", "fit", "evaluate", "predict"}) {
            const auto artifacts = project->artifacts(step);
            QVERIFY2(artifacts.size() == 1, step);
            CARRIES(artifacts[0].folder / "report.json");
            const json central = json::parse(read_file(artifacts[0].folder / "report.json")).at("central");
            QCOMPARE(central.at("architecture").get<std::string>(), std::string("PixCellTransformer2DModel"));
        }
        // What does not rest on the model says nothing of it.
        for (const char* step : {"yardstick", "places"})
            for (const auto& artifact : project->artifacts(step))
                if (fs::exists(artifact.folder / "report.json")) QVERIFY2(!json::parse(read_file(artifact.folder / "report.json")).contains("central"), step);
    }

    void every_file() {
        const auto project = Project::open(project_, Project::Mode::Read);
        const auto folder = [&](const char* step) { return project->artifacts(step).at(0).folder; };
        CARRIES(folder("adapt") / "adapter.safetensors");
        CARRIES(folder("fit") / "predictor.safetensors");
        CARRIES(folder("synthesize") / "tiles/000003.png");
        CARRIES(folder("synthesize") / "sheet.png");
        CARRIES(folder("held_out_tiles") / "tiles/000000.png");
        CARRIES(folder("held_out_tiles") / "sheet.png");
        CARRIES("profiles.h5ad", read_h5ad(folder("synthesize") / "profiles.h5ad").provenance_json);
        CARRIES("map.h5ad", read_h5ad(folder("predict") / "map.h5ad").provenance_json);
    }

    void every_command_after_it() {
        for (const char* name : {"synthesize", "assess", "fit", "evaluate", "predict"}) {
            const json answer = call(name, std::string(name) == "evaluate" ? json{{"repeats", 0}} : json::object());
            CARRIES(name, answer.dump());
            CARRIES(std::string(name) + " in words", summary(name, answer));
        }
        const json tile = call("sample", {{"sampler_steps", 1}});
        CARRIES("sample", tile.at("central").dump());
        // The text chunk of the tile itself.
        const auto png = QByteArray::fromBase64(QByteArray::fromStdString(tile.at("png_base64").get<std::string>())).toStdString();
        CARRIES("the sampled tile", png);
    }

    void every_export() {
        for (const char* what : {"h5ad", "csv", "png", "adapter"}) {
            const fs::path to = root_ / (std::string("out.") + what);
            const json answer = call("export", {{"what", what}, {"output", to.string()}});
            CARRIES(what, answer.dump());
            CARRIES(std::string(what) + " in words", summary("export", answer));
            if (std::string(what) == "h5ad") CARRIES("the exported map", read_h5ad(to).provenance_json);
            else CARRIES(std::string(what) == "csv" ? fs::path(to.string() + ".license") : to);
        }
        // The table itself stays one that every reader takes.
        QVERIFY(read_file(root_ / "out.csv").starts_with("point,x,y,"));
    }

    // A predictor of real spots alone owes the generator nothing.
    void real_spots_alone_carry_nothing() {
        const json fit = call("fit", {{"real_only", true}, {"eval_genes", 10}});
        QVERIFY(!fit.contains("central") || fit.at("central").is_null());
        const json evaluation = call("evaluate", {{"repeats", 0}});
        QVERIFY(evaluation.dump().find(kLicence) == std::string::npos);
        QVERIFY(read_file(fs::path(fit.at("folder").get<std::string>()) / "predictor.safetensors").find(kLicence) == std::string::npos);
    }
};

QTEST_GUILESS_MAIN(TestLicences)
#include "test_licences.moc"
