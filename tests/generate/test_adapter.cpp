// The adapter as a file that one institution gives to another: what is in it and what is not, how large it is, and what is refused. Nothing is trained
// for it: the adapter of the shipped central model is made and written as adaptation does after no step at all.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <QTemporaryDir>
#include <QTest>
#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "generate/adapter.h"
#include "generate/adapter_file.h"
#include "generate/flow.h"
#include "generate/generate.h"
#include "nn/safetensors.h"

using namespace c2l;
using namespace c2l::generate;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

constexpr int kGenes = 250, kSpots = 200;

fs::path shipped() { return fs::path(C2L_SOURCE_DIR) / "resources/models/central-tiny/central-tiny.safetensors"; }

GenePanel some_panel() {
    GenePanel panel;
    for (int g = 0; g < kGenes; ++g) {
        panel.genes.push_back("GENE" + std::to_string(g));
        panel.mean.push_back(0.01f * static_cast<float>(g));
        panel.sd.push_back(0.5f);
    }
    return panel;
}

Matrix some_profiles(std::int64_t rows) {
    Matrix profiles(rows, kGenes);
    Random random(4);
    for (float& value : profiles.values) value = static_cast<float>(random.normal());
    return profiles;
}

std::map<std::string, at::Tensor> tensors_of(const Adapter& adapter, const Central& central, bool full) {
    auto tensors = adapter.parameters().state("adapter.");
    for (const auto& [name, tensor] : Adapter::tuned(*central.denoiser, full)) tensors["denoiser." + name] = tensor.clone();
    return tensors;
}

}  // namespace

class TestAdapter : public QObject {
    Q_OBJECT

    QTemporaryDir dir_;
    fs::path folder_, file_;
    nn::TensorFile sound_;
    Central central_;  // never changed: what is loaded into it is refused

    // What is said of the sound adapter after a change; "NOT REFUSED" when it is taken.
    std::string refusal(const std::function<void(nn::TensorFile&)>& spoil, ErrorCode code) const {
        nn::TensorFile spoilt = sound_;
        for (auto& [name, tensor] : spoilt.tensors) tensor = tensor.clone();
        spoil(spoilt);
        const fs::path path = folder_ / "spoilt.safetensors";
        nn::write_safetensors(path, spoilt.tensors, spoilt.metadata);
        try {
            Adapter::load(path, *central_.denoiser);
        } catch (const Error& error) {
            const std::string what = error.what();
            if (error.code() != code) return "WRONG CODE: " + what;
            if (error.path() != path || what.find('\n') != std::string::npos || what.back() == '.') return "NOT ONE SENTENCE: " + what;
            for (const auto& [name, tensor] : Adapter::tuned(*central_.denoiser, false))
                if (!tensor.equal(sound_.at("denoiser." + name))) return "THE CENTRAL MODEL WAS CHANGED: " + what;
            return what;
        }
        return "NOT REFUSED";
    }

private Q_SLOTS:
    void initTestCase() {
        folder_ = dir_.path().toStdString();
        file_ = folder_ / "adapter.safetensors";
        central_ = Central::load(shipped(), c10::Device(c10::kCPU));
        const Adapter adapter(*central_.denoiser, central_.adapter_rank, some_panel(), some_profiles(kSpots), 1);
        adapter.save(file_, tensors_of(adapter, central_, false), central_, false, R"({"spots":200,"steps":600})");
        sound_ = nn::read_safetensors(file_);
    }

    // "1 to 5 MB" for the shipped central model and the default 250 genes.
    void size() {
        const auto bytes = fs::file_size(file_);
        qInfo("the adapter of the shipped central model with 250 genes has %llu bytes", static_cast<unsigned long long>(bytes));
        QVERIFY(bytes >= 1'000'000);
        QVERIFY(bytes <= 5'000'000);
    }

