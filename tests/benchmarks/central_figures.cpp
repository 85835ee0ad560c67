// The figures of a central model on a slide that it was not trained on: autoencoder PSNR, and the Fréchet distance of its unconditional
// tiles beside yardsticks. Usage: central_figures CENTRAL.safetensors ENCODER.safetensors MPP SLIDE OTHER_SLIDE N SHEET.png
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
    if (argc != 8) {
        std::cerr << "usage: central_figures CENTRAL ENCODER MPP SLIDE OTHER_SLIDE N SHEET.png\n";
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
    TileSet sheet;
    for (int i = 0; i < std::min(n, 24); ++i) sheet.append(first.image(static_cast<std::size_t>(i)));
    for (int i = 0; i < std::min(n, 24); ++i) sheet.append(synthetic.image(static_cast<std::size_t>(i)));
    write_file(argv[7], encode_png(contact_sheet(sheet, 12)));
    return 0;
} catch (const Error& error) {
    std::cerr << error.line() << "\n";
    return 1;
}
