// Training tiles from folders of images: which images are taken, which group each belongs to, what --exclude leaves out.
#include <QTemporaryDir>
#include <QTest>
#include <algorithm>
#include <array>
#include <map>

#include "base/error.h"
#include "base/file.h"
#include "base/png.h"
#include "base/random.h"
#include "dataset/tile_pack.h"
#include "generate/generate.h"
#include "nn/safetensors.h"
#include "pipeline/command.h"

using namespace c2l;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

// Blocks of random shades of one colour: contrast enough for tissue, and the source of a tile is seen in it.
Image patches(int side, std::uint64_t seed, std::array<std::uint8_t, 3> colour) {
    Image image(side, side, 0);
    Random random(seed);
    for (int by = 0; by < side; by += 10)
        for (int bx = 0; bx < side; bx += 10) {
            const double shade = random.uniform(0.3, 1.0);
            for (int y = by; y < std::min(by + 10, side); ++y)
                for (int x = bx; x < std::min(bx + 10, side); ++x)
                    for (std::size_t c = 0; c < 3; ++c) image.at(x, y)[c] = static_cast<std::uint8_t>(colour[c] * shade);
        }
    return image;
}

std::map<std::string, TileRun> runs_of(const fs::path& path) {
    std::map<std::string, TileRun> runs;
    const auto pack = TilePack::open(path);
    for (const TileRun& run : pack->runs()) {
        if (runs.count(run.source)) throw std::runtime_error("two runs of " + run.source);
        runs[run.source] = run;
    }
    return runs;
}

}  // namespace

class TestCut : public QObject {
    Q_OBJECT

    QTemporaryDir dir_;
    fs::path root_, folder_;
    int packs_ = 0;

    json cut(const json& more = json::object(), const JobContext& ctx = {}) {
        json params = {{"tiles", json::array({folder_.string()})}, {"tiles_mpp", 0.6875}, {"tile_count", 66}, {"seed", 4}, {"output", (root_ / (std::to_string(++packs_) + ".tiles")).string()}};
        params.update(more);
        return run_command(*find_command("cut"), params, ctx);
    }
    std::map<std::string, TileRun> cut_runs(const json& more, const JobContext& ctx = {}) { return runs_of(cut(more, ctx).at("pack").get<std::string>()); }

private Q_SLOTS:
    void initTestCase() {
        root_ = dir_.path().toStdString();
        folder_ = root_ / "images";
        write_file(folder_ / "red.png", encode_png(patches(200, 1, {255, 30, 30})));
        write_file(folder_ / "more/green.PNG", encode_png(patches(200, 2, {30, 255, 30})));  // below the folder, ending in capitals
        write_file(folder_ / "blue.png", encode_png(patches(400, 3, {30, 30, 255})));          // four times the area
        write_file(folder_ / "small.png", encode_png(patches(100, 4, {255, 255, 30})));        // 69 µm: less than a tile
        write_file(folder_ / "broken.jpg", "no picture at all");
        write_file(folder_ / "notes.txt", "no picture either");
        write_file(folder_ / "groups.csv", "n,file,source_image_group\r\n1,red.png,patient-1\r\n2,more/green.PNG,patient-2\r\n3,elsewhere.png,patient-3\r\n4\r\n");
    }