    // Whoever adds a key or a tensor has to come here and say that it tells nothing of a patient.
    void nothing_else_is_in_it() {
        std::set<std::string> keys;
        for (const auto& [key, value] : sound_.metadata) keys.insert(key);
        QVERIFY(keys == (std::set<std::string>{"architecture", "central", "central_architecture", "central_attribution", "central_licence", "full", "genes", "training", "unit"}));
        std::set<std::string> expected{"genes.components", "panel.mean", "panel.sd", "adapter.genes.hidden.weight", "adapter.genes.hidden.bias", "adapter.genes.out.weight",
                                       "adapter.genes.out.bias", "adapter.genes.null"};
        for (std::size_t site = 0; site < central_.denoiser->sites().size(); ++site)
            for (const char* part : {".down", ".up"}) expected.insert("adapter.site" + std::to_string(site) + part);
        for (const auto& [name, tensor] : central_.denoiser->parameters().all())
            if (tensor.dim() == 1) expected.insert("denoiser." + name);
        std::set<std::string> names;
        for (const auto& [name, tensor] : sound_.tensors) names.insert(name);
        for (const auto& name : names) QVERIFY2(expected.count(name), name.c_str());
        for (const auto& name : expected) QVERIFY2(names.count(name), name.c_str());
        // None is as long as the spots are many.
        for (const auto& [name, tensor] : sound_.tensors) QVERIFY2(std::none_of(tensor.sizes().begin(), tensor.sizes().end(), [](auto side) { return side == kSpots; }), name.c_str());
    }

    void is_read_back() {
        const AdapterInfo info = adapter_info(file_);
        QCOMPARE(info.panel.genes, some_panel().genes);
        QCOMPARE(info.panel.mean, some_panel().mean);
        QVERIFY(info.panel.unit == TargetUnit::Log1pCp10k);
        QCOMPARE(info.central, central_id(shipped()));
        QCOMPARE(info.central_architecture, std::string("c2l-central-tiny"));
        QVERIFY(!info.full && !info.central_licence.empty());
        const json shown = json::parse(describe_weights(file_)).at("adapter");
        QCOMPARE(shown.at("genes").get<int>(), kGenes);
        QCOMPARE(shown.at("training").at("spots").get<int>(), 200);
        QCOMPARE(shown.at("unit").get<std::string>(), std::string("log1p_cp10k"));
        QCOMPARE(shown.at("central").at("id").get<std::string>(), info.central);
        QCOMPARE(shown.at("central").at("licence").get<std::string>(), info.central_licence);
    }

    // Guidance away from the mean profile leaves that profile alone and exaggerates the others; away from no genes it moves every one.
    void guidance_leads_away_from_what_it_is_given() {
        nn::TensorFile strong = sound_;
        Random random(5);
        for (auto& [name, tensor] : strong.tensors)
            if (name.ends_with(".up") || name == "adapter.genes.null") tensor = generate::normal_noise(tensor.sizes(), random) * 0.05;
        const auto path = folder_ / "strong.safetensors";
        nn::write_safetensors(path, strong.tensors, strong.metadata);
        Matrix profiles(2, kGenes);  // the mean, and another
        std::copy_n(some_profiles(1).row(0), profiles.cols, profiles.row(1));
        const auto drawn = [&](const char* against, double guidance) {
            SampleParams params;
            params.steps = 2;
            params.guidance = guidance;
            params.guidance_against = against;
            params.compute.device = "cpu";
            return synthesize(shipped(), path, profiles, {4, 4}, params, {});
        };
        const auto same = [](const TileSet& a, const TileSet& b, std::size_t i) { return a.image(i).rgb == b.image(i).rgb; };
        const TileSet little = drawn("mean", 2), much = drawn("mean", 6), little_from_none = drawn("none", 2), much_from_none = drawn("none", 6);
        QVERIFY(same(little, much, 0));
        QVERIFY(!same(little, much, 1));
        QVERIFY(!same(little_from_none, much_from_none, 0));
        QVERIFY(!same(little, little_from_none, 1));
        QVERIFY_EXCEPTION_THROWN(drawn("median", 2), Error);
    }

