#include "outline.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <vector>

#include "refusal.h"

namespace dicom {

namespace {

constexpr std::uint32_t kItem = 0xFFFEE000, kItemEnd = 0xFFFEE00D, kSequenceEnd = 0xFFFEE0DD, kPixelData = 0x7FE00010, kTransferSyntax = 0x00020010, kSeries = 0x0020000E,
                        kPerFrame = 0x52009230, kColumnPosition = 0x0048021E, kRowPosition = 0x0048021F, kZOffset = 0x0040074A, kOpticalPath = 0x00480106;
constexpr std::uint64_t kPreamble = 132;  // and "DICM" at its end
constexpr const char *kImplicit = "1.2.840.10008.1.2", *kDeflated = "1.2.840.10008.1.2.1.99", *kBigEndian = "1.2.840.10008.1.2.2";

// Reads forward through the file in pieces of 64 KiB.
class Cursor {
public:
    Cursor(const File& file, std::uint64_t at) : at(at), file_(file) {}

    std::uint64_t at;

    bool ended() const { return at >= file_.size(); }
    const std::uint8_t* peek(std::size_t bytes) {  // a few; valid until the next call
        if (bytes > file_.size() - std::min(at, file_.size())) damaged();
        if (at < begin_ || at + bytes > begin_ + filled_) {
            begin_ = at;
            filled_ = static_cast<std::size_t>(std::min<std::uint64_t>(piece_.size(), file_.size() - at));
            file_.read(begin_, piece_.data(), filled_);
        }
        return piece_.data() + (at - begin_);
    }
    std::uint16_t u16(std::size_t ahead) { return static_cast<std::uint16_t>(peek(ahead + 2)[ahead] | peek(ahead + 2)[ahead + 1] << 8); }
    std::uint32_t u32(std::size_t ahead) { return u16(ahead) | static_cast<std::uint32_t>(u16(ahead + 2)) << 16; }
    std::uint64_t size() const { return file_.size(); }

private:
    const File& file_;
    std::vector<std::uint8_t> piece_ = std::vector<std::uint8_t>(64 * 1024);
    std::uint64_t begin_ = 0;
    std::size_t filled_ = 0;
};

struct Element {
    std::uint32_t tag = 0, bytes = 0;
    bool sequence = false, unknown = false;  // VR SQ; VR UN
};

// Reads tag, VR and length; the cursor then stands at the value.
Element next_element(Cursor& in, bool implicit) {
    Element out;
    out.tag = static_cast<std::uint32_t>(in.u16(0)) << 16 | in.u16(2);
    if (implicit || out.tag >> 16 == 0xFFFE) {
        out.bytes = in.u32(4);
        in.at += 8;
        return out;
    }
    const std::array<char, 2> vr{static_cast<char>(in.peek(6)[4]), static_cast<char>(in.peek(6)[5])};
    const auto is = [&](const char* name) { return std::memcmp(vr.data(), name, 2) == 0; };
    // One that DCMTK does not know could be read by it with another length.
    static constexpr char kKnown[] = "AEASATCSDADSDTFLFDISLOLTOBODOFOLOVOWPNSHSLSQSSSTSVTMUCUIULUNURUSUTUV";
    bool known = false;
    for (std::size_t i = 0; i + 1 < sizeof kKnown; i += 2) known = known || is(std::string(kKnown + i, 2).c_str());
    if (!known) damaged();
    out.sequence = is("SQ");
    out.unknown = is("UN");
    bool wide = out.sequence || out.unknown;
    for (const char* name : {"OB", "OW", "OF", "OD", "OL", "OV", "UC", "UR", "UT", "SV", "UV"}) wide = wide || is(name);
    out.bytes = wide ? in.u32(8) : in.u16(6);
    in.at += wide ? 12 : 8;
    return out;
}

std::string uid_at(const File& file, std::uint64_t at, std::uint32_t bytes) {
    if (bytes > 64) damaged();
    std::string uid(bytes, '\0');
    file.read(at, uid.data(), bytes);
    while (!uid.empty() && (uid.back() == '\0' || uid.back() == ' ')) uid.pop_back();
    return uid;
}

struct Level {
    enum Kind { kSequence, kInItem, kFragments } kind;
    std::uint64_t end;  // of a defined length; else the file's size
    bool implicit;
};

class Walk {
public:
    Walk(const File& file, std::uint64_t at, bool implicit) : in_(file, at), implicit_(implicit) {}

    // Up to the first element of the file's top level whose tag is `stop` or higher; false: there is none.
    bool run(std::uint32_t stop, Element& found) {
        std::uint64_t count = 0, of_frames = 0;
        while (true) {
            while (!levels_.empty() && in_.at >= levels_.back().end && levels_.back().end < in_.size()) levels_.pop_back();
            if (in_.ended()) return false;
            const bool of_frame = !levels_.empty() && outermost_ == kPerFrame;
            if ((of_frame ? ++of_frames : ++count) > (of_frame ? kMaxFrameElements : kMaxElements)) unsupported("has too many elements before its pixels to be a slide");
            const bool implicit = levels_.empty() ? implicit_ : levels_.back().implicit;
            const Element element = next_element(in_, implicit);
            if (levels_.empty() && element.tag >= stop && element.tag >> 16 != 0xFFFE) {
                found = element;
                return true;
            }
            if (element.tag >> 16 == 0xFFFE)
                delimiter(element);
            else
                value(element, implicit);
        }
    }
    std::uint64_t at() const { return in_.at; }

