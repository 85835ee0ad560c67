// All figures of a central model on a slide that it was not trained on, for its card: autoencoder PSNR; distances of its unconditional tiles on two encoders,
// with intervals and the floors of real tissue; precision, recall, density, coverage; nuclear composition; near copies of the slides it was trained on.
// Usage: central_figures CENTRAL --slide SLIDE --other SLIDE [--train SLIDE…] [--outside ENCODER] [--mpp µm] [-n 1000] [--threads N] [--sheet F.jpg] [--json F.json]
// --other: another section of the like tissue, equally unseen: what real tissue is away. --mpp: of slides that do not say. Tiles of SLIDE (2n) and of the other (n) lie at
// random places and may overlap: two halves of SLIDE share pixels, so that floor is low; the other section's does not have this fault.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/png.h"
#include "base/random.h"
#include "dataset/pairing.h"
#include "generate/central.h"
#include "generate/generate.h"
#include "nn/device.h"
#include "nn/tile_encoder.h"
#include "quality/quality.h"

using namespace c2l;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

struct Options {
    fs::path central, slide, other, outside, sheet, report;
    std::vector<fs::path> train;
    double mpp = 0;  // 0: every slide says it itself
    int n = 1000, threads = 0;
};

Options parse(int argc, char** argv) {
    Options o;
    std::string name;
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        if (word.starts_with("-")) {
            name = word;
            continue;
        }
        if (name.empty()) o.central = word;
        else if (name == "--slide") o.slide = word;
        else if (name == "--other") o.other = word;
        else if (name == "--outside") o.outside = word;
        else if (name == "--sheet") o.sheet = word;
        else if (name == "--json") o.report = word;
        else if (name == "--train") o.train.push_back(word);
        else if (name == "--mpp") o.mpp = std::stod(word);
        else if (name == "--threads") o.threads = std::stoi(word);
        else if (name == "-n") o.n = std::stoi(word);
        else throw Error(ErrorCode::BadInput, "there is no option " + name);
    }
    if (o.central.empty() || o.slide.empty() || o.other.empty()) throw Error(ErrorCode::BadInput, "give CENTRAL, --slide and --other (see the head of central_figures.cpp)");
    return o;
}

void say(const std::string& what) { std::cerr << what << std::endl; }

struct Source {
    std::shared_ptr<const Slide> slide;
    TissueMask mask;
    std::shared_ptr<const TileReader> reader;
};

// A slide's own scale counts; the given one only where it has none.
Source open_source(const fs::path& path, double mpp) {
    OpenOptions options;
    if (!probe_slide(path).mpp) {
        if (mpp <= 0) throw Error(ErrorCode::BadInput, "does not say how many µm a pixel has; give --mpp", path);
        options.mpp = mpp;
    }
    Source source;
    source.slide = Slide::open(path, options, {});
    source.mask = find_tissue(*source.slide, {});
    source.reader = make_tile_reader(source.slide);
    return source;
}

TileSet random_tiles(const Source& source, const CentralInfo& tile, int n, std::uint64_t seed) {
    const SlideInfo& info = source.slide->info();
    const double side = tile.tile_um / *info.mpp;
    Random random(seed);
    TileSet tiles;
    for (std::int64_t tries = 0; static_cast<int>(tiles.count()) < n; ++tries) {
        if (tries > 1000 * std::int64_t{n}) throw Error(ErrorCode::BadInput, "shows too little tissue", info.path);
        const double x = random.uniform(0, static_cast<double>(info.width)), y = random.uniform(0, static_cast<double>(info.height));
        if (source.mask.coverage(x, y, side) > 0.7) tiles.append(source.reader->read(x, y, tile.tile_um, tile.tile_px));
    }
    return tiles;
}

void append(Matrix& all, const Matrix& more) {
    all.cols = more.cols;
    all.rows += more.rows;
    all.values.insert(all.values.end(), more.values.begin(), more.values.end());
}

