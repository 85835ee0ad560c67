#include "slide/plugin_slide.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "slide/plugin_loader.h"
#include "slide/row_source.h"

namespace c2l {

namespace fs = std::filesystem;

namespace {

constexpr std::uint32_t kMaxLevels = 64, kMaxAssociated = 64, kMaxIssues = 100;
constexpr std::int64_t kMaxSide = std::int64_t{1} << 31;
constexpr std::int64_t kMaxTilePixels = std::int64_t{64} << 20;

// Bytes of the UTF-8 character at `at`; 0 when there is none.
std::size_t utf8_length(const std::string& text, std::size_t at) {
    const auto byte = [&](std::size_t i) { return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u; };
    const unsigned first = byte(0);
    const std::size_t length = first < 0x80 ? 1 : first >= 0xC2 && first < 0xE0 ? 2 : first >= 0xE0 && first < 0xF0 ? 3 : first >= 0xF0 && first < 0xF5 ? 4 : 0;
    for (std::size_t i = 1; i < length; ++i)
        if ((byte(i) & 0xC0) != 0x80) return 0;
    const unsigned second = byte(1);  // overlong, surrogates, beyond U+10FFFF
    const bool bad = (first == 0xE0 && second < 0xA0) || (first == 0xED && second >= 0xA0) || (first == 0xF0 && second < 0x90) || (first == 0xF4 && second >= 0x90);
    return bad ? 0 : length;
}

}  // namespace

std::string plugin_text(const char* text, std::size_t bytes) {
    std::string out = text ? std::string(text, strnlen(text, bytes)) : std::string();
    for (std::size_t at = 0; at < out.size();) {
        const std::size_t length = utf8_length(out, at);
        if (length == 0) out[at] = '?';
        if (length == 1 && (static_cast<unsigned char>(out[at]) < 32 || out[at] == 127)) out[at] = ' ';
        at += std::max<std::size_t>(length, 1);
    }
    while (!out.empty() && out.back() == ' ') out.pop_back();
    return out;
}

void ask_plugin(const c2l_reader& reader, const fs::path& path, const std::function<std::int32_t(char* why, std::uint32_t why_bytes)>& call) {
    std::array<char, 512> words{};
    const std::int32_t status = call(words.data(), words.size());
    if (status == C2L_OK) return;
    const std::string why = plugin_text(words.data(), words.size());
    const std::string name = std::string("reader plug-in ") + reader.name;
    const ErrorCode code = status == C2L_DAMAGED       ? ErrorCode::BadInput
                           : status == C2L_UNSUPPORTED ? ErrorCode::Unsupported
                           : status == C2L_UNREADABLE  ? ErrorCode::Io
                           : status == C2L_NO_MEMORY   ? ErrorCode::Memory
                                                       : ErrorCode::Internal;
    throw Error(code, !why.empty() ? why : "cannot be read, and the reader does not say why; copy or export it again", path, name);
}

PluginSlide::PluginSlide(const c2l_reader& reader, const fs::path& path) : reader_(reader), slide_(nullptr, reader.close) {
    info_.path = path;
    ask_plugin(reader_, path, [&](char* why, std::uint32_t bytes) {
        c2l_slide* slide = nullptr;
        const std::int32_t status = reader.open(path.c_str(), &slide, why, bytes);
        slide_.reset(slide);
        return status;
    });
    if (!slide_) refuse("no slide");
    describe();
    check_pixels();
}

PluginSlide::~PluginSlide() = default;

void PluginSlide::refuse(const std::string& what) const {
    throw Error(ErrorCode::Internal, std::string("cannot be read: the reader plug-in ") + reader_.name + " gives " + what + "; ask its authors", info_.path);
}

void PluginSlide::describe() {
    c2l_slide_info said{};
    said.struct_size = sizeof said;
    ask_plugin(reader_, info_.path, [&](char* why, std::uint32_t bytes) { return reader_.info(slide_.get(), &said, why, bytes); });
    info_.vendor = plugin_text(said.format, sizeof said.format);
    if (info_.vendor.empty()) info_.vendor = reader_.name;
    describe_levels(said.level_count);
    describe_associated(said.associated_count);
    describe_issues(said.issue_count);
    info_.mpp = plausible_mpp(said.mpp_x, said.mpp_y);
    if (said.objective > 0 && said.objective <= 1000) info_.objective = said.objective;
}

void PluginSlide::describe_levels(std::uint32_t count) {
    if (count < 1 || count > kMaxLevels) refuse("no levels, or too many");
    for (std::uint32_t i = 0; i < count; ++i) {
        c2l_level said{};
        said.struct_size = sizeof said;
        ask_plugin(reader_, info_.path, [&](char* why, std::uint32_t bytes) { return reader_.level(slide_.get(), i, &said, why, bytes); });
        const BlockGrid grid{said.width, said.height, said.tile_width, said.tile_height};
        if (grid.width < 1 || grid.height < 1 || grid.width > kMaxSide || grid.height > kMaxSide) refuse("a level without pixels, or too large a one");
        if (grid.block_width < 1 || grid.block_height < 1 || grid.block_width > kMaxTilePixels / grid.block_height) refuse("tiles without pixels, or too large ones");
        if (i > 0) {
            const BlockGrid &full = blocks_.front(), &before = blocks_.back();
            if (grid.width > before.width || grid.height > before.height || (grid.width == before.width && grid.height == before.height))
                refuse("levels that do not become smaller");
            // One picture: the two sides shrink alike, up to rounding by a few pixels.
            const double shrunk = static_cast<double>(full.width) / static_cast<double>(grid.width);
            if (std::abs(static_cast<double>(full.height) / shrunk - static_cast<double>(grid.height)) > 4 + 0.02 * static_cast<double>(grid.height))
                refuse("levels that are no smaller versions of one picture");
        }
        blocks_.push_back(grid);
    }
    set_grids(blocks_);
}

void PluginSlide::describe_associated(std::uint32_t count) {
    if (count > kMaxAssociated) refuse("too many associated images");
    for (std::uint32_t i = 0; i < count; ++i) {
        c2l_associated said{};
        said.struct_size = sizeof said;
        ask_plugin(reader_, info_.path, [&](char* why, std::uint32_t bytes) { return reader_.associated(slide_.get(), i, &said, why, bytes); });
        const std::string name = plugin_text(said.name, sizeof said.name);
        if (name.empty() || std::count(info_.associated.begin(), info_.associated.end(), name) > 0) refuse("associated images without names of their own");
        if (said.width < 1 || said.height < 1 || said.width > kMaxTilePixels / said.height) refuse("an associated image without pixels, or too large a one");
        images_.push_back({name, static_cast<int>(said.width), static_cast<int>(said.height)});
        info_.associated.push_back(name);
    }
}

void PluginSlide::describe_issues(std::uint32_t count) {
    if (count > kMaxIssues) refuse("too many issues");
    for (std::uint32_t i = 0; i < count; ++i) {
        std::array<char, 512> text{};
        ask_plugin(reader_, info_.path, [&](char*, std::uint32_t) { return reader_.issue(slide_.get(), i, text.data(), text.size()); });
        if (std::string said = plugin_text(text.data(), text.size()); !said.empty()) info_.issues.push_back({Severity::Warning, std::move(said), ""});
    }
}

Image PluginSlide::decode(int level, std::int64_t bx, std::int64_t by) const {
    const BlockGrid& grid = blocks_[static_cast<std::size_t>(level)];
    Image image(static_cast<int>(grid.block_width), static_cast<int>(grid.block_height));
    ask_plugin(reader_, info_.path, [&](char* why, std::uint32_t bytes) {
        return reader_.tile(slide_.get(), static_cast<std::uint32_t>(level), bx, by, image.rgb.data(), image.rgb.size(), why, bytes);
    });
    return image;
}

Image PluginSlide::associated(const std::string& name) const {
    const auto found = std::find_if(images_.begin(), images_.end(), [&](const Associated& each) { return each.name == name; });
    if (found == images_.end()) throw Error(ErrorCode::NotFound, "the slide has no image named '" + name + "'", info_.path);
    Image image(found->width, found->height);
    const auto index = static_cast<std::uint32_t>(found - images_.begin());
    ask_plugin(reader_, info_.path, [&](char* why, std::uint32_t bytes) {
        return reader_.associated_pixels(slide_.get(), index, image.rgb.data(), image.rgb.size(), why, bytes);
    });
    return image;
}

std::shared_ptr<LevelSlide> open_plugin_slide(const fs::path& path) {
    const c2l_reader* reader = plugin_for(path);
    return reader ? std::make_shared<PluginSlide>(*reader, path) : nullptr;
}

}  // namespace c2l
