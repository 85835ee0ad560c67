// A Slide read by a plug-in, whose every answer is checked before it is believed. Private to core/slide.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "c2l_reader.h"
#include "slide/block_slide.h"

namespace c2l {

class PluginSlide final : public BlockSlide {
public:
    // Opens, describes and reads two tiles. `reader` outlives the slide. Throws Error in the plug-in's words, or Error(Internal) when
    // what it says makes no sense.
    PluginSlide(const c2l_reader& reader, const std::filesystem::path& path);
    ~PluginSlide() override;

    Image associated(const std::string& name) const override;

private:
    struct Associated {
        std::string name;
        int width, height;
    };

    void describe();
    void describe_levels(std::uint32_t count);
    void describe_associated(std::uint32_t count);
    void describe_issues(std::uint32_t count);
    Image decode(int level, std::int64_t bx, std::int64_t by) const override;
    [[noreturn]] void refuse(const std::string& what) const;

    const c2l_reader& reader_;
    std::unique_ptr<c2l_slide, void (*)(c2l_slide*)> slide_;
    std::vector<BlockGrid> blocks_;
    std::vector<Associated> images_;
};

// Null when no plug-in recognises the file.
std::shared_ptr<LevelSlide> open_plugin_slide(const std::filesystem::path& path);

// What a plug-in wrote into a buffer, up to its zero byte: control characters become spaces, what is no UTF-8 question marks.
std::string plugin_text(const char* text, std::size_t bytes);
// Calls a function of the plug-in and throws what its status stands for, in the words that it wrote into `why`.
void ask_plugin(const c2l_reader& reader, const std::filesystem::path& path, const std::function<std::int32_t(char* why, std::uint32_t why_bytes)>& call);

}  // namespace c2l