// Through the model's autoencoder.
TileSet reconstruct(const fs::path& central, int threads, const TileSet& tiles) {
    c10::NoGradGuard no_grad;
    const auto model = generate::Central::load(central, nn::open_device("cpu", threads));
    TileSet out = tiles;
    for (std::size_t i = 0; i < tiles.count(); i += 32) {
        const auto pixels = nn::tiles_to_tensor(tiles.tile(i), static_cast<std::int64_t>(std::min<std::size_t>(32, tiles.count() - i)), tiles.size);
        nn::tensor_to_tiles(model.decode(model.encode(pixels)), out.tile(i));
    }
    return out;
}

double psnr(const TileSet& a, const TileSet& b) {
    double error = 0;
    for (std::size_t i = 0; i < a.rgb.size(); ++i) error += std::pow(double(a.rgb[i]) - double(b.rgb[i]), 2);
    return 10 * std::log10(255.0 * 255.0 / (error / static_cast<double>(a.rgb.size())));
}

struct Tiles {
    TileSet first, second;  // two halves of the slide's
    TileSet other, synthetic, rebuilt;
};

// A space in which tiles are compared: an encoder's features, or where things lie in the model's own latents.
struct Space {
    std::string name;
    std::function<Matrix(const TileSet&)> describe;
    bool distances = true;  // in the generator's own latents they would be circular
    bool copies = true;     // in the space of the gate: the model's encoder and its latents
    Matrix first{}, second{}, other{}, synthetic{}, train_views{};
};

// Half-overlapping tiles over all tissue of the slides trained on, in 8 orientations; in parts, because the pixels of all would not fit into memory.
std::int64_t describe_training(const Options& o, const CentralInfo& tile, std::vector<Space>& spaces) {
    std::int64_t count = 0;
    for (const auto& path : o.train) {
        const Source source = open_source(path, o.mpp);
        const TissueGrid grid = tissue_grid(*source.slide, source.mask, tile.tile_um / 2);
        say(path.filename().string() + ": " + std::to_string(grid.x.size()) + " tiles of " + std::to_string(*source.slide->info().mpp) + " µm/px");
        for (std::size_t i = 0; i < grid.x.size(); i += 256) {
            TileSet part;
            for (std::size_t k = i; k < std::min(i + 256, grid.x.size()); ++k) part.append(source.reader->read(grid.x[k], grid.y[k], tile.tile_um, tile.tile_px));
            const TileSet views = dihedral_views(part);
            for (Space& space : spaces)
                if (space.copies) append(space.train_views, space.describe(views));
        }
        count += static_cast<std::int64_t>(grid.x.size());
    }
    return count;
}

// Wilson's interval of a share.
json share_of(double share, std::size_t count) {
    const double n = static_cast<double>(count), z = 1.959964, centre = (share + z * z / (2 * n)) / (1 + z * z / n);
    const double half = z * std::sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n);
    return {{"share", share}, {"lower", std::max(0.0, centre - half)}, {"upper", centre + half}, {"n", count}};
}

json coverage_of(const Coverage& c) { return {{"precision", c.precision}, {"recall", c.recall}, {"density", c.density}, {"coverage", c.coverage}}; }

// The gate is set on one half of the slide; what real tissue gives is read on the other half and on the other section.
json copies_in(const Space& space) {
    const auto share = [&](const Matrix& tiles) { return share_of(check_copies(tiles, space.train_views, space.first).fraction, static_cast<std::size_t>(tiles.rows)); };
    return {{"synthetic", share(space.synthetic)}, {"real_same_slide", share(space.second)}, {"real_other_section", share(space.other)}};
}

json distances_in(const Space& space, const Tiles& tiles) {
    if (!space.distances) return json::object();
    Matrix reference = space.first;
    append(reference, space.second);
    AssessInputs inputs;
    inputs.synthetic = &space.synthetic;
    inputs.reference = &reference;
    inputs.other = &space.other;
    inputs.encoder = space.name;
    json out = json::parse(assess(inputs, {}).json());
    out.erase("copies_fraction"), out.erase("copies_threshold");  // apart, beside those of real tiles
    out["frechet_reconstructions"] = frechet_distance(space.describe(tiles.rebuilt), space.second);
    out["other_section"] = coverage_of(neighbourhood_scores(reference, space.other));
    out["frechet_ratio_to_other_section"] = out["frechet"]["value"].get<double>() / out["floor_other_section"]["frechet"].get<double>();
    return out;
}

