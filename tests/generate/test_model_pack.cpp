// Model packs as files: what a manifest must say, which files it may name, and what is refused, with which words.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <QTemporaryDir>
#include <QTest>
#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "generate/generate.h"
#include "generate/model_pack.h"
#include "model_packs.h"
#include "nn/safetensors.h"

using namespace c2l;
using namespace c2l::generate;
using namespace c2l::test;
using nlohmann::json;
namespace fs = std::filesystem;

class TestModelPack : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase() { folder_ = dir_.path().toStdString(); }

    // The id follows what the model does, not where it lies or how its licence is worded.
    void pack_ids() {
        const auto first = make_pack(folder_ / "id1"), second = make_pack(folder_ / "id2");
        QCOMPARE(central_id(first), central_id(second));
        auto manifest = pack_manifest();
        manifest["attribution"] = "worded otherwise";
        write_manifest(second, manifest);
        QCOMPARE(central_id(first), central_id(second));
        manifest["tile_um"] = 33.0;
        write_manifest(second, manifest);
        QVERIFY(central_id(first) != central_id(second));
        manifest["tile_um"] = 32.0;
        manifest["denoiser"]["context"] = "context.safetensors";
        nn::write_safetensors(second / "context.safetensors", {{"context", at::ones({1, 32})}}, {});
        write_manifest(second, manifest);
        QVERIFY(central_id(first) != central_id(second));
        const auto a = Central::load(first, c10::Device(c10::kCPU)), b = Central::load(second, c10::Device(c10::kCPU));
        const auto latent = at::ones({1, 16, 8, 8}), time = at::full({1}, 0.5f);
        QVERIFY(error_of((*a.denoiser)(latent, time, nullptr, false), (*b.denoiser)(latent, time, nullptr, false)) > 1e-3);
    }

    void hashes_are_checked() {
        auto manifest = pack_manifest();
        const auto pack = make_pack(folder_ / "hash");
        const auto vae = pack / "vae" / "diffusion_pytorch_model.safetensors";
        manifest["autoencoder"]["sha256"] = sha256_file(vae);
        write_manifest(pack, manifest);
        Central::load(pack, c10::Device(c10::kCPU));
        manifest["autoencoder"]["sha256"] = std::string(64, '0');
        write_manifest(pack, manifest);
        QVERIFY(says(refusal(pack, ErrorCode::Mismatch), "SHA-256"));
        manifest["autoencoder"]["sha256"] = "ABC";
        write_manifest(pack, manifest);
        QVERIFY(says(refusal(pack, ErrorCode::BadInput), "64 digits"));
        manifest["autoencoder"]["sha256"] = {{"other.safetensors", std::string(64, '0')}};
        write_manifest(pack, manifest);
        QVERIFY(says(refusal(pack, ErrorCode::BadInput), "other.safetensors"));
    }

    void bad_manifests_data() {
        QTest::addColumn<QByteArray>("patch");  // RFC 7386
        QTest::addColumn<int>("code");
        QTest::addColumn<QByteArray>("words");
        const auto row = [](const char* name, const std::string& patch, ErrorCode code, const char* words) {
            QTest::newRow(name) << QByteArray::fromStdString(patch) << static_cast<int>(code) << QByteArray(words);
        };
        row("no id", R"({"id": null})", ErrorCode::BadInput, "\"id\"");
        row("no kind", R"({"kind": null})", ErrorCode::BadInput, "\"kind\"");
        row("an id that is a number", R"({"id": 7})", ErrorCode::BadInput, "\"id\"");
        row("over-long attribution", R"({"attribution": ")" + std::string(4097, 'x') + R"("})", ErrorCode::BadInput, "\"attribution\" must be a plain text of 1 to 4096");
        row("over-long source", R"({"source": ")" + std::string(100000, 'x') + R"("})", ErrorCode::BadInput, "\"source\" must be a plain text of 1 to 4096");
        row("no licence", R"({"licence": null})", ErrorCode::BadInput, "licence");
        row("empty attribution", R"({"attribution": ""})", ErrorCode::BadInput, "attribution");
        row("a control character", R"({"licence": "MIT\u0000"})", ErrorCode::BadInput, "licence");
        row("another kind", R"({"kind": "encoder"})", ErrorCode::Mismatch, "encoder");
        row("unknown field", R"({"code": "run.py"})", ErrorCode::BadInput, "code");
        row("no tile", R"({"tile_px": null})", ErrorCode::BadInput, "tile_px");
        row("huge tile", R"({"tile_px": 1000000})", ErrorCode::BadInput, "tile_px");
        row("odd tile", R"({"tile_px": 72})", ErrorCode::BadInput, "tile_px");
        row("text for a number", R"({"tile_um": "88"})", ErrorCode::BadInput, "tile_um");
        row("no networks", R"({"denoiser": null})", ErrorCode::BadInput, "denoiser");
        row("out by dots", R"({"denoiser": {"weights": "../pack/transformer/diffusion_pytorch_model.safetensors"}})", ErrorCode::BadInput, "outside");
        row("out in between", R"({"denoiser": {"config": "vae/../../x.json"}})", ErrorCode::BadInput, "outside");
        row("absolute", R"({"autoencoder": {"config": "/etc/hostname"}})", ErrorCode::BadInput, "outside");
        row("not there", R"({"autoencoder": {"config": "vae/none.json"}})", ErrorCode::NotFound, "not there");
        row("a pickle by name", R"({"denoiser": {"weights": "transformer/model.bin"}})", ErrorCode::Unsupported, "safetensors");
        row("schedule", R"({"scheduler": {"schedule": "cosine"}})", ErrorCode::BadInput, "cosine");
        row("prediction", R"({"scheduler": {"prediction": 3}})", ErrorCode::BadInput, "prediction");
        row("no schedule", R"({"scheduler": null})", ErrorCode::BadInput, "scheduler");
        row("unknown field of the autoencoder", R"({"autoencoder": {"script": "run.py"}})", ErrorCode::BadInput, "\"autoencoder.script\"");
        row("a context of the autoencoder", R"({"autoencoder": {"context": "vae/config.json"}})", ErrorCode::BadInput, "\"autoencoder.context\"");
        row("unknown field of the denoiser", R"({"denoiser": {"code": 1}})", ErrorCode::BadInput, "\"denoiser.code\"");
        row("unknown field of the scheduler", R"({"scheduler": {"name": "ddim"}})", ErrorCode::BadInput, "\"scheduler.name\"");
        row("weights that are no text", R"({"denoiser": {"weights": 3}})", ErrorCode::BadInput, "\"denoiser.weights\"");
        row("a context that is no text", R"({"denoiser": {"context": ["a"]}})", ErrorCode::BadInput, "\"denoiser.context\"");
        row("a hash that is a number", R"({"denoiser": {"sha256": 5}})", ErrorCode::BadInput, "\"denoiser.sha256\" must be 64 digits, or a table");
        row("hashes in a list", R"({"autoencoder": {"sha256": ["0"]}})", ErrorCode::BadInput, "\"autoencoder.sha256\" must be 64 digits, or a table");
        row("a table of numbers", R"({"denoiser": {"sha256": {"diffusion_pytorch_model.safetensors": 5}}})", ErrorCode::BadInput, "\"denoiser.sha256\" must be 64 digits");
        row("a hash in capitals", R"({"denoiser": {"sha256": ")" + std::string(64, 'A') + R"("}})", ErrorCode::BadInput, "\"denoiser.sha256\" must be 64 digits");
        row("beta below 0", R"({"scheduler": {"beta_start": -0.1}})", ErrorCode::BadInput, "\"beta_start\"");
        row("beta of 0", R"({"scheduler": {"beta_start": 0}})", ErrorCode::BadInput, "0 < beta_start");
        row("beta of 1", R"({"scheduler": {"beta_end": 1}})", ErrorCode::BadInput, "beta_end < 1");
        row("beta above 1", R"({"scheduler": {"beta_end": 2}})", ErrorCode::BadInput, "\"beta_end\"");
        row("falling betas", R"({"scheduler": {"beta_start": 0.5}})", ErrorCode::BadInput, "beta_start <= beta_end");
        row("beta that is no number", R"({"scheduler": {"beta_start": "small"}})", ErrorCode::BadInput, "\"beta_start\"");
        row("one step", R"({"scheduler": {"steps": 1}})", ErrorCode::BadInput, "\"steps\"");
        row("too many steps", R"({"scheduler": {"steps": 100001}})", ErrorCode::BadInput, "\"steps\"");
        row("half a step", R"({"scheduler": {"steps": 10.5}})", ErrorCode::BadInput, "\"steps\"");
        row("rank 0", R"({"adapter_rank": 0})", ErrorCode::BadInput, "\"adapter_rank\"");
        row("rank 257", R"({"adapter_rank": 257})", ErrorCode::BadInput, "\"adapter_rank\"");
        row("a rank of 1.5", R"({"adapter_rank": 1.5})", ErrorCode::BadInput, "\"adapter_rank\"");
        row("a rank in words", R"({"adapter_rank": "four"})", ErrorCode::BadInput, "\"adapter_rank\"");
        row("no field of view", R"({"tile_um": 0})", ErrorCode::BadInput, "\"tile_um\"");
    }
    void bad_manifests() {
        QFETCH(QByteArray, patch);
        QFETCH(int, code);
        QFETCH(QByteArray, words);
        auto manifest = pack_manifest();
        manifest.merge_patch(json::parse(patch.toStdString()));
        const auto pack = make_pack(folder_ / "manifest", manifest);
        QVERIFY(says(refusal(pack, static_cast<ErrorCode>(code)), words.constData()));
    }

    void manifests_that_are_none_data() {
        QTest::addColumn<QByteArray>("text");
        QTest::addColumn<QByteArray>("words");
        const auto row = [](const char* name, const std::string& text, const char* words) { QTest::newRow(name) << QByteArray::fromStdString(text) << QByteArray(words); };
        for (const char* text : {"", "[]", "5", "null", "\"central\"", "{\"id\": ", "{} {}"}) row(("'" + std::string(text) + "'").c_str(), text, "is not a JSON object");
        row("lists nested without end", R"({"id": )" + std::string(200000, '[') + std::string(200000, ']') + "}", "nested deeper");
        row("lists that are never closed", std::string(500000, '['), "nested deeper");
        row("tables nested a little too deep", [] {
            std::string text;
            for (int i = 0; i < 65; ++i) text += R"({"id":)";
            return text + "1" + std::string(65, '}');
        }(), "nested deeper");
        row("above 1 MB", pack_manifest().dump() + std::string(1 << 20, ' '), "larger than any file of its kind");
    }
    void manifests_that_are_none() {
        QFETCH(QByteArray, text);
        QFETCH(QByteArray, words);
        const auto pack = folder_ / "none";
        write_file(pack / "manifest.json", text.toStdString());
        QVERIFY(says(refusal(pack, ErrorCode::BadInput), words.constData()));
    }

    void contexts() {
        auto manifest = pack_manifest();
        manifest["denoiser"]["context"] = "context.safetensors";
        const auto pack = make_pack(folder_ / "contexts", manifest);
        const auto file = pack / "context.safetensors";
        const auto with = [&](const std::map<std::string, at::Tensor>& tensors, ErrorCode code) {
            nn::write_safetensors(file, tensors, {});
            return refusal(pack, code);
        };
        QVERIFY(says(refusal(pack, ErrorCode::NotFound), "not there"));
        QVERIFY(says(with({{"context", at::ones({1, 32})}}, ErrorCode::Internal), "NOT REFUSED"));
        QVERIFY(says(with({{"context", at::ones({3, 32}, c10::kHalf)}}, ErrorCode::Internal), "NOT REFUSED"));
        QVERIFY(says(with({}, ErrorCode::Mismatch), "has no tensor \"context\""));
        QVERIFY(says(with({{"tokens", at::ones({1, 32})}}, ErrorCode::Mismatch), "\"tokens\""));
        QVERIFY(says(with({{"context", at::ones({1, 32})}, {"more", at::ones({1})}}, ErrorCode::Mismatch), "\"more\""));
        QVERIFY(says(with({{"context", at::ones({1, 31})}}, ErrorCode::Mismatch), "32 numbers"));
        QVERIFY(says(with({{"context", at::ones({32})}}, ErrorCode::Mismatch), "not a table of 1 to 65536 tokens"));
        QVERIFY(says(with({{"context", at::ones({1, 1, 32})}}, ErrorCode::Mismatch), "not a table of 1 to 65536 tokens"));
        QVERIFY(says(with({{"context", at::ones({0, 32})}}, ErrorCode::Mismatch), "not a table of 1 to 65536 tokens"));
        QVERIFY(says(with({{"context", at::ones({1, 32}, c10::kInt)}}, ErrorCode::Mismatch), "real numbers"));
        QVERIFY(says(with({{"context", at::full({1, 32}, NAN)}}, ErrorCode::BadInput), "not finite"));
        write_file(file, std::string("\x80\x02}q\x01.", 6));
        QVERIFY(says(refusal(pack, ErrorCode::Unsupported), "pickle"));
        nn::write_safetensors(folder_ / "context.safetensors", {{"context", at::ones({1, 32})}}, {});
        for (const auto& outside : {std::string("../context.safetensors"), (folder_ / "context.safetensors").string(), std::string("vae/../../context.safetensors")}) {
            manifest["denoiser"]["context"] = outside;
            write_manifest(pack, manifest);
            QVERIFY(says(refusal(pack, ErrorCode::BadInput), "outside its folder"));
        }
        // As many tokens as the model has places for.
        manifest["denoiser"]["context"] = "context.safetensors";
        write_manifest(pack, manifest);
        fs::remove_all(pack / "transformer");
        fs::copy(fixtures() / "pixcell-tokens", pack / "transformer", fs::copy_options::recursive);
        QVERIFY(says(with({{"context", at::ones({3, 32})}}, ErrorCode::Mismatch), "4 tokens"));
        QVERIFY(says(with({{"context", at::ones({4, 32})}}, ErrorCode::Internal), "NOT REFUSED"));
    }

    void links_data() {
        QTest::addColumn<QString>("name");
        for (const std::string& name : {std::string("vae/config.json"), "vae/" + kWeights, std::string("transformer/config.json"), "transformer/" + kIndex, "transformer/" + kShards[1],
                                        std::string("context.safetensors"), std::string("vae"), std::string("transformer")})
            QTest::newRow(name.c_str()) << QString::fromStdString(name);
    }
    // A link may point anywhere within the pack, and nowhere else.
    void links() {
        QFETCH(QString, name);
        auto manifest = sharded_manifest();
        manifest["denoiser"]["context"] = "context.safetensors";
        const auto outside = folder_ / "links";
        fs::remove_all(outside);
        const auto pack = make_sharded_pack(outside / "pack", manifest), file = pack / name.toStdString();
        nn::write_safetensors(pack / "context.safetensors", {{"context", at::ones({1, 32})}}, {});
        QVERIFY(says(refusal(pack, ErrorCode::Internal), "NOT REFUSED"));
        const auto moved_to = [&](const fs::path& target) {
            const auto now = fs::is_symlink(file) ? fs::read_symlink(file) : file;
            fs::rename(now, target);
            fs::remove(file);
            fs::create_symlink(target, file);
        };
        moved_to(pack / "elsewhere");
        QVERIFY(says(refusal(pack, ErrorCode::Internal), "NOT REFUSED"));
        moved_to(outside / "elsewhere");
        QVERIFY(says(refusal(pack, ErrorCode::BadInput), "link that leads out of the model pack"));
        moved_to(outside / "pack-too");  // a name that begins like the folder's
        QVERIFY(says(refusal(pack, ErrorCode::BadInput), "link that leads out of the model pack"));
        fs::remove_all(outside / "pack-too");
        QVERIFY(says(refusal(pack, ErrorCode::NotFound), "not there"));
    }

    void sharded_packs() {
        auto manifest = sharded_manifest();
        const auto pack = make_sharded_pack(folder_ / "sharded"), transformer = pack / "transformer";
        c10::NoGradGuard no_grad;
        const auto one = Central::load(make_pack(folder_ / "unsharded"), c10::Device(c10::kCPU)), two = Central::load(pack, c10::Device(c10::kCPU));
        const auto latent = at::ones({1, 16, 8, 8}), time = at::full({1}, 0.5f);
        QVERIFY((*one.denoiser)(latent, time, nullptr, false).equal((*two.denoiser)(latent, time, nullptr, false)));
        QVERIFY(json::parse(describe_weights(pack)).at("parameters") == json::parse(describe_weights(folder_ / "unsharded")).at("parameters"));

        const auto with_hashes = [&](const json& hashes, ErrorCode code) {
            manifest["denoiser"]["sha256"] = hashes;
            write_manifest(pack, manifest);
            return refusal(pack, code);
        };
        const std::string zeros(64, '0'), first = sha256_file(transformer / kShards[0]), second = sha256_file(transformer / kShards[1]);
        QVERIFY(says(with_hashes({{kShards[0], first}, {kShards[1], second}}, ErrorCode::Internal), "NOT REFUSED"));
        QVERIFY(says(with_hashes({{kShards[1], second}}, ErrorCode::Internal), "NOT REFUSED"));
        QVERIFY(says(with_hashes({{kShards[0], first}, {kShards[1], zeros}}, ErrorCode::Mismatch), "SHA-256 differs"));
        QVERIFY(says(with_hashes({{kShards[0], second}, {kShards[1], first}}, ErrorCode::Mismatch), "SHA-256 differs"));
        QVERIFY(says(with_hashes({{kShards[0], first}, {"diffusion_pytorch_model-00003-of-00002.safetensors", zeros}}, ErrorCode::BadInput), "-00003-of-00002.safetensors\", which is not among"));
        QVERIFY(says(with_hashes(first, ErrorCode::Mismatch), "SHA-256 differs"));  // the one file is the index
        QVERIFY(says(with_hashes({{kShards[0], first}, {kShards[1], 5}}, ErrorCode::BadInput), "64 digits"));
        QVERIFY(says(with_hashes(nullptr, ErrorCode::Internal), "NOT REFUSED"));

        const auto sound = read_file(transformer / kShards[1]);
        write_file(transformer / kShards[1], std::string("\x80\x02}q\x01.", 6));
        QVERIFY(says(refusal(pack, ErrorCode::Unsupported), "pickle"));
        write_file(transformer / kShards[1], sound.substr(0, sound.size() - 1));
        QVERIFY(says(refusal(pack, ErrorCode::BadInput), "cut short"));
        fs::remove(transformer / kShards[1]);
        QVERIFY(says(refusal(pack, ErrorCode::NotFound), "not there"));
        write_file(transformer / kShards[1], sound);
        auto index = json::parse(read_file(transformer / kIndex));
        index["weight_map"].begin().value() = "../" + kShards[0];
        write_file(transformer / kIndex, index.dump());
        QVERIFY(says(refusal(pack, ErrorCode::BadInput), "not the plain name"));
    }

    // Three levels where four are asked for: the networks of this program that work on latents expect an eighth of the pixels.
    void another_reduction() {
        const auto pack = make_pack(folder_ / "reduction");
        auto config = json::parse(read_file(pack / "vae" / "config.json"));
        config["block_out_channels"] = {8, 8, 16};
        write_file(pack / "vae" / "config.json", config.dump());
        // The fixture's levels are 8, 8, 16, 16 wide: without the encoder's last, and the decoder's second, which goes from 16 to 16.
        const std::string up = "decoder.up_blocks.";
        std::map<std::string, at::Tensor> tensors;
        for (const auto& [name, tensor] : nn::read_safetensors(pack / "vae" / kWeights).tensors) {
            if (name.starts_with("encoder.down_blocks.3.") || name.starts_with("encoder.down_blocks.2.downsamplers.") || name.starts_with(up + "1.")) continue;
            auto renamed = name;
            if (name.starts_with(up) && name[up.size()] > '1') --renamed[up.size()];
            tensors[renamed] = tensor;
        }
        nn::write_safetensors(pack / "vae" / kWeights, tensors, {});
        QVERIFY(says(refusal(pack, ErrorCode::Unsupported), "reduces by 4; this program takes those that reduce by 8"));
    }

    void weights_that_are_not_finite() {
        for (const char* part : {"vae", "transformer"})
            for (const float wrong : {NAN, INFINITY}) {
                const auto pack = make_pack(folder_ / "not-finite");
                auto tensors = nn::read_safetensors(pack / part / kWeights).tensors;
                tensors.rbegin()->second.view(-1)[0] = wrong;
                nn::write_safetensors(pack / part / kWeights, tensors, {});
                QVERIFY(says(refusal(pack, ErrorCode::BadInput), ("\"" + tensors.rbegin()->first + "\" holds numbers that are not finite").c_str()));
            }
    }

private:
    QTemporaryDir dir_;
    fs::path folder_;
};

QTEST_GUILESS_MAIN(TestModelPack)
#include "test_model_pack.moc"
