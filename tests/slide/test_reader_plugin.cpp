// The plug-in interface: a reader in plain C is loaded and read, and whatever a bad one answers is refused with a sentence.
#include <QTemporaryDir>
#include <QTest>
#include <array>
#include <atomic>
#include <cstring>
#include <limits>
#include <thread>

#include "slide/identifying.h"
#include "slide/plugin_loader.h"
#include "slide/plugin_slide.h"
#include "slide/row_source.h"
#include "slide/slide.h"
#include "slide/synthetic.h"

using namespace c2l;
using namespace c2l::test;
namespace fs = std::filesystem;

namespace {

// What the reader below answers; each test spoils one thing.
struct Answers {
    std::int32_t open = C2L_OK, info = C2L_OK, tile = C2L_OK;
    bool no_slide = false;
    c2l_slide_info said{};
    std::vector<c2l_level> levels;
    std::vector<c2l_associated> images;
    std::string why = "is spoilt; copy it again", issue = "shown with care";
    int closed = 0;
};
Answers answers;

int the_slide;

void say(const std::string& text, char* to, std::uint32_t bytes) { std::strncpy(to, text.c_str(), bytes); }

c2l_reader reader() {
    c2l_reader table{};
    table.struct_size = sizeof table;
    table.abi = C2L_READER_ABI;
    table.name = "made-up";
    table.version = "1";
    table.recognises = [](const char*, const std::uint8_t*, std::uint64_t) { return 1; };
    table.open = [](const char*, c2l_slide** slide, char* why, std::uint32_t bytes) {
        if (!answers.no_slide) *slide = reinterpret_cast<c2l_slide*>(&the_slide);
        say(answers.why, why, bytes);
        return answers.open;
    };
    table.close = [](c2l_slide*) { ++answers.closed; };
    table.info = [](c2l_slide*, c2l_slide_info* info, char* why, std::uint32_t bytes) {
        *info = answers.said;
        say(answers.why, why, bytes);
        return answers.info;
    };
    table.level = [](c2l_slide*, std::uint32_t index, c2l_level* level, char*, std::uint32_t) {
        *level = answers.levels.at(std::min<std::size_t>(index, answers.levels.size() - 1));
        return std::int32_t{C2L_OK};
    };
    table.associated = [](c2l_slide*, std::uint32_t index, c2l_associated* image, char*, std::uint32_t) {
        *image = answers.images.at(index);
        return std::int32_t{C2L_OK};
    };
    table.issue = [](c2l_slide*, std::uint32_t, char* text, std::uint32_t bytes) {
        say(answers.issue, text, bytes);
        return std::int32_t{C2L_OK};
    };
    table.tile = [](c2l_slide*, std::uint32_t, std::int64_t column, std::int64_t row, std::uint8_t* rgb, std::uint64_t bytes, char* why, std::uint32_t why_bytes) {
        if (column == 0 && row == 0) std::memset(rgb, 7, bytes);  // the others stay white
        say(answers.why, why, why_bytes);
        return answers.tile;
    };
    table.associated_pixels = [](c2l_slide*, std::uint32_t, std::uint8_t* rgb, std::uint64_t bytes, char*, std::uint32_t) {
        std::memset(rgb, 9, bytes);
        return std::int32_t{C2L_OK};
    };
    return table;
}

c2l_level level(std::int64_t width, std::int64_t height, std::uint32_t tile = 64) { return {sizeof(c2l_level), tile, tile, 0, width, height}; }

c2l_associated image(const char* name, std::uint32_t width, std::uint32_t height) {
    c2l_associated out{sizeof(c2l_associated), width, height, 0, ""};
    std::strncpy(out.name, name, sizeof out.name);
    return out;
}

std::string ppm(const Image& image) {
    return "P6\n" + std::to_string(image.width) + " " + std::to_string(image.height) + "\n255\n" + std::string(image.rgb.begin(), image.rgb.end());
}

}  // namespace

class TestReaderPlugin : public QObject {
    Q_OBJECT

    QTemporaryDir folder_;
    fs::path root_;

private Q_SLOTS:
    void initTestCase() { qputenv("C2L_READERS", QByteArray("/nowhere:") + fs::path(C2L_EXAMPLE_READER).parent_path().c_str()); }
    void init() {
        root_ = folder_.path().toStdString();
        answers = {};
        answers.said = {sizeof(c2l_slide_info), 2, 1, 1, 0.5, 0.5, 20, "made up"};
        answers.levels = {level(200, 100), level(50, 25)};
        answers.images = {image("label", 5, 4)};
    }