    void images_of_a_folder() {
        std::vector<Issue> issues;
        JobContext ctx;
        ctx.on_issue = [&](const Issue& issue) { issues.push_back(issue); };
        const json made = cut(json::object(), ctx);
        QCOMPARE(made.at("tiles").get<int>(), 66);
        QCOMPARE(made.at("tile_px").get<int>(), 160);
        QCOMPARE(made.at("tile_um").get<double>(), 110.0);
        const auto runs = runs_of(made.at("pack").get<std::string>());
        QCOMPARE(runs.size(), std::size_t{3});
        QCOMPARE(runs.at("red.png").group, std::string("patient-1"));
        QCOMPARE(runs.at("green.PNG").group, std::string("patient-2"));
        QCOMPARE(runs.at("blue.png").group, std::string());  // not in the list
        QCOMPARE(runs.at("red.png").count, std::uint64_t{11});
        QCOMPARE(runs.at("green.PNG").count, std::uint64_t{11});
        QCOMPARE(runs.at("blue.png").count, std::uint64_t{44});
        // What could not be used is named.
        QCOMPARE(issues.size(), std::size_t{3});
        QVERIFY(issues[0].location.ends_with("groups.csv"));
        QVERIFY(issues[1].location.ends_with("broken.jpg"));
        QVERIFY(issues[2].location.ends_with("small.png") && issues[2].text.find("110 µm") != std::string::npos);
        // The tiles of a run are parts of its source.
        const auto pack = TilePack::open(made.at("pack").get<std::string>());
        std::uint64_t at = 0;
        for (const TileRun& run : pack->runs())
            for (std::uint64_t i = 0; i < run.count; ++i, ++at) {
                std::array<double, 3> sum{};
                for (int p = 0; p < 160 * 160 * 3; ++p) sum[static_cast<std::size_t>(p % 3)] += pack->tile(at)[p];
                const std::size_t strongest = static_cast<std::size_t>(std::max_element(sum.begin(), sum.end()) - sum.begin());
                QCOMPARE(strongest, run.source == "red.png" ? std::size_t{0} : run.source == "green.PNG" ? std::size_t{1} : std::size_t{2});
            }
        QCOMPARE(at, pack->count());
    }

    void exclude_takes_names_and_groups() {
        auto runs = cut_runs({{"exclude", json::array({"patient-2"})}});
        QVERIFY(runs.size() == 2 && runs.count("red.png") && runs.count("blue.png"));
        runs = cut_runs({{"exclude", json::array({"blue.png", "patient-1"})}});
        QVERIFY(runs.size() == 1 && runs.count("green.PNG"));
        QCOMPARE(runs.at("green.PNG").count, std::uint64_t{66});
        QCOMPARE(cut_runs({{"exclude", json::array({"patient"})}}).size(), std::size_t{3});  // whole names only
        try {
            cut({{"exclude", json::array({"patient-1", "patient-2", "blue.png"})}});
            QFAIL("nothing was cut from");
        } catch (const Error& error) {
            QCOMPARE(error.code(), ErrorCode::BadInput);
        }
    }

    // A misspelt patient would be learnt from unseen.
    void names_that_match_nothing_are_told() {
        std::vector<std::string> said;
        JobContext ctx;
        ctx.on_issue = [&](const Issue& issue) { said.push_back(issue.text); };
        cut({{"exclude", json::array({"patient-2", "patient-7"})}}, ctx);
        const auto about = [&](const char* what) { return std::count_if(said.begin(), said.end(), [&](const std::string& s) { return s.find(what) != std::string::npos; }); };
        QCOMPARE(about("'patient-7', which is to be left out, is no file and no group"), 1);
        QCOMPARE(about("patient-2"), 0);
        QCOMPARE(about("1 of 3 rows name no image by its path below this folder"), 1);
    }

    void weights_tell_what_they_were_made_of() {
        const fs::path work = root_ / "work", card = root_ / "card.json", first = root_ / "first.safetensors", second = root_ / "second.safetensors";
        write_file(card, R"({"licence": "CC BY-NC 4.0", "attribution": "A. Person"})");
        const auto train = [&](const fs::path& out, const json& more) {
            json params = {{"tiles", json::array({folder_.string()})}, {"tiles_mpp", 0.6875}, {"tile_count", 66}, {"preset", "nano"}, {"encoder_steps", 1}, {"autoencoder_steps", 1}, {"decoder_steps", 1},
                           {"denoiser_steps", 2}, {"batch", 4}, {"encoder_pairs", 4}, {"autoencoder_batch", 4}, {"device", "cpu"}, {"work", work.string()}, {"output", out.string()}};
            params.update(more);
            return run_command(*find_command("pretrain"), params, {});
        };
        const auto card_of = [](const fs::path& weights) { return json::parse(nn::read_safetensors_header(weights).metadata.at("card")); };
        const json made = train(first, {{"card", card.string()}});
        QCOMPARE(made.at("tiles_from").size(), std::size_t{4});
        QVERIFY(card_of(first).at("tiles_from") == json({{"sources", 4}, {"tiles", 66}}));  // names of slides often are case numbers
        json other = {{"init", first.string()}, {"encoder_steps", 0}, {"autoencoder_steps", 0}, {"decoder_steps", 0}, {"exclude", json::array({"blue.png"})}, {"name_sources", true}};
        QVERIFY_EXCEPTION_THROWN(train(second, other), Error);  // never with the tiles that lie in that folder already
        other["work"] = (root_ / "other-work").string();
        const json fewer = train(second, other);
        QCOMPARE(fewer.at("tiles_from").size(), std::size_t{3});
        const json passed_on = card_of(second);
        QCOMPARE(passed_on.at("tiles_from").size(), std::size_t{3});
        QCOMPARE(passed_on.at("licence").get<std::string>(), std::string("CC BY-NC 4.0"));
        QCOMPARE(passed_on.at("attribution").get<std::string>(), std::string("A. Person"));
        QCOMPARE(central_info(second).licence, std::string("CC BY-NC 4.0"));
        write_file(card, R"({"licence": "CC0 1.0"})");
        train(second, {{"init", first.string()}, {"denoiser_steps", 0}, {"encoder_steps", 0}, {"autoencoder_steps", 0}, {"decoder_steps", 0}, {"card", card.string()}, {"work", (root_ / "again").string()}});
        QCOMPARE(card_of(second).at("licence").get<std::string>(), std::string("CC0 1.0"));
        QCOMPARE(card_of(second).at("parent").at("licence").get<std::string>(), std::string("CC BY-NC 4.0"));
        write_file(card, std::string(100000, '['));
        QVERIFY_EXCEPTION_THROWN(train(second, {{"card", card.string()}}), Error);
    }