    // Tuning every weight, for comparison: all of them are kept to the last bit, come back into a fresh central model, and are drawn with.
    void full_is_kept_whole() {
        const Adapter adapter(*central_.denoiser, central_.adapter_rank, some_panel(), some_profiles(kSpots), 1);
        auto tensors = tensors_of(adapter, central_, true);
        QCOMPARE(tensors.size(), adapter.parameters().all().size() + central_.denoiser->parameters().all().size());
        for (auto& [name, tensor] : tensors)
            if (name.starts_with("denoiser.")) tensor.mul_(1.01);
        const auto path = folder_ / "full.safetensors";
        adapter.save(path, tensors, central_, true, "{}");
        QVERIFY(adapter_info(path).full);

        auto fresh = Central::load(shipped(), c10::Device(c10::kCPU));
        Adapter::load(path, *fresh.denoiser);
        for (const auto& [name, tensor] : fresh.denoiser->parameters().all()) QVERIFY2(tensor.equal(tensors.at("denoiser." + name)), name.c_str());

        SampleParams sample;
        sample.steps = 2;
        sample.compute.device = "cpu";
        const Matrix profiles = some_profiles(1);
        const auto drawn = synthesize(shipped(), path, profiles, {7}, sample, {});
        QVERIFY(drawn.rgb == synthesize(shipped(), path, profiles, {7}, sample, {}).rgb);
        QVERIFY(drawn.rgb != synthesize(shipped(), file_, profiles, {7}, sample, {}).rgb);
        // What was tuned in full does not pass for an adapter, nor an adapter for it.
        const auto all = nn::read_safetensors(path);
        QVERIFY(QString::fromStdString(refusal([&](auto& f) { f.tensors = all.tensors; }, ErrorCode::Mismatch)).contains("no adapter of this central model"));
        QVERIFY(QString::fromStdString(refusal([](auto& f) { f.metadata["full"] = "1"; }, ErrorCode::Mismatch)).contains("has no tensor"));
    }

