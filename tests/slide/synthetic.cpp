#include "slide/synthetic.h"

#include <cmath>
#include <fstream>
#include <iterator>

#include "slide/pyramid.h"

namespace c2l::test {

namespace fs = std::filesystem;

double synthetic(double x, double y, int c) {
    const double u = x / 90.0, v = y / 70.0;
    return 128 + 60 * std::sin(u + c) + 50 * std::cos(v - 0.7 * c);
}

Image synthetic_image(int width, int height) {
    Image image(width, height);
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x)
            for (int c = 0; c < 3; ++c) image.at(x, y)[c] = static_cast<std::uint8_t>(std::lround(synthetic(x + 0.5, y + 0.5, c)));
    return image;
}

void write_synthetic_pyramid(const fs::path& path, int width, int height, std::optional<double> mpp) {
    const Image image = synthetic_image(width, height);
    write_pyramid(path, width, height, mpp,
                  [&](std::int64_t row, int rows, std::uint8_t* rgb) {
                      const auto bytes = static_cast<std::size_t>(width) * 3;
                      std::copy_n(image.rgb.data() + static_cast<std::size_t>(row) * bytes, bytes * static_cast<std::size_t>(rows), rgb);
                  },
                  {});
}

std::optional<Error> error_of(const std::function<void()>& call) {
    try {
        call();
    } catch (const Error& error) {
        return error;
    }
    return std::nullopt;
}

bool is_one_sentence(const Error& error) {
    const std::string line = error.line();
    return std::string(error.what()).size() > 10 && line.find('\n') == std::string::npos;
}

int files_in(const fs::path& folder) {
    if (!fs::exists(folder)) return 0;
    return static_cast<int>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

std::string slurp(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void spill(const fs::path& path, const std::string& data) { std::ofstream(path, std::ios::binary) << data; }

}  // namespace c2l::test