void print(const char* format, const json& a, const json& b = 0.0, const json& c = 0.0, const json& d = 0.0) {
    std::printf(format, a.get<double>(), b.get<double>(), c.get<double>(), d.get<double>());
}

void print_interval(const char* name, const json& i) {
    std::printf("  %-34s", name);
    print("%.4g [%.4g, %.4g]\n", i.at("value"), i.at("lower"), i.at("upper"));
}

void print_space(const std::string& name, const json& s) {
    std::printf("%s\n", name.c_str());
    if (s.contains("frechet")) {
        const json& floor = s.at("floor_other_section");
        std::printf("  n = %d against %d\n", s.at("n_floor").get<int>(), s.at("n_floor").get<int>());
        print_interval("Frechet", s.at("frechet"));
        print("  … two halves of the slide          %.4g\n", s.at("frechet").at("floor"));
        print("  … other section                    %.4g (ratio %.2f)\n", floor.at("frechet"), s.at("frechet_ratio_to_other_section"));
        print("  … reconstructions                  %.4g\n", s.at("frechet_reconstructions"));
        print_interval("KID, unbiased", s.at("kid"));
        print("  … two halves / other section       %.4g / %.4g\n", s.at("kid").at("floor"), floor.at("kid"));
        print("  precision / recall                 %.3f / %.3f; ", s.at("precision"), s.at("recall"));
        print("density / coverage %.3f / %.3f\n", s.at("density"), s.at("coverage"));
        const json& c = s.at("other_section");
        print("  … of the other section             %.3f / %.3f;          %.3f / %.3f\n", c.at("precision"), c.at("recall"), c.at("density"), c.at("coverage"));
    }
    if (s.contains("copies"))
        for (const auto& [of, share] : s.at("copies").items()) {
            std::printf("  near copies, %-21s ", of.c_str());
            print("%.4f [%.4f, %.4f]\n", share.at("share"), share.at("lower"), share.at("upper"));
        }
}

void print_composition(const json& composition) {
    std::printf("Nuclei: Wasserstein distance to the slide, of the model's tiles and of the other section\n");
    for (const auto& [name, model] : composition.at("synthetic").items()) {
        const json& other = composition.at("other_section").at(name);
        std::printf("  %-26s", name.c_str());
        print("%.4g [%.4g, %.4g]; ", model.at("value"), model.at("lower"), model.at("upper"));
        print("other %.4g [%.4g, %.4g]; halves %.4g; ", other.at("value"), other.at("lower"), other.at("upper"), model.at("floor"));
        print("means: slide %.4g, model %.4g, other %.4g\n", model.at("mean_real"), model.at("mean_synthetic"), other.at("mean_synthetic"));
    }
}

// Real tiles above the model's, each block under its name.
void write_sheet(const fs::path& path, const TileSet& real, const TileSet& synthetic, const std::string& slide) {
    constexpr int kColumns = 12, kShown = 36, kBar = 34;
    const auto block = [&](const TileSet& tiles, const std::string& title) {
        TileSet some;
        for (std::size_t i = 0; i < std::min<std::size_t>(tiles.count(), kShown); ++i) some.append(tiles.image(i));
        Image sheet = contact_sheet(some, kColumns);
        cv::Mat out(sheet.height + kBar, sheet.width, CV_8UC3, cv::Scalar(255, 255, 255));
        cv::cvtColor(cv::Mat(sheet.height, sheet.width, CV_8UC3, sheet.rgb.data()), out.rowRange(kBar, out.rows), cv::COLOR_RGB2BGR);
        cv::putText(out, title, {6, kBar - 10}, cv::FONT_HERSHEY_SIMPLEX, 0.8, cv::Scalar(0, 0, 0), 2, cv::LINE_AA);
        return out;
    };
    cv::Mat both;
    cv::vconcat(block(real, "Real: " + slide + ", not trained on, random places"), block(synthetic, "Synthetic: central model without genes, first seeds, none left out"), both);
    std::vector<std::uint8_t> bytes;
    cv::imencode(".jpg", both, bytes, {cv::IMWRITE_JPEG_QUALITY, 85});
    write_file(path, std::string(bytes.begin(), bytes.end()));
}