    void names_of_any_bytes() {
        const fs::path strange = root_ / "strange";
        write_file(strange / "M\xfcller.png", encode_png(patches(200, 1, {255, 30, 30})));
        QCOMPARE(cut_runs({{"tiles", json::array({strange.string()})}}).size(), std::size_t{1});
        const json made = run_command(*find_command("pretrain"), {{"tiles", json::array({strange.string()})}, {"tiles_mpp", 0.6875}, {"tile_count", 64}, {"preset", "nano"}, {"encoder_steps", 0},
                                                                 {"autoencoder_steps", 0}, {"decoder_steps", 0}, {"denoiser_steps", 0}, {"device", "cpu"}, {"name_sources", true},
                                                                 {"output", (root_ / "strange.safetensors").string()}}, {});
        QCOMPARE(made.at("tiles").get<int>(), 64);
    }

    // The same is left out of a pack that holds it.
    void a_pack_can_be_read_without() {
        const auto pack = TilePack::open(cut().at("pack").get<std::string>());
        QCOMPARE(view_of({pack}, {"patient-1"}).count(), std::size_t{55});
        QCOMPARE(view_of({pack}, {"patient-1", "blue.png"}).count(), std::size_t{11});
        QVERIFY_EXCEPTION_THROWN(view_of({pack}, {"red.png", "patient-2", "blue.png"}), Error);
    }

    void the_same_call_cuts_the_same() {
        const json a = cut(), b = cut(), c = cut({{"seed", 5}});
        QVERIFY(a.at("id") == b.at("id"));
        QVERIFY(a.at("id") != c.at("id"));
    }

    void mistakes_are_refused() {
        const auto refused = [&](const json& more, ErrorCode code, const char* said) {
            try {
                cut(more);
            } catch (const Error& error) {
                return error.code() == code && error.line().find(said) != std::string::npos;
            }
            return false;
        };
        QVERIFY(refused({{"tiles", json::array({(root_ / "nowhere").string()})}}, ErrorCode::NotFound, "folder of images"));
        QVERIFY(refused({{"tiles", json::array()}}, ErrorCode::BadInput, ""));
        QVERIFY(refused({{"output", (root_ / "1.tiles").string()}}, ErrorCode::BadInput, "is there already"));
        const fs::path other = root_ / "other";
        write_file(other / "red.png", encode_png(patches(200, 1, {255, 30, 30})));
        write_file(other / "groups.csv", "name,patient\nred.png,1\n");
        QVERIFY(refused({{"tiles", json::array({other.string()})}}, ErrorCode::BadInput, "'file' and 'group'"));
        write_file(other / "groups.csv", "file,group\nred.png,1\n");
        QCOMPARE(cut_runs({{"tiles", json::array({other.string()})}}).at("red.png").group, std::string("1"));
    }
};

QTEST_GUILESS_MAIN(TestCut)
#include "test_cut.moc"
