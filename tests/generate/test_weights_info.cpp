// `c2l info` knows weights and pickles by their content, whatever they are called.
#include <ATen/ATen.h>

#include <QTemporaryDir>
#include <QTest>

#include "base/error.h"
#include "base/file.h"
#include "nn/safetensors.h"
#include "pipeline/command.h"

using namespace c2l;
using nlohmann::json;
namespace fs = std::filesystem;

class TestWeightsInfo : public QObject {
    Q_OBJECT

    QTemporaryDir dir_;

    fs::path in(const char* name) const { return dir_.filePath(name).toStdString(); }
    static json info(const fs::path& file) { return run_command(*find_command("info"), {{"file", file.string()}}, {}); }

    // The message and code, or neither.
    static std::pair<std::string, ErrorCode> refusal(const fs::path& file) {
        try {
            info(file);
        } catch (const Error& error) {
            return {error.what(), error.code()};
        }
        return {"NOT REFUSED", ErrorCode::Internal};
    }

private Q_SLOTS:
    void names_data() {
        QTest::addColumn<QString>("name");
        for (const char* name : {"model.safetensors", "model.ckpt", "model.pt", "model.bin", "model.pkl", "model.svs", "model.tsv", "model.json", "model"}) QTest::newRow(name) << name;
    }
    void names() {
        QFETCH(QString, name);
        const auto file = in(qPrintable(name));
        nn::write_safetensors(file, {{"stem.weight", at::zeros({2, 3})}}, {{"architecture", "something"}});
        const json said = info(file);
        QCOMPARE(QString::fromStdString(said.at("kind").get<std::string>()), QString("weights"));
        QCOMPARE(QString::fromStdString(said.at("architecture").get<std::string>()), QString("something"));
        QCOMPARE(said.at("parameters").get<int>(), 6);
        for (const auto& content : {std::string("\x80\x02}q\x01.", 6), std::string("\x80\x04\x95\x10\0\0\0\0\0\0\0", 11), std::string("PK\x03\x04\x14\0\0\0\0\0", 10) + std::string(300, 'z')}) {
            write_file(file, content);
            const auto [message, code] = refusal(file);
            QVERIFY2(code == ErrorCode::Unsupported && message.find("can run code") != std::string::npos, message.c_str());
        }
    }

    // A header that is as long as a pickle begins.
    void a_length_like_a_pickle() {
        const auto file = in("long.ckpt");
        nn::write_safetensors(file, {{"w", at::zeros({1})}}, {{"pad", std::string(0x480 - 120, 'p')}});
        auto bytes = read_file(file);
        const auto length = static_cast<unsigned char>(bytes[0]) | static_cast<unsigned char>(bytes[1]) << 8;
        QVERIFY(length <= 0x480);
        bytes.insert(static_cast<std::size_t>(8 + length), std::string(static_cast<std::size_t>(0x480 - length), ' '));
        bytes[0] = '\x80';
        bytes[1] = '\x04';
        write_file(file, bytes);
        QCOMPARE(QString::fromStdString(info(file).at("kind").get<std::string>()), QString("weights"));
    }

    // What begins as weights but is not sound is told as such; what only bears their name as well.
    void unsound_weights() {
        write_file(in("cut.ckpt"), std::string("\x40\0\0\0\0\0\0\0{\"a\":", 13));
        write_file(in("none.safetensors"), "barcode\tx\ty\n");
        for (const char* name : {"cut.ckpt", "none.safetensors"}) {
            const auto [message, code] = refusal(in(name));
            QVERIFY2(code == ErrorCode::BadInput && message.find("safetensors") != std::string::npos, message.c_str());
        }
    }
};

QTEST_GUILESS_MAIN(TestWeightsInfo)
#include "test_weights_info.moc"