int run(const Options& o) {
    const CentralInfo tile = central_info(o.central);
    std::vector<std::unique_ptr<TileEncoder>> encoders;
    encoders.push_back(TileEncoder::load(o.central));
    if (!o.outside.empty()) encoders.push_back(TileEncoder::load(o.outside));
    std::vector<Space> spaces;
    for (const auto& encoder : encoders) spaces.push_back({encoder->name(), [e = encoder.get()](const TileSet& t) { return e->encode(t, {}); }, true, spaces.empty()});
    ComputeParams compute;
    compute.device = "cpu";
    compute.threads = o.threads;
    const auto latents = latent_features(o.central, compute);
    spaces.push_back({latents->name(), [&](const TileSet& t) { return latents->encode(t, {}); }, false, true});

    Tiles tiles;
    const TileSet real = random_tiles(open_source(o.slide, o.mpp), tile, 2 * o.n, 1);
    for (int i = 0; i < 2 * o.n; ++i) (i < o.n ? tiles.first : tiles.second).append(real.image(static_cast<std::size_t>(i)));
    tiles.other = random_tiles(open_source(o.other, o.mpp), tile, o.n, 2);
    tiles.rebuilt = reconstruct(o.central, o.threads, tiles.first);
    json report = {{"central", o.central.filename().string()}, {"sha256", central_id(o.central)}, {"n", o.n}, {"psnr_db", psnr(tiles.first, tiles.rebuilt)}};

    say("drawing " + std::to_string(o.n) + " tiles");
    SampleParams sampling = default_sampling(tile);
    sampling.compute.threads = o.threads;
    std::vector<std::uint64_t> seeds;
    for (int i = 0; i < o.n; ++i) seeds.push_back(static_cast<std::uint64_t>(i));
    const auto start = std::chrono::steady_clock::now();
    tiles.synthetic = synthesize_central(o.central, seeds, sampling, {});
    report["tiles_per_second"] = o.n / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (!o.sheet.empty()) write_sheet(o.sheet, tiles.first, tiles.synthetic, o.slide.filename().string());

    say("composition");
    const double tile_mpp = tile.tile_um / tile.tile_px;
    report["composition"] = {{"synthetic", json::parse(compare_composition(tiles.first, tiles.synthetic, tile_mpp, 0, {}).json())},
                             {"other_section", json::parse(compare_composition(tiles.first, tiles.other, tile_mpp, 0, {}).json())}};
    for (Space& space : spaces) {
        say("distances: " + space.name);
        space.first = space.describe(tiles.first), space.second = space.describe(tiles.second);
        space.other = space.describe(tiles.other), space.synthetic = space.describe(tiles.synthetic);
        report["spaces"][space.name] = distances_in(space, tiles);
    }
    if (!o.report.empty()) write_file(o.report, report.dump(2) + "\n");  // the rest takes longest
    report["training_tiles"] = describe_training(o, tile, spaces);
    for (const Space& space : spaces) {
        if (space.train_views.rows == 0) continue;
        say("copies: " + space.name);
        report["spaces"][space.name]["copies"] = copies_in(space);
    }

    print("Autoencoder PSNR %.2f dB; sampling %.2f tiles/s without genes\n", report["psnr_db"], report["tiles_per_second"]);
    for (const Space& space : spaces) print_space(space.name, report["spaces"][space.name]);
    print_composition(report["composition"]);
    if (!o.report.empty()) write_file(o.report, report.dump(2) + "\n");
    return 0;
}

}  // namespace

int main(int argc, char** argv) try {
    return run(parse(argc, argv));
} catch (const Error& error) {
    std::cerr << error.line() << "\n";
    return 1;
}
