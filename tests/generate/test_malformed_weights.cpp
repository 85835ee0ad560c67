// Central models and tile encoders that are not what they should be: a tensor more or less, another shape, numbers that are none. Each is
// refused with one sentence that names the file and the reason.
#include <ATen/ATen.h>

#include <QTemporaryDir>
#include <QTest>
#include <cmath>
#include <functional>

#include "base/error.h"
#include "generate/central.h"
#include "generate/generate.h"
#include "generate/preset.h"
#include "nn/encoder_net.h"
#include "nn/safetensors.h"
#include "nn/tile_encoder.h"

using namespace c2l;
using namespace c2l::generate;
namespace fs = std::filesystem;

namespace {

using Spoil = std::function<void(nn::TensorFile&)>;

fs::path shipped() { return fs::path(C2L_SOURCE_DIR) / "resources/models/central-tiny/central-tiny.safetensors"; }

// As pretraining writes it, of the smallest preset.
nn::TensorFile sound_central() {
    const auto& preset = find_preset("nano");
    nn::TensorFile file;
    file.tensors = nn::EncoderNet(1).parameters().state("encoder.");
    file.tensors.merge(make_autoencoder(preset, 2)->parameters().state("autoencoder."));
    file.tensors.merge(make_denoiser(preset, 3)->parameters().state("denoiser."));
    for (auto& [name, tensor] : file.tensors) tensor = tensor.to(c10::kBFloat16);
    file.tensors["latent.mean"] = at::zeros({preset.latent_channels});
    file.tensors["latent.sd"] = at::ones({preset.latent_channels});
    file.metadata = {{"architecture", preset.architecture()}, {"card", "{}"}};
    return file;
}

nn::TensorFile sound_encoder() {
    nn::TensorFile file;
    file.tensors = nn::EncoderNet(1).parameters().state();
    file.metadata = {{"architecture", "c2l-encoder"}};
    return file;
}

// SqueezeNet 1.0 as torchvision stores it.
nn::TensorFile sound_squeezenet() {
    nn::TensorFile file;
    const auto add = [&](const std::string& name, std::int64_t out, std::int64_t in, std::int64_t side) {
        file.tensors[name + ".weight"] = at::full({out, in, side, side}, 0.01, c10::kHalf);
        file.tensors[name + ".bias"] = at::zeros({out}, c10::kHalf);
    };
    add("features.0", 96, 3, 7);
    const std::int64_t fires[][4] = {{3, 96, 16, 64}, {4, 128, 16, 64}, {5, 128, 32, 128}, {7, 256, 32, 128}, {8, 256, 48, 192}, {9, 384, 48, 192}, {10, 384, 64, 256}, {12, 512, 64, 256}};
    for (const auto& [index, in, squeeze, expand] : fires) {
        const auto name = "features." + std::to_string(index);
        add(name + ".squeeze", squeeze, in, 1);
        add(name + ".expand1x1", expand, squeeze, 1);
        add(name + ".expand3x3", expand, squeeze, 3);
    }
    add("classifier.1", 10, 512, 1);
    return file;
}

Spoil without(const std::string& tensor) {
    return [tensor](nn::TensorFile& f) { f.tensors.erase(tensor); };
}
Spoil with(const std::string& tensor, const at::Tensor& value) {
    return [tensor, value](nn::TensorFile& f) { f.tensors[tensor] = value; };
}
Spoil meta(const std::string& key, const std::string& value) {
    return [key, value](nn::TensorFile& f) { f.metadata[key] = value; };
}
// The first tensor of a part.
at::Tensor& first_of(nn::TensorFile& file, const std::string& prefix) { return file.tensors.lower_bound(prefix)->second; }
Spoil without_first(const std::string& prefix) {
    return [prefix](nn::TensorFile& f) { f.tensors.erase(f.tensors.lower_bound(prefix)); };
}
Spoil reshaped(const std::string& prefix) {
    return [prefix](nn::TensorFile& f) { first_of(f, prefix) = first_of(f, prefix).unsqueeze(0); };
}
Spoil whole_numbers(const std::string& prefix) {
    return [prefix](nn::TensorFile& f) { first_of(f, prefix) = first_of(f, prefix).to(c10::kLong); };
}
Spoil holding(const std::string& prefix, float wrong) {
    return [prefix, wrong](nn::TensorFile& f) { first_of(f, prefix).view(-1)[0] = wrong; };
}

void columns() {
    QTest::addColumn<Spoil>("spoil");
    QTest::addColumn<int>("code");
    QTest::addColumn<QString>("said");
}
void row(const std::string& name, const Spoil& spoil, ErrorCode code, const char* said) { QTest::newRow(name.c_str()) << spoil << static_cast<int>(code) << QString(said); }

}  // namespace

class TestMalformedWeights : public QObject {
    Q_OBJECT

    QTemporaryDir dir_;
    fs::path file_;
    nn::TensorFile central_, encoder_, squeezenet_;

