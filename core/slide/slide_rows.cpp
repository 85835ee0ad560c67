#include "slide/slide_rows.h"

#include <algorithm>
#include <cstring>

namespace c2l {

bool lacks_pyramid(const SlideInfo& info) { return std::max(info.levels.back().width, info.levels.back().height) > kMaxCoarsestSide; }

RowReader rows_of(std::shared_ptr<const LevelSlide> slide) {
    struct Band {
        std::int64_t first = 0;
        Image image;
    };
    return [slide = std::move(slide), band = std::make_shared<Band>()](std::int64_t row, int rows, std::uint8_t* rgb) {
        const SlideInfo& info = slide->info();
        const std::size_t row_bytes = static_cast<std::size_t>(info.width) * 3;
        for (std::int64_t y = row; y < row + rows; ++y, rgb += row_bytes) {
            if (y < band->first || y >= band->first + band->image.height) {
                const int natural = slide->natural_rows();
                band->first = y / natural * natural;
                band->image = Image();
                band->image = slide->read_patch(0, 0, band->first, static_cast<int>(info.width),
                                                static_cast<int>(std::min<std::int64_t>(natural, info.height - band->first)));
            }
            std::memcpy(rgb, band->image.at(0, static_cast<int>(y - band->first)), row_bytes);
        }
    };
}

}  // namespace c2l