    std::vector<FramePlace> frames;
    std::vector<std::uint32_t> late_private;

private:
    void push(Level::Kind kind, std::uint32_t bytes, bool implicit) {
        if (levels_.size() >= 2 * kMaxDepth) unsupported("nests its elements too deeply to be a slide");
        const std::uint64_t outer = levels_.empty() ? in_.size() : levels_.back().end;
        const std::uint64_t end = bytes == kUndefined ? outer : in_.at + bytes;
        if (end > outer) damaged();
        levels_.push_back({kind, end, implicit});
    }
    void skip(std::uint32_t bytes) {
        if (bytes == kUndefined || bytes > in_.size() - in_.at) damaged();
        in_.at += bytes;
    }
    void delimiter(const Element& element) {
        if (levels_.empty()) damaged();
        const Level::Kind kind = levels_.back().kind;
        if (element.tag == kItem && kind == Level::kSequence && levels_.size() == 1 && outermost_ == kPerFrame) frames.emplace_back();
        if (element.tag == kItem && kind == Level::kSequence)
            push(Level::kInItem, element.bytes, levels_.back().implicit);
        else if (element.tag == kItem && kind == Level::kFragments)
            skip(element.bytes);
        else if ((element.tag == kItemEnd && kind == Level::kInItem) || (element.tag == kSequenceEnd && kind != Level::kInItem))
            levels_.pop_back();
        else
            damaged();
    }
    void value(const Element& element, bool implicit) {
        if (levels_.empty()) {
            outermost_ = element.tag;
            if (element.tag > kPerFrame && element.tag >> 16 & 1) late_private.push_back(element.tag);
        } else if (levels_.back().kind != Level::kInItem) {
            damaged();
        } else if (outermost_ == kPerFrame && !frames.empty() && element.bytes <= 16) {
            note(element, frames.back());
        }
        const bool undefined = element.bytes == kUndefined;
        // Implicit: the VR is in DCMTK's dictionary only; what begins with an item may be a sequence.
        const bool items = implicit && element.bytes >= 8 && in_.size() - in_.at >= 8 && in_.u16(0) == 0xFFFE && in_.u16(2) == 0xE000;
        if (element.sequence || (implicit && (undefined || items)))
            push(Level::kSequence, element.bytes, implicit);
        else if (undefined && element.unknown)
            push(Level::kSequence, element.bytes, true);
        else if (undefined && element.tag == kPixelData)
            push(Level::kFragments, element.bytes, implicit);
        else
            skip(element.bytes);
    }

    void note(const Element& element, FramePlace& frame) {
        if ((element.tag == kColumnPosition || element.tag == kRowPosition) && element.bytes == 4)
            (element.tag == kRowPosition ? frame.row : frame.column) = static_cast<std::int32_t>(in_.u32(0));
        if (element.tag != kZOffset && element.tag != kOpticalPath) return;
        std::string text(reinterpret_cast<const char*>(in_.peek(element.bytes)), element.bytes);
        if (element.tag == kOpticalPath) {
            frame.optical_path = text;
            return;
        }
        const std::size_t begin = std::min(text.find_first_not_of(" +"), text.size());
        std::from_chars(text.data() + begin, text.data() + text.size(), frame.z);  // never the user's locale
        if (!std::isfinite(frame.z)) frame.z = 0;
    }

    Cursor in_;
    bool implicit_;
    std::uint32_t outermost_ = 0;  // the element of the top level in which the walk is
    std::vector<Level> levels_;
};

// The cursor comes to stand behind the meta information, which is always explicit. Returns the transfer syntax.
std::string read_meta(const File& file, Cursor& in) {
    std::string syntax;
    if (file.size() < kPreamble) damaged();
    std::array<char, 4> mark{};
    file.read(kPreamble - 4, mark.data(), mark.size());
    if (std::memcmp(mark.data(), "DICM", 4) != 0) damaged();
    while (!in.ended() && in.u16(0) == 2) {
        const Element element = next_element(in, false);
        if (element.bytes > file.size() - in.at) damaged();
        if (element.tag == kTransferSyntax) syntax = uid_at(file, in.at, element.bytes);
        in.at += element.bytes;
    }
    if (syntax.empty()) damaged();
    if (syntax == kDeflated || syntax == kBigEndian) unsupported("is a deflated or big-endian DICOM file; convert it, for example with dcmconv");
    return syntax;
}

}  // namespace

Outline outline_of(const File& file) {
    Outline out;
    Cursor in(file, kPreamble);
    out.transfer_syntax = read_meta(file, in);
    Walk walk(file, in.at, out.transfer_syntax == kImplicit);
    Element pixels;
    if (walk.run(kPixelData, pixels) && pixels.tag == kPixelData) {
        out.pixel_offset = walk.at();
        out.pixel_bytes = pixels.bytes;
    }
    out.frames = std::move(walk.frames);
    out.late_private = std::move(walk.late_private);
    return out;
}

std::string series_of(const File& file) {
    Cursor in(file, kPreamble);
    const bool implicit = read_meta(file, in) == kImplicit;
    Walk walk(file, in.at, implicit);
    Element series;
    return walk.run(kSeries, series) && series.tag == kSeries ? uid_at(file, walk.at(), series.bytes) : std::string();
}

}  // namespace dicom