    void malformed_data() {
        using Spoil = std::function<void(nn::TensorFile&)>;
        QTest::addColumn<Spoil>("spoil");
        QTest::addColumn<int>("code");
        QTest::addColumn<QString>("said");
        const auto row = [](const char* name, Spoil spoil, ErrorCode code, const char* said) { QTest::newRow(name) << spoil << static_cast<int>(code) << QString(said); };
        const auto without = [](const char* tensor) { return [tensor](nn::TensorFile& f) { f.tensors.erase(tensor); }; };
        const auto with = [](const char* tensor, at::Tensor value) { return [tensor, value](nn::TensorFile& f) { f.tensors[tensor] = value; }; };
        const auto meta = [](const char* key, const std::string& value) { return [key, value](nn::TensorFile& f) { f.metadata[key] = value; }; };
        for (const char* tensor : {"panel.mean", "panel.sd", "genes.components", "adapter.site0.down", "adapter.site3.up", "adapter.genes.null"})
            row((std::string("without ") + tensor).c_str(), without(tensor), ErrorCode::Mismatch, "has no tensor");
        row("without a tuned bias", [](auto& f) { f.tensors.erase(f.tensors.lower_bound("denoiser.")); }, ErrorCode::Mismatch, "has no tensor");
        row("without tensors", [](auto& f) { f.tensors.clear(); }, ErrorCode::Mismatch, "has no tensor");
        row("a tensor more", with("adapter.site99.down", at::zeros({2, 2})), ErrorCode::Mismatch, "site99");
        row("another weight of the denoiser", with("denoiser.extra", at::zeros({2})), ErrorCode::Mismatch, "denoiser.extra");
        row("a mean too few", with("panel.mean", at::zeros({kGenes - 1})), ErrorCode::Mismatch, "another shape");
        row("means in two dimensions", with("panel.mean", at::zeros({kGenes, 1})), ErrorCode::Mismatch, "another shape");
        row("components of other genes", with("genes.components", at::zeros({kGenes + 1, 4})), ErrorCode::Mismatch, "do not fit its gene list");
        row("components in one dimension", with("genes.components", at::zeros({kGenes})), ErrorCode::Mismatch, "do not fit its gene list");
        row("no component", with("genes.components", at::zeros({kGenes, 0})), ErrorCode::Mismatch, "do not fit its gene list");
        row("too many components", with("genes.components", at::zeros({kGenes, 5000})), ErrorCode::Mismatch, "more gene components");
        row("components the network does not take", with("genes.components", at::zeros({kGenes, 3})), ErrorCode::Mismatch, "another shape");
        row("rank 0", with("adapter.site0.down", at::zeros({0, 256})), ErrorCode::Mismatch, "strange rank");
        row("rank 5000", with("adapter.site0.down", at::zeros({5000, 1})), ErrorCode::Mismatch, "strange rank");
        row("rank in one dimension", with("adapter.site0.down", at::zeros({16})), ErrorCode::Mismatch, "strange rank");
        row("sites of two ranks", with("adapter.site1.down", at::zeros({3, 256})), ErrorCode::Mismatch, "another shape");
        row("NaN in the adapter", [](auto& f) { f.tensors["adapter.site2.up"].view(-1)[5] = NAN; }, ErrorCode::BadInput, "not finite");
        row("infinity in a bias", [](auto& f) { f.tensors.lower_bound("denoiser.")->second.view(-1)[0] = INFINITY; }, ErrorCode::BadInput, "not finite");
        row("NaN in the means", [](auto& f) { f.tensors["panel.mean"][3] = NAN; }, ErrorCode::BadInput, "not finite");
        // Not even what nobody reads: a tensor more could be anything, pixels too.
        row("pixels", with("pixels", at::zeros({4, 16, 16, 3}, c10::kByte)), ErrorCode::Mismatch, "\"pixels\"");
        row("a single profile", with("genes.profile", at::zeros({kGenes})), ErrorCode::Mismatch, "\"genes.profile\"");
        row("a name that begins like a known one", with("panel.mean.0", at::zeros({kGenes})), ErrorCode::Mismatch, "\"panel.mean.0\"");
        row("a name without its group", with("site0.down", at::zeros({2, 2})), ErrorCode::Mismatch, "\"site0.down\"");
        row("an empty name", with("", at::zeros({2})), ErrorCode::Mismatch, "\"\"");
        row("components in double precision", [](auto& f) { f.tensors["genes.components"] = f.tensors["genes.components"].to(c10::kDouble); }, ErrorCode::Mismatch, "F32");
        row("components in half precision", [](auto& f) { f.tensors["genes.components"] = f.tensors["genes.components"].to(c10::kHalf); }, ErrorCode::Mismatch, "F32");
        row("components in whole numbers", [](auto& f) { f.tensors["genes.components"] = f.tensors["genes.components"].to(c10::kInt); }, ErrorCode::Mismatch, "real numbers");
        row("a mean that only double precision holds", with("panel.mean", at::full({kGenes}, 1e300, c10::kDouble)), ErrorCode::BadInput, "not finite");
        row("whole numbers", with("adapter.genes.null", at::zeros({256}, c10::kLong)), ErrorCode::Mismatch, "real numbers");
        row("a negative deviation", [](auto& f) { f.tensors["panel.sd"][3] = -1.f; }, ErrorCode::BadInput, "negative standard deviation");
        row("an unknown unit", meta("unit", "tpm"), ErrorCode::Unsupported, "tpm");
        row("no unit", [](auto& f) { f.metadata.erase("unit"); }, ErrorCode::Unsupported, "unit");
        row("no genes", meta("genes", "[]"), ErrorCode::Mismatch, "names no genes");
        row("genes that are no list", meta("genes", R"({"a":1})"), ErrorCode::Mismatch, "names no genes");
        row("genes that are no JSON", meta("genes", "[\"A\","), ErrorCode::Mismatch, "names no genes");
        row("a gene that is a number", meta("genes", "[1]"), ErrorCode::BadInput, "not text");
        row("a gene twice", meta("genes", R"(["A","A"])"), ErrorCode::BadInput, "twice");
        row("a training record that is no JSON", meta("training", "six hundred"), ErrorCode::BadInput, "not JSON");
        const std::string nested = std::string(200000, '[') + std::string(200000, ']');  // the JSON library writes and copies by recursion
        row("a training record that is nested without end", meta("training", R"({"losses":)" + nested + "}"), ErrorCode::BadInput, "nested too deep");
        row("genes that are nested without end", meta("genes", nested), ErrorCode::BadInput, "nested too deep");
        row("neither full nor not", meta("full", "perhaps"), ErrorCode::BadInput, "every weight");
        row("another architecture", meta("architecture", "c2l-predictor"), ErrorCode::Mismatch, "c2l-predictor");
        row("no architecture", [](auto& f) { f.metadata.erase("architecture"); }, ErrorCode::Mismatch, "unknown");
    }

