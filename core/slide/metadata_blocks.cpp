#include "slide/metadata_blocks.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <string_view>

#include "base/error.h"

namespace c2l {

namespace fs = std::filesystem;

namespace {

using Blocks = std::vector<MetadataBlock>;
constexpr int kMaxBlocks = 2000;

// The texts of an EXIF block (a TIFF in memory): those of its first directory and of the EXIF directory below.
class Exif {
public:
    Exif(std::string_view data, Blocks& out) : data_(data), out_(out) {
        if (data_.size() < 8) return;
        little_ = data_[0] == 'I';
        read(number(4, 4), 0);
    }

private:
    std::uint32_t number(std::size_t at, int bytes) const {
        std::uint32_t value = 0;
        if (at > data_.size() || data_.size() - at < static_cast<std::size_t>(bytes)) return 0;
        for (int i = 0; i < bytes; ++i)
            value |= std::uint32_t{static_cast<unsigned char>(data_[at + static_cast<std::size_t>(i)])}
                     << 8 * (little_ ? i : bytes - 1 - i);
        return value;
    }

    static const char* name_of(std::uint32_t tag) {
        switch (tag) {
            case 0x010E:
                return "ImageDescription";
            case 0x010F:
                return "Make";
            case 0x0110:
                return "Model";
            case 0x0132:
                return "DateTime";
            case 0x013B:
                return "Artist";
            case 0x013C:
                return "HostComputer";
            case 0x8298:
                return "Copyright";
            case 0x9003:
                return "DateTimeOriginal";
            case 0x9004:
                return "DateTimeDigitized";
            case 0xA420:
                return "ImageUniqueID";
            case 0xA430:
                return "CameraOwnerName";
            case 0xA431:
                return "BodySerialNumber";
            case 0xA435:
                return "LensSerialNumber";
            default:
                return nullptr;
        }
    }

    void read(std::size_t at, int depth) {
        const std::uint32_t entries = number(at, 2);
        for (std::uint32_t i = 0; i < entries; ++i) {
            const std::size_t entry = at + 2 + std::size_t{12} * i;
            if (entry + 12 > data_.size()) return;
            const std::uint32_t tag = number(entry, 2), count = number(entry + 4, 4);
            if (tag == 0x8769 && depth == 0) read(number(entry + 8, 4), 1);
            if (tag == 0x8825) out_.push_back({"EXIF", "GPS", true, "the place where the picture was taken", 0});
            if (tag == 0x9286) out_.push_back({"EXIF", "UserComment", false, {}, count});
            const char* name = name_of(tag);
            if (!name || number(entry + 2, 2) != 2) continue;  // texts only
            const std::size_t from = count <= 4 ? entry + 8 : number(entry + 8, 4);
            if (from > data_.size() || count > data_.size() - from) continue;
            const std::string_view text = data_.substr(from, count);
            out_.push_back({"EXIF", name, true, std::string(text.substr(0, text.find('\0'))), 0});
        }
    }

    std::string_view data_;
    Blocks& out_;
    bool little_ = false;
};

bool begins(std::string_view data, std::string_view with) { return data.substr(0, with.size()) == with; }

void read_jpeg(std::istream& in, Blocks& out) {
    in.seekg(2);
    for (int i = 0; i < kMaxBlocks; ++i) {
        std::array<unsigned char, 4> head{};
        if (!in.read(reinterpret_cast<char*>(head.data()), 4) || head[0] != 0xFF) return;
        const int marker = head[1];
        const std::size_t length = static_cast<std::size_t>(head[2]) << 8 | head[3];
        if (marker == 0xDA || marker == 0xD9 || length < 2) return;  // pixels begin
        std::string data(length - 2, '\0');
        if (!in.read(data.data(), static_cast<std::streamsize>(data.size()))) return;
        if (marker == 0xFE) out.push_back({"JPEG", "comment", true, data, 0});
        if (marker == 0xE1 && begins(data, std::string_view("Exif\0\0", 6))) Exif(std::string_view(data).substr(6), out);
        if (marker == 0xE1 && begins(data, "http://ns.adobe.com/")) out.push_back({"JPEG", "XMP", false, {}, data.size()});
        if (marker == 0xED) out.push_back({"JPEG", "IPTC", false, {}, data.size()});
    }
}

void read_png(std::istream& in, Blocks& out) {
    in.seekg(8);
    for (int i = 0; i < kMaxBlocks; ++i) {
        std::array<unsigned char, 8> head{};
        if (!in.read(reinterpret_cast<char*>(head.data()), 8)) return;
        const std::uint32_t length = static_cast<std::uint32_t>(head[0]) << 24 | static_cast<std::uint32_t>(head[1]) << 16 |
                                     static_cast<std::uint32_t>(head[2]) << 8 | head[3];
        const std::string type(reinterpret_cast<const char*>(head.data()) + 4, 4);
        const auto here = in.tellg();
        const bool wanted = type == "tEXt" || type == "zTXt" || type == "iTXt" || type == "eXIf" || type == "tIME";
        if (wanted && length <= (1u << 20)) {
            std::string data(length, '\0');
            if (!in.read(data.data(), static_cast<std::streamsize>(length))) return;
            const std::string key = data.substr(0, data.find('\0'));
            if (type == "tEXt" && key.size() < data.size()) out.push_back({"PNG", key, true, data.substr(key.size() + 1), 0});
            if (type == "zTXt" || type == "iTXt") out.push_back({"PNG", key, false, {}, data.size() - key.size()});
            if (type == "eXIf") Exif(data, out);
            if (type == "tIME" && length == 7) {
                const auto byte = [&](std::size_t at) { return static_cast<int>(static_cast<unsigned char>(data[at])); };
                out.push_back({"PNG", "tIME", true,
                               std::to_string(byte(0) * 256 + byte(1)) + "-" + std::to_string(byte(2)) + "-" + std::to_string(byte(3)), 0});
            }
        } else if (wanted) {
            out.push_back({"PNG", type, false, {}, length});
        }
        if (type == "IEND") return;
        in.clear();
        in.seekg(here + (static_cast<std::streamoff>(length) + 4));
    }
}

}  // namespace

std::vector<MetadataBlock> metadata_blocks(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    std::array<char, 8> head{};
    in.read(head.data(), head.size());
    in.clear();
    Blocks out;
    const std::string_view start(head.data(), head.size());
    if (begins(start, "\xff\xd8\xff"))
        read_jpeg(in, out);
    else if (begins(start, "\x89PNG\r\n\x1a\n"))
        read_png(in, out);
    else
        throw Error(ErrorCode::Unsupported, "is not an image that can be read; use a slide that OpenSlide knows, a JPEG, a PNG or a TIFF",
                    path);
    return out;
}

}  // namespace c2l
