// Pixels of a slide, its stain, and the pixels in other colours, for tests/peers/stains.py to compare with other programs.
//
//   stain_pixels SLIDE FOLDER
//
// Writes FOLDER/original.rgb, macenko.rgb, reinhard.rgb and haematoxylin.rgb (grey), 8-bit RGB, and prints the stain as JSON.
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "slide/stain_transform.h"

namespace {

nlohmann::json record(const c2l::StainProfile& p) {
    return {{"haematoxylin", p.vectors.haematoxylin}, {"eosin", p.vectors.eosin}, {"amount", p.amount}, {"mean", p.mean}, {"sd", p.sd}};
}

void write(const std::filesystem::path& file, const c2l::Image& image) { c2l::write_file(file, std::string(image.rgb.begin(), image.rgb.end())); }

}  // namespace

int main(int argc, char** argv) {
    using namespace c2l;
    if (argc != 3) return std::fprintf(stderr, "usage: stain_pixels SLIDE FOLDER\n"), 2;
    try {
        const auto slide = Slide::open(argv[1], {}, {});
        const double w = static_cast<double>(slide->info().width), h = static_cast<double>(slide->info().height);
        const double side = std::min({w, h, 1600.0});
        const Image pixels = slide->read({w / 3, h / 3, side, side}, 800, 800);
        const StainProfile profile = estimate_stains(pixels);
        const std::filesystem::path folder = argv[2];
        for (const StainLook& look : {StainLook{StainView::Original}, StainLook{StainView::Macenko}, StainLook{StainView::Reinhard}, StainLook{StainView::Haematoxylin, false, true}}) {
            Image seen = pixels;
            StainTransform(look, &profile).apply(seen);
            write(folder / (to_string(look.view) + ".rgb"), seen);
        }
        nlohmann::json out = record(profile);
        out["width"] = pixels.width;
        out["height"] = pixels.height;
        out["target"] = record(stain_target());
        out["standard"] = {{"haematoxylin", standard_stain_vectors().haematoxylin}, {"eosin", standard_stain_vectors().eosin}};
        std::printf("%s\n", out.dump().c_str());
        return 0;
    } catch (const Error& e) {
        std::fprintf(stderr, "stain_pixels: %s\n", e.line().c_str());
        return 1;
    }
}