    // What is said of the sound file after a change; what it is instead where that is no sentence about the file.
    QString refusal(const nn::TensorFile& sound, const Spoil& spoil, int code, const std::function<void(const fs::path&)>& load) const {
        nn::TensorFile spoilt = sound;
        for (auto& [name, tensor] : spoilt.tensors) tensor = tensor.clone();
        spoil(spoilt);
        nn::write_safetensors(file_, spoilt.tensors, spoilt.metadata);
        try {
            load(file_);
        } catch (const Error& error) {
            const auto what = QString::fromStdString(error.what());
            if (static_cast<int>(error.code()) != code) return "WRONG CODE: " + what;
            if (error.path() != file_ || what.contains('\n') || what.endsWith('.')) return "NOT ONE SENTENCE ABOUT THE FILE: " + what;
            return what;
        }
        return "NOT REFUSED";
    }

    static void load_central(const fs::path& file) { Central::load(file, c10::Device(c10::kCPU)); }
    static void load_encoder(const fs::path& file) { TileEncoder::load(file); }

private Q_SLOTS:
    void initTestCase() {
        file_ = fs::path(dir_.path().toStdString()) / "weights.safetensors";
        central_ = sound_central();
        encoder_ = sound_encoder();
        squeezenet_ = sound_squeezenet();
    }

    // What the cases below are made of, and what the program brings.
    void sound_files_are_loaded() {
        const auto nothing = [](nn::TensorFile&) {};
        QCOMPARE(refusal(central_, nothing, 0, load_central), QString("NOT REFUSED"));
        QCOMPARE(central_info(file_).tile_px, 64);
        QCOMPARE(refusal(central_, nothing, 0, load_encoder), QString("NOT REFUSED"));  // a central model has an encoder in it
        QCOMPARE(refusal(encoder_, nothing, 0, load_encoder), QString("NOT REFUSED"));
        QCOMPARE(refusal(squeezenet_, nothing, 0, load_encoder), QString("NOT REFUSED"));
        QCOMPARE(QString::fromStdString(TileEncoder::load(file_)->name()), QString("squeezenet1_0"));
        QCOMPARE(TileEncoder::load(shipped())->dims(), 256);
    }

    void central_data() {
        columns();
        row("an unknown preset", meta("architecture", "c2l-central-x"), ErrorCode::Unsupported, "c2l-central-x");
        row("another program's", meta("architecture", "stable-diffusion"), ErrorCode::Mismatch, "stable-diffusion");
        row("no architecture", [](auto& f) { f.metadata.clear(); }, ErrorCode::Mismatch, "unknown");
        row("another preset", meta("architecture", "c2l-central-tiny"), ErrorCode::Mismatch, "another shape");
        for (const std::string part : {"autoencoder.", "denoiser.", "encoder."}) {
            row("a tensor less in " + part, without_first(part), ErrorCode::Mismatch, "has no tensor");
            row("a tensor more in " + part, with(part + "extra", at::zeros({2})), ErrorCode::Mismatch, "extra\" that this architecture lacks");
            row("another shape in " + part, reshaped(part), ErrorCode::Mismatch, "another shape");
            row("whole numbers in " + part, whole_numbers(part), ErrorCode::Mismatch, "real numbers");
            row("NaN in " + part, holding(part, NAN), ErrorCode::BadInput, "not finite");
            row("infinity in " + part, holding(part, -INFINITY), ErrorCode::BadInput, "not finite");
        }
        row("no encoder", [](auto& f) { std::erase_if(f.tensors, [](const auto& item) { return item.first.starts_with("encoder."); }); }, ErrorCode::Mismatch, "has no tensor \"encoder.");
        row("no tensors", [](auto& f) { f.tensors.clear(); }, ErrorCode::Mismatch, "has no tensor");
        row("pixels", with("pixels", at::zeros({2, 8, 8, 3}, c10::kByte)), ErrorCode::Mismatch, "\"pixels\"");
        row("a statistic more", with("latent.median", at::zeros({16})), ErrorCode::Mismatch, "\"latent.median\"");
        row("no latent.mean", without("latent.mean"), ErrorCode::Mismatch, "latent.mean");
        row("no latent.sd", without("latent.sd"), ErrorCode::Mismatch, "latent.sd");
        row("a mean too few", with("latent.mean", at::zeros({15})), ErrorCode::Mismatch, "latent.mean");
        row("deviations in two dimensions", with("latent.sd", at::ones({16, 1})), ErrorCode::Mismatch, "latent.sd");
        row("deviations in whole numbers", with("latent.sd", at::ones({16}, c10::kLong)), ErrorCode::Mismatch, "real numbers");
        row("a mean that is NaN", holding("latent.mean", NAN), ErrorCode::BadInput, "\"latent.mean\" holds numbers that are not finite");
        row("a deviation that is NaN", holding("latent.sd", NAN), ErrorCode::BadInput, "\"latent.sd\" holds numbers that are not finite");
        row("a deviation that is infinite", holding("latent.sd", INFINITY), ErrorCode::BadInput, "\"latent.sd\" holds numbers that are not finite");
        row("a deviation of 0", holding("latent.sd", 0), ErrorCode::BadInput, "not above zero");
        row("a negative deviation", holding("latent.sd", -1), ErrorCode::BadInput, "not above zero");
        row("a deviation that is 0 in fp32", with("latent.sd", at::full({16}, 1e-300, c10::kDouble)), ErrorCode::BadInput, "not above zero");
    }
    void central() {
        QFETCH(Spoil, spoil);
        QFETCH(int, code);
        QFETCH(QString, said);
        const auto what = refusal(central_, spoil, code, load_central);
        QVERIFY2(what.contains(said) && !what.startsWith("NOT") && !what.startsWith("WRONG"), qPrintable(what));
    }

