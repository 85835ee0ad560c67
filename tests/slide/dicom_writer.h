// DICOM whole-slide images written byte by byte, of every kind and as broken as a test wants them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace c2l::test {

namespace syntax {
constexpr const char *kImplicit = "1.2.840.10008.1.2", *kExplicit = "1.2.840.10008.1.2.1", *kBigEndian = "1.2.840.10008.1.2.2", *kJpeg = "1.2.840.10008.1.2.4.50",
                     *kJpegLs = "1.2.840.10008.1.2.4.80", *kJpeg2000 = "1.2.840.10008.1.2.4.90", *kRle = "1.2.840.10008.1.2.5";
}

// A data set in the order of its tags. Values are padded to an even length.
class DicomItem {
public:
    DicomItem& set(std::uint32_t tag, const char* vr, std::string value);
    DicomItem& u16(std::uint32_t tag, int value);
    DicomItem& u32(std::uint32_t tag, std::uint32_t value);
    DicomItem& sequence(std::uint32_t tag, const std::vector<DicomItem>& items);
    DicomItem& remove(std::uint32_t tag);
    std::string bytes(bool implicit) const;

private:
    struct Value {
        std::string vr, bytes;
        std::vector<DicomItem> items;
    };
    std::map<std::uint32_t, Value> values_;
};

struct DicomKind {
    std::string syntax = syntax::kExplicit;
    std::string flavour = "VOLUME", photometric = "RGB", series = "1.2.3.4", instance = "1.2.3.4.5";
    int width = 0, height = 0, tile = 64, channels = 3, planar = 0;
    bool sparse = false;
    std::vector<std::pair<int, int>> positions = {};  // sparse: column and row of each frame, level pixels from 0
    std::vector<double> z = {};                       // sparse: of each frame; empty: all 0
    std::string concatenation = {};
    int first_frame = 0;
    int focal_planes = 1;
    double mm_per_pixel = 0.0005;
};

// The header of a whole-slide image of `frames` frames, to which a test may add or from which it may remove.
DicomItem dicom_header(const DicomKind& kind, std::size_t frames);
// The frames as they are (raw), or each in `fragments` pieces, with or without a table of where they begin.
std::string dicom_pixels(const DicomKind& kind, const std::vector<std::string>& frames, int fragments = 1, bool table = true);
std::string dicom_file(const DicomKind& kind, const DicomItem& header, const std::string& pixels);
std::string dicom_file(const DicomKind& kind, const std::vector<std::string>& frames);

// RLE Lossless of `channels` interleaved channels.
std::string encode_rle(const std::vector<std::uint8_t>& samples, int channels);

}  // namespace c2l::test
