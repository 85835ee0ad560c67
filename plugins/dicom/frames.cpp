#include "frames.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcrledec.h>

#include <algorithm>
#include <cstring>

#include "refusal.h"
#include "slide/block_codecs.h"
#include "slide/tiff_pixels.h"

namespace dicom {

namespace {

constexpr std::size_t kMaxFragments = 8'000'000;

std::uint32_t u32(const std::uint8_t* at) { return at[0] | at[1] << 8 | at[2] << 16 | static_cast<std::uint32_t>(at[3]) << 24; }

// Samples of a raw or run-length frame, channel by channel or interleaved, become RGB.
void to_rgb(const std::uint8_t* from, const Instance& in, bool planar, std::uint8_t* rgb) {
    const auto pixels = static_cast<std::size_t>(in.frame_width * in.frame_height);
    if (in.channels == 1) {
        for (std::size_t i = 0; i < pixels; ++i) rgb[3 * i] = rgb[3 * i + 1] = rgb[3 * i + 2] = in.colours == Colours::InvertedGrey ? static_cast<std::uint8_t>(255 - from[i]) : from[i];
        return;
    }
    if (in.colours == Colours::YbrFull422 && in.codec == Codec::Raw) {  // Y Y Cb Cr for each two pixels
        for (std::size_t i = 0; i < pixels; ++i) {
            const std::uint8_t* pair = from + i / 2 * 4;
            rgb[3 * i] = pair[i % 2];
            rgb[3 * i + 1] = pair[2];
            rgb[3 * i + 2] = pair[3];
        }
    } else if (planar) {
        for (std::size_t i = 0; i < pixels; ++i)
            for (std::size_t c = 0; c < 3; ++c) rgb[3 * i + c] = from[c * pixels + i];
    } else {
        std::memcpy(rgb, from, 3 * pixels);
    }
    if (in.colours == Colours::YbrFull || in.colours == Colours::YbrFull422) c2l::ycbcr_to_rgb(rgb, pixels, 3);
}

// One segment for each channel (PS3.5 annex G).
void decode_rle(std::vector<std::uint8_t> data, const Instance& in, std::uint8_t* rgb) {
    const auto pixels = static_cast<std::size_t>(in.frame_width * in.frame_height);
    if (data.size() < 64 || u32(data.data()) != static_cast<std::uint32_t>(in.channels)) damaged();
    std::vector<std::uint8_t> planes(pixels * static_cast<std::size_t>(in.channels));
    for (int c = 0; c < in.channels; ++c) {
        const std::size_t begin = u32(data.data() + 4 + 4 * c), end = c + 1 < in.channels ? u32(data.data() + 8 + 4 * c) : data.size();
        if (begin < 64 || begin > end || end > data.size()) damaged();
        DcmRLEDecoder decoder(pixels);
        decoder.decompress(data.data() + begin, end - begin);  // its status tells of padding, too; the size is what counts
        if (decoder.fail() || decoder.size() != pixels) damaged();
        std::memcpy(planes.data() + static_cast<std::size_t>(c) * pixels, decoder.getOutputBuffer(), pixels);
    }
    to_rgb(planes.data(), in, true, rgb);
}

}  // namespace

Frames::Frames(const Instance& instance) : instance_(instance) {
    const std::uint64_t pixels = static_cast<std::uint64_t>(instance.frame_width * instance.frame_height);
    if (instance.codec == Codec::Raw) {
        const bool halved = instance.colours == Colours::YbrFull422;
        if (halved && instance.frame_width % 2 != 0) damaged();
        raw_bytes_ = halved ? 2 * pixels : pixels * static_cast<std::uint64_t>(instance.channels);
        const std::uint64_t bytes = instance.outline.pixel_bytes;
        if (raw_bytes_ > bytes / static_cast<std::uint64_t>(instance.frames) || bytes > instance.file->size() - instance.outline.pixel_offset) damaged();
        return;
    }
    list_fragments();
}

void Frames::list_fragments() {
    const File& file = *instance_.file;
    std::vector<std::uint32_t> offsets;  // the basic offset table
    std::uint64_t at = instance_.outline.pixel_offset, base = 0;
    for (bool table = true;; table = false) {
        std::uint8_t head[8];
        file.read(at, head, sizeof head);
        const std::uint32_t tag = u32(head), bytes = u32(head + 4);
        at += sizeof head;
        if (tag == 0xE0DDFFFE) break;
        if (tag != 0xE000FFFE || bytes > file.size() - at || fragments_.size() >= kMaxFragments) damaged();
        if (table) {
            if (bytes % 4 != 0 || bytes / 4 > static_cast<std::uint64_t>(instance_.frames)) damaged();
            offsets.resize(bytes / 4);
            file.read(at, offsets.data(), bytes);
            base = at + bytes;
        } else {
            fragments_.push_back({at, bytes});
        }
        at += bytes;
    }
    if (fragments_.size() != static_cast<std::size_t>(instance_.frames)) join_fragments(offsets, base);
}

// Frames of several fragments: only the offset table tells where each begins.
void Frames::join_fragments(const std::vector<std::uint32_t>& offsets, std::uint64_t base) {
    const auto frames = static_cast<std::size_t>(instance_.frames);
    if (fragments_.size() < frames) damaged();
    if (frames == 1) {
        starts_ = {0, static_cast<std::uint32_t>(fragments_.size())};
        return;
    }
    if (offsets.size() != frames) unsupported("has frames in several fragments without a table of where they begin; convert it");
    for (const std::uint32_t offset : offsets) {
        const auto found = std::lower_bound(fragments_.begin(), fragments_.end(), base + offset + 8, [](const Fragment& f, std::uint64_t place) { return f.offset < place; });
        if (found == fragments_.end() || found->offset != base + offset + 8) damaged();
        const auto start = static_cast<std::uint32_t>(found - fragments_.begin());
        if (starts_.empty() ? start != 0 : start <= starts_.back()) damaged();
        starts_.push_back(start);
    }
    starts_.push_back(static_cast<std::uint32_t>(fragments_.size()));
}

std::vector<std::uint8_t> Frames::bytes_of(std::int64_t frame) const {
    if (frame < 0 || frame >= instance_.frames) damaged();
    const auto i = static_cast<std::size_t>(frame);
    std::vector<std::uint8_t> data;
    if (instance_.codec == Codec::Raw) {
        data.resize(raw_bytes_);
        instance_.file->read(instance_.outline.pixel_offset + i * raw_bytes_, data.data(), data.size());
        return data;
    }
    const std::size_t first = starts_.empty() ? i : starts_[i], end = starts_.empty() ? i + 1 : starts_[i + 1];
    const std::size_t most = 4 * 3 * static_cast<std::size_t>(instance_.frame_width * instance_.frame_height) + (1 << 20);  // no codec needs as much
    for (std::size_t f = first; f < end; ++f) {
        const std::size_t before = data.size();
        if (fragments_[f].bytes > most - before) damaged();
        data.resize(before + fragments_[f].bytes);
        instance_.file->read(fragments_[f].offset, data.data() + before, fragments_[f].bytes);
    }
    return data;
}

void Frames::decode(std::int64_t frame, std::uint8_t* rgb) const {
    std::vector<std::uint8_t> data = bytes_of(frame);
    if (instance_.codec == Codec::Raw) return to_rgb(data.data(), instance_, instance_.planar, rgb);
    if (instance_.codec == Codec::Rle) return decode_rle(std::move(data), instance_, rgb);
    const bool ycbcr = instance_.colours == Colours::YbrFull || instance_.colours == Colours::YbrFull422;
    const auto pixels = static_cast<std::size_t>(instance_.frame_width * instance_.frame_height);
    c2l::Block block{static_cast<int>(instance_.frame_width), static_cast<int>(instance_.frame_height), instance_.channels, 8, {}};
    block.samples.assign(pixels * static_cast<std::size_t>(instance_.channels), 255);
    std::string why;
    const bool done = instance_.codec == Codec::Jpeg ? c2l::decode_jpeg(data.data(), data.size(), {}, ycbcr, block, why)
                                                     : c2l::decode_jp2k(data.data(), data.size(), ycbcr, block, why);
    if (!done) throw Refusal(C2L_DAMAGED, "a part of the slide cannot be decoded (" + why + "); the file is damaged, copy or export it again");
    if (instance_.channels == 3)
        std::memcpy(rgb, block.samples.data(), 3 * pixels);
    else
        to_rgb(block.samples.data(), instance_, false, rgb);
}

}  // namespace dicom
