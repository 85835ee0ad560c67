// Level 0 of a slide as rows from top to bottom, for making the pyramid that the file lacks. Private to core/slide.
#pragma once

#include <memory>

#include "slide/level_slide.h"
#include "slide/pyramid.h"

namespace c2l {

// Levels stop while a side is still longer than this: every overview would decode the whole slide.
constexpr std::int64_t kMaxCoarsestSide = 8192;
bool lacks_pyramid(const SlideInfo& info);

// Memory: one row of the slide's own blocks. Keeps the slide.
RowReader rows_of(std::shared_ptr<const LevelSlide> slide);

}  // namespace c2l
