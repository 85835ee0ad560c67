// The reader trusts nothing: every malformed case is refused with one sentence, every sound file survives a round trip.
#include <ATen/ATen.h>

#include <QTemporaryDir>
#include <QTest>
#include <cmath>
#include <fstream>

#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "nn/parameters.h"
#include "nn/safetensors.h"
#include "real_data.h"

using namespace c2l;

namespace {

std::string file_of(const std::string& header, const std::string& data) {
    std::string out(8, '\0');
    for (int i = 0; i < 8; ++i) out[static_cast<std::size_t>(i)] = static_cast<char>(header.size() >> (8 * i) & 255);
    return out + header + data;
}

}  // namespace

class TestSafetensors : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void round_trip() {
        QTemporaryDir dir;
        const std::filesystem::path path = dir.filePath("a.safetensors").toStdString();
        const auto f = at::arange(6, at::kFloat).view({2, 3});
        const auto b = f.to(at::kBFloat16);
        const auto l = at::full({1}, 77, at::kLong);
        nn::write_safetensors(path, {{"f", f}, {"b", b}, {"l", l}, {"t", f.t()}, {"empty", at::empty({0, 4}, at::kFloat)}}, {{"key", "värde"}});
        const auto back = nn::read_safetensors(path);
        QVERIFY(back.at("f").equal(f));
        QVERIFY(back.at("b").equal(b));
        QVERIFY(back.at("t").equal(f.t()));
        QCOMPARE(back.at("l").item<int64_t>(), int64_t{77});
        QCOMPARE(back.at("empty").numel(), int64_t{0});
        QCOMPARE(back.meta("key"), std::string("värde"));
        QVERIFY_EXCEPTION_THROWN(back.at("absent"), Error);
        QVERIFY_EXCEPTION_THROWN(back.at("f", {3, 2}), Error);
    }

    // A header of 0x280 to 0x5ff bytes begins like a pickle (0x80, protocol 2 … 5): both must be told apart.
    void headers_that_begin_like_a_pickle() {
        for (const std::size_t length : {0x280, 0x380, 0x480, 0x580}) {
            const std::string head = "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"__metadata__\":{\"pad\":\"", tail = "\"}}";
            const auto file = file_of(head + std::string(length - head.size() - tail.size(), 'p') + tail, "1234");
            QTemporaryDir dir;
            const std::filesystem::path path = dir.filePath("a.safetensors").toStdString();
            write_file(path, file);
            QCOMPARE(nn::read_safetensors(path).tensors.size(), std::size_t{1});
        }
    }

    void malformed_data() {
        QTest::addColumn<QByteArray>("bytes");
        const std::string four(4, 'x');
        const auto add = [](const char* name, const std::string& bytes) { QTest::newRow(name) << QByteArray(bytes.data(), static_cast<qsizetype>(bytes.size())); };
        add("empty", "");
        add("short", "abc");
        add("pickle", std::string("\x80\x04\x95\x10\0\0\0\0\0\0\0", 11));
        add("pickle of protocol 2", std::string("\x80\x02}q\0(X\1\0\0\0aq\1K\1u.", 18));
        add("zip", std::string("PK\x03\x04") + std::string(40, 'x'));
        add("header longer than file", std::string("\xff\xff\xff\xff\0\0\0\0", 8) + "{}");
        add("header of 2^63", std::string("\0\0\0\0\0\0\0\x80", 8) + "{}");
        add("not json", file_of("hello", ""));
        add("list", file_of("[]", ""));
        add("no dtype", file_of(R"({"a":{"shape":[1],"data_offsets":[0,4]}})", four));
        add("unknown dtype", file_of(R"({"a":{"dtype":"F8","shape":[1],"data_offsets":[0,4]}})", four));
        add("negative side", file_of(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", four));
        add("float side", file_of(R"({"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}})", four));
        add("overflowing shape", file_of(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,4]}})", four));
        add("shape and offsets differ", file_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", four));
        add("backward offsets", file_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", four));
        add("beyond the end", file_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", four));
        add("hole", file_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", four + four));
        add("overlap", file_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", four));
        add("trailing bytes", file_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", four + "y"));
        add("metadata not text", file_of(R"({"__metadata__":{"a":1}})", ""));
        add("metadata not a table", file_of(R"({"__metadata__":[]})", ""));
        add("header above 100 MB", std::string("\x01\0\x40\x06\0\0\0\0", 8) + "{}");
        add("scalar entry", file_of(R"({"a":5})", ""));
        add("huge side", file_of(R"({"a":{"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,4]}})", four));
        add("side above 64 bits", file_of(R"({"a":{"dtype":"F32","shape":[99999999999999999999999],"data_offsets":[0,4]}})", four));
        add("offsets at 2^64", file_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[18446744073709551612,18446744073709551616]}})", four));
        add("three offsets", file_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}})", four));
        add("cut short", file_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", "xx"));
        add("name twice", file_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", four + four));
        add("name twice, spelled otherwise", file_of(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"\u0061":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", four));
        add("field twice", file_of(R"({"a":{"dtype":"U8","dtype":"F32","shape":[1],"data_offsets":[0,4]}})", four));
        add("unknown field", file_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"code":"x"}})", four));
        add("metadata twice", file_of(R"({"__metadata__":{"a":"1"},"__metadata__":{"a":"2"}})", ""));
        add("metadata key twice", file_of(R"({"__metadata__":{"a":"1","a":"2"}})", ""));
        add("deep lists", file_of(R"({"a":{"dtype":"F32","shape":)" + std::string(1000000, '['), four));
        add("deep tables", file_of([] {
                std::string text = R"({"a":)";
                for (int i = 0; i < 100000; ++i) text += R"({"a":)";
                return text;
            }(), four));
        add("endless shape", file_of(R"({"a":{"dtype":"F32","shape":[)" + std::string(2000000, '1') + "],\"data_offsets\":[0,4]}}", four));
        add("nul after the header", file_of(std::string(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})") + std::string(1, '\0') + "rest", four));
        add("nul in a name", file_of(R"({"a\u0000b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", four));
        add("not UTF-8", file_of("{\"\xff\xfe\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", four));
        add("two values", file_of(R"({}{})", ""));
        add("nine dimensions", file_of(R"({"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}})", four));
    }
    void malformed() {
        QFETCH(QByteArray, bytes);
        QTemporaryDir dir;
        const std::filesystem::path path = dir.filePath("bad.safetensors").toStdString();
        write_file(path, bytes.toStdString());
        try {
            nn::read_safetensors(path);
            QFAIL("was accepted");
        } catch (const Error& error) {
            QVERIFY(error.code() == ErrorCode::BadInput || error.code() == ErrorCode::Unsupported);
            QVERIFY(!std::string(error.what()).empty());
            QCOMPARE(error.path(), path);
        }
    }

    // What a file is called neither hides a pickle nor makes one.
    void other_weights_under_any_name() {
        QTemporaryDir dir;
        const std::string zip = std::string("PK\x03\x04\x14\0\0\0\0\0", 10) + std::string(100, 'x');
        for (const char* name : {"model.safetensors", "model.ckpt", "model.pkl", "model.pt", "model.pth", "model.bin", "slide.svs", "model"}) {
            const std::filesystem::path path = dir.filePath(name).toStdString();
            for (const auto& content : {std::string("\x80\x02}q\x01.", 6), std::string("\x80\x02\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19.", 15), std::string("\x80\x03X\x05\0\0\0model.", 13),
                                        std::string("\x80\x04\x95\x10\0\0\0\0\0\0\0", 11), std::string("\x80\x05\x95\x10\0\0\0\0\0\0\0", 11), zip}) {
                write_file(path, content);
                for (const bool whole : {false, true}) try {
                        if (whole)
                            nn::read_safetensors(path);
                        else
                            nn::read_safetensors_header(path);
                        QFAIL("was accepted");
                    } catch (const Error& error) {
                        QCOMPARE(error.code(), ErrorCode::Unsupported);
                        QCOMPARE(error.path(), path);
                        QVERIFY(std::string(error.what()).find("can run code") != std::string::npos);
                    }
            }
            write_file(path, file_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", "1234"));
            QCOMPARE(nn::read_safetensors(path).tensors.size(), std::size_t{1});
        }
    }

    void known_by_its_first_bytes() {
        const auto starts = [](const std::string& bytes) { return nn::starts_as_safetensors(bytes.data(), bytes.size()); };
        QVERIFY(starts(file_of("{}", "")));
        QVERIFY(starts(file_of("{" + std::string(0x480, ' ') + "}", "")));
        for (const auto& other : {std::string(), std::string("\x02\0\0\0\0\0\0\0", 8), std::string(R"({"type": "FeatureCollection"})"), std::string("II*\0\x08\0\0\0{", 9),
                                  std::string("II+\0\x08\0\0\0{", 9), std::string("\x1f\x8b\x08\0\0\0\0\0\x02\xff", 10), std::string("\x89HDF\r\n\x1a\n\0", 9), std::string(200, '\0')})
            QVERIFY(!starts(other));
    }

    // The length is refused before memory is taken for it, also in a file that is that long.
    void header_above_100_mb() {
        QTemporaryDir dir;
        const std::filesystem::path path = dir.filePath("long.safetensors").toStdString();
        write_file(path, std::string("\x01\0\x40\x06\0\0\0\0", 8) + "{}");
        std::filesystem::resize_file(path, std::uintmax_t{200} << 20);
        QVERIFY_EXCEPTION_THROWN(nn::read_safetensors_header(path), Error);
        QVERIFY_EXCEPTION_THROWN(nn::read_safetensors(path), Error);
    }

    // Weights fit their architecture exactly: nothing missing, nothing more, the same shapes, real numbers.
    void exact_match_with_the_architecture() {
        const auto mismatch = [](const std::map<std::string, at::Tensor>& tensors) {
            nn::ParameterSet set;
            set.add("w", at::zeros({2, 3}));
            set.add("b", at::zeros({2}));
            nn::TensorFile file;
            file.tensors = tensors;
            try {
                set.load(file, "net.");
            } catch (const Error& error) {
                return error.code() == ErrorCode::Mismatch;
            }
            return false;
        };
        const auto w = at::ones({2, 3}), b = at::ones({2});
        QVERIFY(!mismatch({{"net.w", w}, {"net.b", b}}));
        QVERIFY(!mismatch({{"net.w", w.to(at::kBFloat16)}, {"net.b", b}, {"other.w", b}, {"a", b}}));
        QVERIFY(mismatch({{"net.w", w}}));
        QVERIFY(mismatch({{"net.w", w}, {"net.b", b}, {"net.extra", b}}));
        QVERIFY(mismatch({{"net.w", w.t()}, {"net.b", b}}));
        QVERIFY(mismatch({{"net.w", w}, {"net.b", b.to(at::kLong)}}));
    }

    // One number among many, wherever it stands and in whatever precision; the network keeps what it had.
    void weights_are_finite() {
        const auto refused = [](const at::Tensor& w) {
            nn::ParameterSet set;
            const auto kept = set.add("w", at::zeros({3, 37}));
            nn::TensorFile file;
            file.tensors = {{"net.w", w}, {"other", at::full({1}, NAN)}};
            try {
                set.load(file, "net.");
            } catch (const Error& error) {
                return error.code() == ErrorCode::BadInput && std::string(error.what()).find("\"net.w\"") != std::string::npos && kept.abs().max().item<float>() == 0;
            }
            return false;
        };
        QVERIFY(!refused(at::ones({3, 37})));
        QVERIFY(!refused(at::full({3, 37}, 3e38)));
        for (const int place : {0, 5, 8, 63, 110})
            for (const float wrong : {NAN, INFINITY, -INFINITY})
                for (const auto type : {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16}) {
                    auto w = at::ones({3, 37});
                    w.view(-1)[place] = wrong;
                    QVERIFY(refused(w.to(type)));
                }
        QVERIFY(refused(at::full({3, 37}, 1e300, at::kDouble)));  // infinite where networks compute
        QVERIFY(nn::all_finite(at::empty({0, 4})));
    }

    void only_known_names() {
        nn::TensorFile file;
        file.tensors = {{"net.w", at::ones({1})}, {"mean", at::ones({1})}};
        file.only({"net.", "mean", "unused."});
        for (const char* unknown : {"pixels", "means", "mean.more", "net", "Net.w", ""}) {
            auto more = file;
            more.tensors[unknown] = at::ones({1});
            try {
                more.only({"net.", "mean"});
                QFAIL(unknown);
            } catch (const Error& error) {
                QCOMPARE(error.code(), ErrorCode::Mismatch);
                QVERIFY(std::string(error.what()).find("\"" + std::string(unknown) + "\"") != std::string::npos);
            }
        }
    }

    // Every byte of a sound header flipped at random either still parses or is refused; it never crashes or over-reads.
    void mutated_headers() {
        const auto sound = file_of(R"({"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}})", std::string(8, 'x'));
        Random random(1);
        for (int round = 0; round < 20000; ++round) {
            auto bytes = sound;
            for (int flips = 1 + static_cast<int>(random.below(3)); flips > 0; --flips)
                bytes[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(bytes.size())))] = static_cast<char>(random.below(256));
            if (random.below(4) == 0) bytes.resize(static_cast<std::size_t>(random.below(static_cast<std::int64_t>(bytes.size()))));
            try {
                const auto header = nn::parse_safetensors_header(bytes.data(), bytes.size(), bytes.size(), "mutated");
                for (const auto& [name, entry] : header.entries) QVERIFY(header.data_offset + entry.end <= bytes.size());
            } catch (const Error&) {
            }
        }
    }

    void half_written_files_never_appear() {
        QTemporaryDir dir;
        const std::filesystem::path path = dir.filePath("kept.txt").toStdString();
        write_file(path, "old");
        QVERIFY_EXCEPTION_THROWN(replace_file(path,
                                              [](const std::filesystem::path& temporary) {
                                                  std::ofstream(temporary) << "half";
                                                  throw Error(ErrorCode::Io, "disk full");
                                              }),
                                 Error);
        QCOMPARE(read_file(path), std::string("old"));
        QCOMPARE(std::distance(std::filesystem::directory_iterator(path.parent_path()), {}), std::ptrdiff_t{1});
    }

    void real_weights() {
        C2L_REAL_DATA(path, "weights/squeezenet1_0_dc/squeezenet1_0_rgb01.safetensors");
        const auto file = nn::read_safetensors(path);
        QCOMPARE(file.at("features.0.weight").sizes().vec(), (std::vector<int64_t>{96, 3, 7, 7}));
    }
};

QTEST_GUILESS_MAIN(TestSafetensors)
#include "test_safetensors.moc"