    // Before weights are read, too.
    void an_unknown_preset_is_told_with_its_file() {
        const auto what = refusal(central_, meta("architecture", "c2l-central-x"), static_cast<int>(ErrorCode::Unsupported), [](const fs::path& file) { central_info(file); });
        QVERIFY2(what.contains("\"c2l-central-x\""), qPrintable(what));
    }

    void encoder_data() {
        columns();
        row("something else", [](auto& f) { f.tensors = {{"something", at::zeros({2})}}; }, ErrorCode::Mismatch, "no tile encoder of a known architecture");
        row("no tensors", [](auto& f) { f.tensors.clear(); }, ErrorCode::Mismatch, "no tile encoder of a known architecture");
        row("a tensor less", without_first("top."), ErrorCode::Mismatch, "has no tensor");
        row("a layer more", with("block3.conv1.weight", at::zeros({2, 2, 3, 3})), ErrorCode::Mismatch, "block3");
        row("pixels", with("pixels", at::zeros({2, 8, 8, 3}, c10::kByte)), ErrorCode::Mismatch, "\"pixels\"");
        row("another shape", reshaped("stem."), ErrorCode::Mismatch, "another shape");
        row("whole numbers", whole_numbers("top."), ErrorCode::Mismatch, "real numbers");
        row("NaN", holding("block1.", NAN), ErrorCode::BadInput, "not finite");
        row("two encoders", with("encoder.stem.weight", at::zeros({48, 48, 3, 3})), ErrorCode::Mismatch, "that this architecture lacks");
    }
    void encoder() {
        QFETCH(Spoil, spoil);
        QFETCH(int, code);
        QFETCH(QString, said);
        const auto what = refusal(encoder_, spoil, code, load_encoder);
        QVERIFY2(what.contains(said) && !what.startsWith("NOT") && !what.startsWith("WRONG"), qPrintable(what));
    }

    void encoder_of_a_central_model_data() {
        columns();
        row("a tensor less", without("encoder.top.bias"), ErrorCode::Mismatch, "encoder.top.bias");
        row("a layer more", with("encoder.block3.conv1.weight", at::zeros({2, 2, 3, 3})), ErrorCode::Mismatch, "encoder.block3");
        row("another shape", reshaped("encoder."), ErrorCode::Mismatch, "another shape");
        row("NaN", holding("encoder.", NAN), ErrorCode::BadInput, "not finite");
        row("pixels beside it", with("pixels", at::zeros({2, 8, 8, 3})), ErrorCode::Mismatch, "\"pixels\"");
        row("none", [](auto& f) { std::erase_if(f.tensors, [](const auto& item) { return item.first.starts_with("encoder."); }); }, ErrorCode::Mismatch, "no tile encoder of a known architecture");
    }
    void encoder_of_a_central_model() {
        QFETCH(Spoil, spoil);
        QFETCH(int, code);
        QFETCH(QString, said);
        const auto what = refusal(central_, spoil, code, load_encoder);
        QVERIFY2(what.contains(said) && !what.startsWith("NOT") && !what.startsWith("WRONG"), qPrintable(what));
    }

    void squeezenet_data() {
        columns();
        row("a layer more", with("features.13.squeeze.weight", at::zeros({2, 2, 1, 1})), ErrorCode::Mismatch, "more layers than SqueezeNet 1.0");
        row("a norm more", with("features.0.running_mean", at::zeros({96})), ErrorCode::Mismatch, "more layers than SqueezeNet 1.0");
        row("pixels", with("pixels", at::zeros({2, 8, 8, 3})), ErrorCode::Mismatch, "\"pixels\"");
        row("a tensor less", without("features.12.expand3x3.bias"), ErrorCode::Mismatch, "features.12.expand3x3.bias");
        row("another shape", with("features.0.weight", at::zeros({96, 3, 3, 3})), ErrorCode::Mismatch, "another shape");
        row("whole numbers", whole_numbers("features.5."), ErrorCode::Mismatch, "real numbers");
        row("NaN", holding("features.9.", NAN), ErrorCode::BadInput, "not finite");
        row("NaN in the classifier", holding("classifier.", NAN), ErrorCode::BadInput, "not finite");
    }
    void squeezenet() {
        QFETCH(Spoil, spoil);
        QFETCH(int, code);
        QFETCH(QString, said);
        const auto what = refusal(squeezenet_, spoil, code, load_encoder);
        QVERIFY2(what.contains(said) && !what.startsWith("NOT") && !what.startsWith("WRONG"), qPrintable(what));
    }
};

QTEST_GUILESS_MAIN(TestMalformedWeights)
#include "test_malformed_weights.moc"
