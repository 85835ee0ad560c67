#include "slide/dicom_writer.h"

#include <cstring>

namespace c2l::test {

namespace {

std::string le16(std::uint32_t v) { return {static_cast<char>(v & 255), static_cast<char>(v >> 8 & 255)}; }
std::string le32(std::uint32_t v) { return le16(v & 0xFFFF) + le16(v >> 16); }
std::string tag_bytes(std::uint32_t tag) { return le16(tag >> 16) + le16(tag & 0xFFFF); }
std::string even(std::string value, char with) {
    if (value.size() % 2) value += with;
    return value;
}

bool is_wide(const std::string& vr) { return vr == "OB" || vr == "OW" || vr == "SQ" || vr == "UN" || vr == "UT"; }

std::string head(std::uint32_t tag, const std::string& vr, std::uint32_t bytes, bool implicit) {
    if (implicit) return tag_bytes(tag) + le32(bytes);
    return tag_bytes(tag) + vr + (is_wide(vr) ? le16(0) + le32(bytes) : le16(bytes));
}

constexpr std::uint32_t kUndefined = 0xFFFFFFFF;

}  // namespace

DicomItem& DicomItem::set(std::uint32_t tag, const char* vr, std::string value) {
    values_[tag] = {vr, even(std::move(value), std::strcmp(vr, "UI") == 0 || std::strcmp(vr, "OB") == 0 ? '\0' : ' '), {}};
    return *this;
}
DicomItem& DicomItem::u16(std::uint32_t tag, int value) { return set(tag, "US", le16(static_cast<std::uint32_t>(value))); }
DicomItem& DicomItem::u32(std::uint32_t tag, std::uint32_t value) { return set(tag, "UL", le32(value)); }
DicomItem& DicomItem::sequence(std::uint32_t tag, const std::vector<DicomItem>& items) {
    values_[tag] = {"SQ", "", items};
    return *this;
}
DicomItem& DicomItem::remove(std::uint32_t tag) {
    values_.erase(tag);
    return *this;
}

// Sequences of undefined length and items of a defined one: both ways occur.
std::string DicomItem::bytes(bool implicit) const {
    std::string out;
    for (const auto& [tag, value] : values_) {
        if (value.vr != "SQ") {
            out += head(tag, value.vr, static_cast<std::uint32_t>(value.bytes.size()), implicit) + value.bytes;
            continue;
        }
        out += head(tag, "SQ", kUndefined, implicit);
        for (const DicomItem& item : value.items) {
            const std::string inside = item.bytes(implicit);
            out += tag_bytes(0xFFFEE000) + le32(static_cast<std::uint32_t>(inside.size())) + inside;
        }
        out += tag_bytes(0xFFFEE0DD) + le32(0);
    }
    return out;
}

DicomItem dicom_header(const DicomKind& kind, std::size_t frames) {
    DicomItem out;
    out.set(0x00080008, "CS", "ORIGINAL\\PRIMARY\\" + kind.flavour + "\\NONE").set(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.77.1.6").set(0x00080018, "UI", kind.instance);
    out.set(0x0020000E, "UI", kind.series).set(0x00280008, "IS", std::to_string(frames)).set(0x00280004, "CS", kind.photometric);
    out.u16(0x00280002, kind.channels).u16(0x00280006, kind.planar).u16(0x00280010, kind.tile).u16(0x00280011, kind.tile);
    out.u16(0x00280100, 8).u16(0x00280101, 8).u16(0x00280102, 7).u16(0x00280103, 0);
    out.u32(0x00480006, static_cast<std::uint32_t>(kind.width)).u32(0x00480007, static_cast<std::uint32_t>(kind.height));
    out.set(0x00209311, "CS", kind.sparse ? "TILED_SPARSE" : "TILED_FULL");
    if (!kind.concatenation.empty()) out.set(0x00209161, "UI", kind.concatenation).u32(0x00209228, static_cast<std::uint32_t>(kind.first_frame));
    if (kind.focal_planes > 1) out.u32(0x00480303, static_cast<std::uint32_t>(kind.focal_planes));
    if (kind.mm_per_pixel > 0) {
        const std::string mm = std::to_string(kind.mm_per_pixel);
        out.sequence(0x52009229, {DicomItem().sequence(0x00289110, {DicomItem().set(0x00280030, "DS", mm + "\\" + mm)})});
    }
    if (kind.sparse) {
        std::vector<DicomItem> groups;
        for (std::size_t i = 0; i < kind.positions.size(); ++i) {
            DicomItem place;
            const auto signed32 = [&](std::uint32_t tag, int value) { place.set(tag, "SL", le32(static_cast<std::uint32_t>(value))); };
            signed32(0x0048021E, kind.positions[i].first + 1);
            signed32(0x0048021F, kind.positions[i].second + 1);
            place.set(0x0040074A, "DS", std::to_string(kind.z.empty() ? 0.0 : kind.z[i]));
            groups.push_back(DicomItem().sequence(0x0048021A, {place}));
        }
        out.sequence(0x52009230, groups);
    }
    return out;
}

std::string dicom_pixels(const DicomKind& kind, const std::vector<std::string>& frames, int fragments, bool table) {
    if (kind.syntax == syntax::kExplicit || kind.syntax == syntax::kImplicit) {
        std::string all;
        for (const std::string& frame : frames) all += frame;
        all = even(std::move(all), '\0');
        return head(0x7FE00010, "OB", static_cast<std::uint32_t>(all.size()), kind.syntax == syntax::kImplicit) + all;
    }
    std::string items, offsets;
    for (const std::string& frame : frames) {
        offsets += le32(static_cast<std::uint32_t>(items.size()));
        const std::size_t piece = (frame.size() / static_cast<std::size_t>(fragments) + 1) / 2 * 2;
        for (int f = 0; f < fragments; ++f) {
            const std::size_t from = piece * static_cast<std::size_t>(f);
            const std::string bytes = even(f + 1 < fragments ? frame.substr(from, piece) : frame.substr(from), '\0');
            items += tag_bytes(0xFFFEE000) + le32(static_cast<std::uint32_t>(bytes.size())) + bytes;
        }
    }
    if (!table) offsets.clear();
    return head(0x7FE00010, "OB", kUndefined, false) + tag_bytes(0xFFFEE000) + le32(static_cast<std::uint32_t>(offsets.size())) + offsets + items + tag_bytes(0xFFFEE0DD) + le32(0);
}

std::string dicom_file(const DicomKind& kind, const DicomItem& header, const std::string& pixels) {
    DicomItem meta;
    meta.set(0x00020001, "OB", std::string("\0\1", 2)).set(0x00020002, "UI", "1.2.840.10008.5.1.4.1.1.77.1.6").set(0x00020003, "UI", kind.instance).set(0x00020010, "UI", kind.syntax);
    const std::string rest = meta.bytes(false);
    return std::string(128, '\0') + "DICM" + DicomItem().u32(0x00020000, static_cast<std::uint32_t>(rest.size())).bytes(false) + rest +
           header.bytes(kind.syntax == syntax::kImplicit) + pixels;
}

std::string dicom_file(const DicomKind& kind, const std::vector<std::string>& frames) {
    return dicom_file(kind, dicom_header(kind, frames.size()), dicom_pixels(kind, frames));
}

std::string encode_rle(const std::vector<std::uint8_t>& samples, int channels) {
    std::string offsets, segments;
    for (int c = 0; c < channels; ++c) {
        std::string plane, packed;
        for (std::size_t i = static_cast<std::size_t>(c); i < samples.size(); i += static_cast<std::size_t>(channels)) plane += static_cast<char>(samples[i]);
        for (std::size_t i = 0; i < plane.size();) {
            std::size_t run = 1;
            while (run < 128 && i + run < plane.size() && plane[i + run] == plane[i]) ++run;
            if (run > 1) {
                packed += static_cast<char>(257 - run);
                packed += plane[i];
            } else {
                packed += '\0';
                packed += plane[i];
            }
            i += run;
        }
        offsets += le32(static_cast<std::uint32_t>(64 + segments.size()));
        segments += even(packed, '\0');
    }
    std::string head = le32(static_cast<std::uint32_t>(channels)) + offsets;
    head.resize(64, '\0');
    return head + segments;
}

}  // namespace c2l::test