    void describesASlide() {
        const c2l_reader table = reader();
        {
            const PluginSlide slide(table, "x");
            const SlideInfo& info = slide.info();
            QCOMPARE(info.vendor, std::string("made up"));
            QVERIFY(info.width == 200 && info.height == 100);
            QVERIFY(info.levels.size() == 2 && info.levels[1].downsample == 4);
            QVERIFY(info.mpp.value() == 0.5 && info.objective.value() == 20);
            QVERIFY(info.associated == std::vector<std::string>{"label"});
            QVERIFY(info.issues.size() == 1 && info.issues[0].text == "shown with care");
            const Image label = slide.associated("label");
            QVERIFY(label.width == 5 && label.height == 4 && label.rgb == std::vector<std::uint8_t>(60, 9));
            QVERIFY_THROWS_EXCEPTION(Error, slide.associated("macro"));
            const Image edge = slide.read({60, 0, 8, 1}, 8, 1);  // over the border of a tile: one that was read, one that was left out
            for (int x = 0; x < 8; ++x) QCOMPARE(int(edge.at(x, 0)[0]), x < 4 ? 7 : 255);
        }
        QCOMPARE(answers.closed, 1);
    }

    void failuresBecomeErrors_data() {
        QTest::addColumn<int>("status");
        QTest::addColumn<int>("code");
        QTest::newRow("damaged") << int(C2L_DAMAGED) << int(ErrorCode::BadInput);
        QTest::newRow("unsupported") << int(C2L_UNSUPPORTED) << int(ErrorCode::Unsupported);
        QTest::newRow("unreadable") << int(C2L_UNREADABLE) << int(ErrorCode::Io);
        QTest::newRow("no memory") << int(C2L_NO_MEMORY) << int(ErrorCode::Memory);
        QTest::newRow("unknown") << 77 << int(ErrorCode::Internal);
    }
    void failuresBecomeErrors() {
        QFETCH(int, status);
        QFETCH(int, code);
        const c2l_reader table = reader();
        for (std::int32_t* where : {&answers.open, &answers.info, &answers.tile}) {
            *where = status;
            const auto error = error_of([&] { PluginSlide(table, "x"); });
            *where = C2L_OK;
            QVERIFY(error);
            QCOMPARE(int(error->code()), code);
            QCOMPARE(QString(error->what()), QString("is spoilt; copy it again"));
            QVERIFY(error->cause().find("made-up") != std::string::npos);
        }
        QCOMPARE(answers.closed, 3);  // also what failed to open halfway
        answers.why.clear();
        answers.open = status;
        const auto error = error_of([&] { PluginSlide(table, "x"); });
        QVERIFY(error && is_one_sentence(*error));
    }

    void textOfAPluginIsMadeSafe() {
        QCOMPARE(plugin_text("a\x1b[31m\nb", 20), std::string("a [31m b"));
        QCOMPARE(plugin_text("\xc3\xa9 \xe9 \xed\xa0\x80 \xf0\x9f\x94\xac", 40), std::string("\xc3\xa9 ? ??? \xf0\x9f\x94\xac"));
        QCOMPARE(plugin_text("cut off", 3), std::string("cut"));
        QCOMPARE(plugin_text(nullptr, 3), std::string());
        std::array<char, 4> unended{'a', 'b', 'c', 'd'};
        QCOMPARE(plugin_text(unended.data(), unended.size()), std::string("abcd"));
    }

