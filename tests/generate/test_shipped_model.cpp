// The shipped central model on tissue that it has never seen.
#include <c10/core/GradMode.h>

#include <QTest>
#include <cmath>

#include "dataset/pairing.h"
#include "generate/central.h"
#include "generate/generate.h"
#include "nn/device.h"
#include "nn/layers.h"
#include "real_data.h"
#include "slide/slide.h"

using namespace c2l;

namespace {

constexpr std::size_t kTiles = 48;
constexpr double kLeastPsnr = 28;  // dB; 33 measured. A wrong scale, channel order or latent statistics fall far below

// Spread evenly over the tissue.
TileSet tissue_tiles(const std::filesystem::path& path, double mpp, const CentralInfo& tile) {
    OpenOptions options;
    options.mpp = mpp;
    const auto slide = Slide::open(path, options, {});
    const auto reader = make_tile_reader(slide);
    const TissueGrid grid = tissue_grid(*slide, find_tissue(*slide, {}), tile.tile_um, 0.7);
    TileSet tiles;
    for (std::size_t i = 0; i < std::min(kTiles, grid.x.size()); ++i) {
        const std::size_t k = i * grid.x.size() / std::min(kTiles, grid.x.size());
        tiles.append(reader->read(grid.x[k], grid.y[k], tile.tile_um, tile.tile_px));
    }
    return tiles;
}

TileSet rebuilt(const generate::Central& central, const TileSet& tiles) {
    c10::NoGradGuard no_grad;
    TileSet out = tiles;
    nn::tensor_to_tiles(central.decode(central.encode(nn::tiles_to_tensor(tiles.tile(0), static_cast<std::int64_t>(tiles.count()), tiles.size))), out.tile(0));
    return out;
}

double psnr(const TileSet& a, const TileSet& b) {
    double error = 0;
    for (std::size_t i = 0; i < a.rgb.size(); ++i) error += std::pow(double(a.rgb[i]) - double(b.rgb[i]), 2);
    return 10 * std::log10(255.0 * 255.0 / (error / static_cast<double>(a.rgb.size())));
}

}  // namespace

class TestShippedModel : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void autoencoder_keeps_unseen_tissue() {
        C2L_REAL_DATA(slide, "data/her2st/images/C5.jpg");
        const std::filesystem::path weights = C2L_SOURCE_DIR "/resources/models/central-tiny/central-tiny.safetensors";
        const CentralInfo tile = central_info(weights);
        const TileSet real = tissue_tiles(slide, 0.687, tile);
        QCOMPARE(real.count(), kTiles);
        const double value = psnr(real, rebuilt(generate::Central::load(weights, nn::open_device("cpu", 0)), real));
        qInfo("%.2f dB", value);
        QVERIFY2(value >= kLeastPsnr, std::to_string(value).c_str());
    }
};

QTEST_GUILESS_MAIN(TestShippedModel)
#include "test_shipped_model.moc"
