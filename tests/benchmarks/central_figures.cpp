// The figures of a central model on a slide that it was not trained on: autoencoder PSNR, and the Fréchet distance of its unconditional
// tiles beside yardsticks; with TRAIN_SLIDEs also how many of its tiles are nearer to one of theirs (8 orientations, every half tile) than
// one in a hundred real tiles of SLIDE is. Usage: central_figures CENTRAL ENCODER MPP SLIDE OTHER_SLIDE N SHEET.png [TRAIN_SLIDE…]
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cmath>
#include <iostream>

#include "base/error.h"
#include "base/file.h"
#include "base/png.h"
#include "base/random.h"
#include "dataset/pairing.h"
#include "generate/central.h"
#include "generate/generate.h"
#include "nn/device.h"
#include "nn/tile_encoder.h"
#include "quality/quality.h"

using namespace c2l;

namespace {

TileSet tissue_tiles(const std::filesystem::path& path, double mpp, int n, std::uint64_t seed) {
    OpenOptions options;
    options.mpp = mpp;
    const auto slide = Slide::open(path, options, {});
    const auto mask = find_tissue(*slide, {});
    const auto reader = make_tile_reader(slide);
    const double side = kTileUm / mpp;
    Random random(seed);
    TileSet tiles;
    while (static_cast<int>(tiles.count()) < n) {
        const double x = random.uniform(0, static_cast<double>(slide->info().width)), y = random.uniform(0, static_cast<double>(slide->info().height));
        if (mask.coverage(x, y, side) > 0.7) tiles.append(reader->read(x, y, kTileUm, kTileSize));
    }
    return tiles;
}

// Features of all tissue of a slide that was trained on, in 8 orientations, in parts that fit into memory.
Matrix views_of(const std::filesystem::path& path, double mpp, const TileEncoder& encoder) {
    OpenOptions options;
    options.mpp = mpp;
    const auto slide = Slide::open(path, options, {});
    const auto reader = make_tile_reader(slide);
    const auto grid = tissue_grid(*slide, find_tissue(*slide, {}), kTileUm / 2);
    Matrix all;
    for (std::size_t i = 0; i < grid.x.size(); i += 256) {
        TileSet part;
        for (std::size_t k = i; k < std::min(i + 256, grid.x.size()); ++k) part.append(reader->read(grid.x[k], grid.y[k], kTileUm, kTileSize));
        const Matrix features = encoder.encode(dihedral_views(part), {});
        all.cols = features.cols;
        all.rows += features.rows;
        all.values.insert(all.values.end(), features.values.begin(), features.values.end());
    }
    return all;
}

TileSet reconstruct(const std::filesystem::path& central, const TileSet& tiles) {
    const auto model = generate::Central::load(central, nn::open_device("cpu", 0));
    c10::NoGradGuard no_grad;
    TileSet out = tiles;
    for (std::size_t i = 0; i < tiles.count(); i += 32) {
        const auto n = static_cast<std::int64_t>(std::min<std::size_t>(32, tiles.count() - i));
        nn::tensor_to_tiles(model.decode(model.encode(nn::tiles_to_tensor(tiles.tile(i), n, tiles.size))), out.tile(i));
    }
    return out;
}

double psnr(const TileSet& a, const TileSet& b) {
    double error = 0;
    for (std::size_t i = 0; i < a.rgb.size(); ++i) error += std::pow(double(a.rgb[i]) - double(b.rgb[i]), 2);
    return 10 * std::log10(255.0 * 255.0 / (error / static_cast<double>(a.rgb.size())));
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc < 8) {
        std::cerr << "usage: central_figures CENTRAL ENCODER MPP SLIDE OTHER_SLIDE N SHEET.png [TRAIN_SLIDE...]\n";
        return 2;
    }
    const std::filesystem::path central = argv[1];
    const auto encoder = TileEncoder::load(argv[2]);
    const double mpp = std::stod(argv[3]);
    const int n = std::stoi(argv[6]);
    const auto real = tissue_tiles(argv[4], mpp, 2 * n, 1), other = tissue_tiles(argv[5], mpp, n, 2);
    std::vector<std::uint64_t> seeds;
    for (int i = 0; i < n; ++i) seeds.push_back(static_cast<std::uint64_t>(i));
    const EtaClock clock;
    const auto synthetic = synthesize_central(central, seeds, {}, {});
    const double seconds = clock.elapsed_s();
    TileSet first, second;
    for (int i = 0; i < 2 * n; ++i) (i < n ? first : second).append(real.image(static_cast<std::size_t>(i)));
    const auto rebuilt = reconstruct(central, first);
    const auto reference = encoder->encode(second, {});
    const auto distance = [&](const TileSet& tiles) { return frechet_distance(encoder->encode(tiles, {}), reference); };
    std::cout << "encoder " << encoder->name() << ", n = " << n << "\n"
              << "autoencoder PSNR            " << psnr(first, rebuilt) << " dB\n"
              << "Frechet, same slide         " << distance(first) << "\n"
              << "Frechet, other slide        " << distance(other) << "\n"
              << "Frechet, reconstructions    " << distance(rebuilt) << "\n"
              << "Frechet, central samples    " << distance(synthetic) << "\n"
              << "sampling                    " << n / seconds << " tiles/s (Heun 10, no guidance)\n";
    Matrix views;
    for (int i = 8; i < argc; ++i) {
        const Matrix part = views_of(argv[i], mpp, *encoder);
        views.cols = part.cols;
        views.rows += part.rows;
        views.values.insert(views.values.end(), part.values.begin(), part.values.end());
    }
    if (views.rows > 0) {
        const auto copies = check_copies(encoder->encode(synthetic, {}), views, encoder->encode(real, {}), {});
        std::cout << "near copies                 " << 100 * copies.fraction << " % of " << n << " (training tiles in 8 orientations: " << views.rows << ")\n";
    }
    TileSet sheet;
    for (int i = 0; i < std::min(n, 24); ++i) sheet.append(first.image(static_cast<std::size_t>(i)));
    for (int i = 0; i < std::min(n, 24); ++i) sheet.append(synthetic.image(static_cast<std::size_t>(i)));
    write_file(argv[7], encode_png(contact_sheet(sheet, 12)));
    return 0;
} catch (const Error& error) {
    std::cerr << error.line() << "\n";
    return 1;
}