    void malformed() {
        QFETCH(std::function<void(nn::TensorFile&)>, spoil);
        QFETCH(int, code);
        QFETCH(QString, said);
        const auto what = QString::fromStdString(refusal(spoil, static_cast<ErrorCode>(code)));
        QVERIFY2(what.contains(said) && !what.startsWith("NOT") && !what.startsWith("WRONG"), qPrintable(what));
    }

    // Also where nobody has the central model to compare with.
    void pixels_are_seen_without_the_central_model() {
        nn::TensorFile spoilt = sound_;
        spoilt.tensors["pixels"] = at::zeros({4, 16, 16, 3});
        const auto path = folder_ / "pixels.safetensors";
        nn::write_safetensors(path, spoilt.tensors, spoilt.metadata);
        QVERIFY_EXCEPTION_THROWN(adapter_info(path), Error);
        QVERIFY_EXCEPTION_THROWN(describe_weights(path), Error);
    }

    // What is rounded or widened on its way is read all the same, but for the components.
    void other_precisions_are_read() {
        for (const auto type : {c10::kHalf, c10::kBFloat16, c10::kDouble}) {
            nn::TensorFile other = sound_;
            for (auto& [name, tensor] : other.tensors)
                if (name != "genes.components") tensor = tensor.to(type);
            const auto path = folder_ / "precision.safetensors";
            nn::write_safetensors(path, other.tensors, other.metadata);
            auto fresh = Central::load(shipped(), c10::Device(c10::kCPU));
            const auto adapter = Adapter::load(path, *fresh.denoiser);
            for (const auto& [name, tensor] : adapter.parameters().all()) QVERIFY2(tensor.equal(other.at("adapter." + name).to(c10::kFloat)), name.c_str());
        }
    }

    void cut_short() {
        const std::string whole = read_file(file_);
        const auto path = folder_ / "cut.safetensors";
        for (const std::size_t length : {std::size_t{0}, std::size_t{8}, std::size_t{2000}, whole.size() / 2, whole.size() - 1}) {
            write_file(path, whole.substr(0, length));
            QVERIFY_EXCEPTION_THROWN(adapter_info(path), Error);
        }
        QVERIFY_EXCEPTION_THROWN(adapter_info(folder_ / "none.safetensors"), Error);
        QVERIFY_EXCEPTION_THROWN(adapter_info(shipped()), Error);
    }
};

QTEST_GUILESS_MAIN(TestAdapter)
#include "test_adapter.moc"
