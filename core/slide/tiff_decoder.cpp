#include "slide/tiff_decoder.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>

#include "base/error.h"
#include "slide/block_codecs.h"
#include "slide/tiff_handle.h"

namespace c2l {

namespace fs = std::filesystem;

namespace {

constexpr const char* kDamaged = "a part of the slide cannot be decoded; the file is damaged, copy or export it again";

std::size_t raw_bytes(const TiffImage& image) {
    return static_cast<std::size_t>(image.block_width * image.block_height) *
           static_cast<std::size_t>(image.separate_planes ? 1 : image.layout.channels) * static_cast<std::size_t>(image.layout.bits / 8);
}

// A libtiff handle that knows at which directory it stands; going to another one reads its tables again.
struct Reader {
    std::string message;
    TiffHandle tiff;
    std::uint64_t directory = 0;
};

}  // namespace

struct TiffDecoder::Files {
    int file = -1;
    std::mutex mutex;
    std::vector<std::unique_ptr<Reader>> idle;

    ~Files() {
        if (file >= 0) close(file);
    }

    std::unique_ptr<Reader> take(const fs::path& path, std::uint64_t directory) {
        std::unique_ptr<Reader> reader;
        {
            const std::lock_guard lock(mutex);
            const auto same = std::find_if(idle.begin(), idle.end(), [&](const auto& r) { return r->directory == directory; });
            const auto at = same != idle.end() ? same : idle.begin();
            if (at != idle.end()) {
                reader = std::move(*at);
                idle.erase(at);
            }
        }
        if (!reader) {
            reader = std::make_unique<Reader>();
            reader->tiff = open_tiff(path, "rO", reader->message);  // O: block tables are looked up, not loaded
        }
        reader->message.clear();
        if (!reader->tiff || (reader->directory != directory && !TIFFSetSubDirectory(reader->tiff.get(), directory)))
            throw Error(ErrorCode::BadInput, kDamaged, path, reader->message);
        reader->directory = directory;
        return reader;
    }
    void give_back(std::unique_ptr<Reader> reader) {
        const std::lock_guard lock(mutex);
        if (idle.size() < 16) idle.push_back(std::move(reader));
    }
};

TiffDecoder::TiffDecoder(const fs::path& path) : path_(path), files_(std::make_unique<Files>()) {
    files_->file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (files_->file < 0) throw Error(ErrorCode::Io, "cannot be read; check the permissions", path);
}

TiffDecoder::~TiffDecoder() = default;

namespace {

// The file's bytes of one block.
std::vector<std::uint8_t> read_bytes(int file, const TiffImage& image, std::size_t index, const fs::path& path) {
    const std::uint64_t bytes = image.bytes[index];
    if (bytes > 4 * raw_bytes(image) + (1 << 20)) throw Error(ErrorCode::BadInput, kDamaged, path, "a tile is larger than its pixels");
    std::vector<std::uint8_t> data(bytes);
    for (std::size_t done = 0; done < data.size();) {
        const ssize_t n = pread(file, data.data() + done, data.size() - done, static_cast<off_t>(image.offsets[index] + done));
        if (n <= 0) throw Error(ErrorCode::Io, "a part of the slide cannot be read; check the disk", path);
        done += static_cast<std::size_t>(n);
    }
    return data;
}

bool is_jp2k(const TiffImage& image) {
    return image.compression == 33003 || image.compression == 33005 || image.compression == COMPRESSION_JP2000;
}

void read_by_libtiff(Reader& reader, const TiffImage& image, std::size_t index, Block& block, const fs::path& path) {
    TIFF* t = reader.tiff.get();
    const tmsize_t needs = image.tiled ? TIFFTileSize(t) : TIFFStripSize(t);
    if (needs < 0 || static_cast<std::size_t>(needs) != block.samples.size())
        throw Error(ErrorCode::BadInput, kDamaged, path, reader.message);
    const auto number = static_cast<std::uint32_t>(index);
    const tmsize_t got = image.tiled ? TIFFReadEncodedTile(t, number, block.samples.data(), needs)
                                     : TIFFReadEncodedStrip(t, number, block.samples.data(), needs);
    if (got < 0) throw Error(ErrorCode::BadInput, kDamaged, path, reader.message);
}

// Plane c of separate planes goes to channel c of the whole.
void weave(const Block& plane, int c, Block& whole) {
    const std::size_t bytes = static_cast<std::size_t>(whole.bits / 8), step = bytes * static_cast<std::size_t>(whole.channels);
    const std::uint8_t* from = plane.samples.data();
    for (std::uint8_t* to = whole.samples.data() + bytes * static_cast<std::size_t>(c); from < plane.samples.data() + plane.samples.size();
         to += step, from += bytes)
        std::copy_n(from, bytes, to);
}

}  // namespace

Image TiffDecoder::decode(const TiffImage& image, std::int64_t bx, std::int64_t by) const {
    const auto decode_one = [&](std::size_t index, Block& block) {
        if (image.compression != COMPRESSION_JPEG && !is_jp2k(image)) {
            auto reader = files_->take(path_, image.directory);
            read_by_libtiff(*reader, image, index, block, path_);
            files_->give_back(std::move(reader));
            return;
        }
        const auto data = read_bytes(files_->file, image, index, path_);
        std::string why;
        const bool done = is_jp2k(image) ? decode_jp2k(data.data(), data.size(), image.ycbcr(), block, why)
                                         : decode_jpeg(data.data(), data.size(), image.jpeg_tables, image.ycbcr(), block, why);
        if (!done) throw Error(ErrorCode::BadInput, kDamaged, path_, why);
    };
    const SampleLayout& layout = image.layout;
    const auto width = static_cast<int>(image.block_width), height = static_cast<int>(image.block_height);
    const auto pixels = static_cast<std::size_t>(width) * static_cast<std::size_t>(height),
               depth = static_cast<std::size_t>(layout.bits / 8);
    const auto index = static_cast<std::size_t>(by * image.across() + bx);
    Image out;
    out.width = width;
    out.height = height;
    if (image.bytes[index] == 0) return Image(width, height);
    Block block{width, height, layout.channels, layout.bits, {}};
    block.samples.assign(pixels * depth * static_cast<std::size_t>(layout.channels), 255);
    if (image.separate_planes) {
        const auto per_plane = static_cast<std::size_t>(image.across() * image.down());
        const int needed = layout.colours + (layout.alpha != Alpha::None);  // further channels are not shown
        for (int c = 0; c < needed; ++c) {
            Block plane{width, height, 1, layout.bits, std::vector<std::uint8_t>(pixels * depth, 255)};
            if (image.bytes[index + static_cast<std::size_t>(c) * per_plane] > 0)
                decode_one(index + static_cast<std::size_t>(c) * per_plane, plane);
            weave(plane, c, block);
        }
    } else {
        decode_one(index, block);
    }
    if (layout.bits == 8 && layout.channels == 3 && layout.colours == 3) {
        out.rgb = std::move(block.samples);
    } else {
        out.rgb.resize(pixels * 3);
        samples_to_rgb(block.samples.data(), pixels, layout, out.rgb.data());
    }
    return out;
}

}  // namespace c2l