    void nonsenseIsRefused_data() {
        QTest::addColumn<int>("fault");
        for (int fault = 0; fault < 17; ++fault) QTest::addRow("%d", fault) << fault;
    }
    void nonsenseIsRefused() {
        QFETCH(int, fault);
        const std::vector<std::function<void()>> faults{
            [] { answers.no_slide = true; },
            [] { answers.said.level_count = 0; },
            [] { answers.said.level_count = 4'000'000'000u; },
            [] { answers.said.associated_count = 4'000'000'000u; },
            [] { answers.said.issue_count = 4'000'000'000u; },
            [] { answers.levels[0].width = 0; },
            [] { answers.levels[0].height = -5; },
            [] { answers.levels[0].width = std::int64_t{1} << 62; },
            [] { answers.levels[0].tile_width = 0; },
            [] { answers.levels[1].tile_height = 4'000'000'000u; },
            [] { answers.levels[0].tile_width = answers.levels[0].tile_height = 70000; },
            [] { answers.levels[1] = level(200, 100); },
            [] { answers.levels[1] = level(400, 50); },
            [] { answers.levels[1] = level(50, 99); },
            [] { answers.images[0] = image("", 5, 4); },
            [] { answers.images[0] = image("label", 0, 4); },
            [] { answers.images[0] = image("label", 70000, 70000); }};
        faults.at(static_cast<std::size_t>(fault))();
        const c2l_reader table = reader();
        const auto error = error_of([&] { PluginSlide(table, "x"); });
        QVERIFY(error && is_one_sentence(*error));
        QVERIFY2(std::string(error->what()).find("made-up") != std::string::npos, error->what());
        QCOMPARE(answers.closed, fault == 0 ? 0 : 1);
    }

    void impossibleScalesAreNotBelieved() {
        const c2l_reader table = reader();
        for (const double mpp : {0.0, -1.0, 1e9, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
            answers.said.mpp_x = mpp;
            answers.said.objective = mpp;
            const PluginSlide slide(table, "x");
            QVERIFY(!slide.info().mpp && !slide.info().objective);
        }
    }

    void librariesThatAreNoReaders() {
        spill(root_ / "text.so", "no library at all");
        const fs::path built = C2L_TEST_READERS;
        for (const auto& [file, says] : {std::pair<fs::path, std::string>{root_ / "text.so", "cannot be loaded"},
                                         {built / "old_reader.so", "version 0 of the reader interface"},
                                         {built / "short_reader.so", "too short"},
                                         {built / "empty_reader.so", "lacks functions"},
                                         {built / "no_reader.so", "c2l_reader_table"}}) {
            const LoadedReader loaded = load_reader(file);
            QVERIFY(!loaded.table);
            QVERIFY2(loaded.about.problem.find(says) != std::string::npos, (file.string() + ": " + loaded.about.problem).c_str());
            QVERIFY(loaded.about.problem.find('\n') == std::string::npos);
        }
    }

    void foldersAreSearchedInOrder() {
        fs::create_directories(root_ / "a");
        fs::create_directories(root_ / "b");
        fs::copy_file(C2L_EXAMPLE_READER, root_ / "a" / "z.so", fs::copy_options::overwrite_existing);
        fs::copy_file(C2L_EXAMPLE_READER, root_ / "b" / "a.so", fs::copy_options::overwrite_existing);
        spill(root_ / "b" / "b.so", "no library at all");
        spill(root_ / "b" / "readme.txt", "not looked at");
        const auto readers = load_readers({root_ / "nowhere", root_ / "a", root_ / "b"});
        QCOMPARE(readers.size(), std::size_t{2});
        QCOMPARE(readers[0].about.file, root_ / "a" / "z.so");  // the second of the same name is passed over
        QCOMPARE(readers[0].about.name, std::string("ppm"));
        QVERIFY(!readers[1].table && !readers[1].about.problem.empty());
    }

    void aMissingDicomReaderIsNamed() {
        spill(root_ / "a.dcm", std::string(128, '\0') + "DICM and more");
        const auto error = error_of([&] { open_rows(root_ / "a.dcm"); });
        QVERIFY(error && is_one_sentence(*error));
        QVERIFY(std::string(error->what()).find("DICOM") != std::string::npos);
    }

    void exampleInPlainC() {
        const LoadedReader loaded = load_reader(C2L_EXAMPLE_READER);
        QVERIFY2(loaded.table, loaded.about.problem.c_str());
        const Image picture = synthetic_image(701, 530);
        const std::string bytes = ppm(picture);
        spill(root_ / "a.ppm", bytes);
        const PluginSlide slide(*loaded.table, root_ / "a.ppm");
        QCOMPARE(slide.info().vendor, std::string("ppm"));
        QVERIFY(slide.read({0, 0, 701, 530}, 701, 530).rgb == picture.rgb);
        std::atomic<int> wrong{0};
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; ++t)
            threads.emplace_back([&, t] {
                for (int i = 0; i < 50; ++i) {
                    const int x = (t * 131 + i * 37) % 600, y = (t * 61 + i * 53) % 450;
                    const Image part = slide.read({double(x), double(y), 90, 70}, 90, 70);
                    for (int row = 0; row < 70; ++row) wrong += std::memcmp(part.at(0, row), picture.at(x, y + row), 270) != 0;
                }
            });
        threads.clear();
        QCOMPARE(wrong.load(), 0);
        OpenOptions options;
        options.pyramid_cache = root_ / "cache";
        QVERIFY(Slide::open(root_ / "a.ppm", options, {})->read({0, 0, 701, 530}, 701, 530).rgb == picture.rgb);  // found by way of $C2L_READERS
        QCOMPARE(probe_slide(root_ / "a.ppm").vendor, std::string("ppm"));
        QCOMPARE(list_identifying(root_ / "a.ppm").size(), std::size_t{1});  // the file's name; the reader has nothing to tell
        for (const std::string& bad : {bytes.substr(0, bytes.size() - 1), std::string("P6\n99999999 99999999\n255\n"), std::string("P6\n-4 4\n255\n"), std::string("P6\n2 2\n65535\n") + std::string(24, 'x')}) {
            spill(root_ / "b.ppm", bad);
            const auto error = error_of([&] { PluginSlide(*loaded.table, root_ / "b.ppm"); });
            QVERIFY(error && is_one_sentence(*error));
        }
    }
};

QTEST_GUILESS_MAIN(TestReaderPlugin)
#include "test_reader_plugin.moc"
