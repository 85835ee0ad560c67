#include "pipeline/picture.h"

#include <array>
#include <cstring>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "base/error.h"
#include "base/file.h"

namespace c2l {

namespace fs = std::filesystem;

namespace {

cv::Mat view(const Image& image) { return {image.height, image.width, CV_8UC3, const_cast<std::uint8_t*>(image.rgb.data())}; }

std::uint32_t crc32(const std::string& bytes) {
    std::uint32_t crc = ~0u;
    for (const unsigned char c : bytes) {
        crc ^= c;
        for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0u);
    }
    return ~crc;
}

std::string big_endian(std::uint32_t value) {
    return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8), static_cast<char>(value)};
}

// Width and height from the headers of the formats that are read, before a decoder takes memory for them.
std::int64_t pixels_of(const std::string& data) {
    const auto byte = [&](std::size_t i) { return static_cast<std::int64_t>(static_cast<unsigned char>(data[i])); };
    if (data.size() > 24 && data.compare(1, 3, "PNG") == 0) {
        const auto number = [&](std::size_t i) { return byte(i) << 24 | byte(i + 1) << 16 | byte(i + 2) << 8 | byte(i + 3); };
        const std::int64_t width = number(16), height = number(20);
        return height > 0 && width > (std::int64_t{1} << 62) / height ? std::int64_t{1} << 62 : width * height;
    }
    if (data.size() > 4 && byte(0) == 0xff && byte(1) == 0xd8) {
        for (std::size_t i = 2; i + 9 < data.size();) {
            if (byte(i) != 0xff) return -1;
            const auto marker = byte(i + 1);
            if (marker == 0xff) {
                ++i;
                continue;
            }
            if (marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc)
                return (byte(i + 5) << 8 | byte(i + 6)) * (byte(i + 7) << 8 | byte(i + 8));
            i += 2 + static_cast<std::size_t>(byte(i + 2) << 8 | byte(i + 3));
        }
        return -1;
    }
    return 0;  // another format: the decoder's own limits hold
}

}  // namespace

std::string encode_png(const Image& image, const std::string& description) {
    cv::Mat bgr;
    cv::cvtColor(view(image), bgr, cv::COLOR_RGB2BGR);
    std::vector<std::uint8_t> bytes;
    if (!cv::imencode(".png", bgr, bytes)) throw Error(ErrorCode::Internal, "an image could not be encoded as PNG");
    std::string png(bytes.begin(), bytes.end());
    if (!description.empty()) {
        const std::string chunk = std::string("tEXtDescription") + '\0' + description;
        constexpr std::size_t kAfterHeader = 8 + 25;  // signature and IHDR
        png.insert(kAfterHeader, big_endian(static_cast<std::uint32_t>(chunk.size() - 4)) + chunk + big_endian(crc32(chunk)));
    }
    return png;
}

void write_png(const fs::path& path, const Image& image, const std::string& description) { write_file(path, encode_png(image, description)); }

Image read_picture(const fs::path& path, std::int64_t max_pixels) {
    const std::string data = read_file(path, std::uint64_t{1} << 30);
    const std::int64_t pixels = pixels_of(data);
    if (pixels < 0) throw Error(ErrorCode::BadInput, "is a damaged image; replace it", path);
    if (pixels > max_pixels) throw Error(ErrorCode::BadInput, "is too large to be read at once; give it as a slide", path);
    cv::Mat bgr;
    try {
        bgr = cv::imdecode(cv::Mat(1, static_cast<int>(data.size()), CV_8UC1, const_cast<char*>(data.data())), cv::IMREAD_COLOR);
    } catch (const cv::Exception& failed) {
        throw Error(ErrorCode::BadInput, "is a damaged image; replace it", path, failed.err);
    }
    if (bgr.empty()) throw Error(ErrorCode::BadInput, "is not an image that can be read; use PNG, JPEG or TIFF", path);
    if (static_cast<std::int64_t>(bgr.total()) > max_pixels) throw Error(ErrorCode::BadInput, "is too large to be read at once; give it as a slide", path);
    Image image(bgr.cols, bgr.rows);
    cv::Mat rgb = view(image);
    cv::cvtColor(bgr, rgb, cv::COLOR_BGR2RGB);
    return image;
}

Image resize(const Image& image, int width, int height) {
    if (image.width == width && image.height == height) return image;
    Image out(width, height);
    cv::Mat target = view(out);
    const bool shrinks = width <= image.width && height <= image.height;
    cv::resize(view(image), target, target.size(), 0, 0, shrinks ? cv::INTER_AREA : cv::INTER_LINEAR);
    return out;
}

Image contact_sheet(const TileSet& tiles, std::size_t first, std::size_t count, int columns) {
    constexpr int kGap = 4;
    count = std::min(count, tiles.count() - std::min(first, tiles.count()));
    if (count == 0) return Image(1, 1);
    const int rows = static_cast<int>((count + columns - 1) / columns), step = tiles.size + kGap;
    Image sheet(columns * step - kGap, rows * step - kGap);
    for (std::size_t i = 0; i < count; ++i) {
        const int x = static_cast<int>(i % columns) * step, y = static_cast<int>(i / columns) * step;
        const std::size_t line = static_cast<std::size_t>(tiles.size) * 3;
        for (int r = 0; r < tiles.size; ++r) std::memcpy(sheet.at(x, y + r), tiles.tile(first + i) + r * line, line);
    }
    return sheet;
}

std::string base64(const std::string& bytes) {
    static const char* digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t group = 0;
        for (std::size_t k = 0; k < 3; ++k) group = group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
        for (std::size_t k = 0; k < 4; ++k) out += i + k > bytes.size() ? '=' : digits[group >> (18 - 6 * k) & 63];
    }
    return out;
}

}  // namespace c2l
