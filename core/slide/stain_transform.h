// A slide's pixels in other colours, to look at: one stain alone, or normalised to a fixed target. What is read for training, statistics and
// prediction never passes here.
//
// One stain alone is drawn as light that passed through that stain only, or, grey, as its optical density from 0 (white) to 1.5 (black).
// Macenko: amounts of the two stains, scaled by their 99th percentiles, drawn with the target's vectors; what is neither is lost, as in the
// paper. Reinhard: mean and standard deviation of l, α and β become the target's. Glass is treated like everything else.
#pragma once

#include <array>
#include <compare>
#include <optional>
#include <string>
#include <vector>

#include "base/image.h"
#include "slide/stain_profile.h"

namespace c2l {

enum class StainView { Original, Haematoxylin, Eosin, Residual, Macenko, Reinhard };

struct StainLook {
    StainView view = StainView::Original;
    bool own_vectors = false;  // of single stains: estimated from the slide, else the standard ones
    bool grey = false;         // of single stains; the residual always is
    auto operator<=>(const StainLook&) const = default;

    bool needs_profile() const;
    StainLook effective() const;  // without choices that change nothing: equal looks are equal pictures
};

const std::vector<StainView>& stain_views();
std::string to_string(StainView view);  // "original", "haematoxylin", "eosin", "residual", "macenko", "reinhard"
std::optional<StainView> stain_view_from(const std::string& name);

inline constexpr double kGreyDensity = 1.5;  // optical density drawn black

// Thread-safe once made.
class StainTransform {
public:
    // `slide` may be null unless the look needs it; then Error(BadInput).
    StainTransform(const StainLook& look, const StainProfile* slide);
    void apply(Image& pixels) const;
    bool isIdentity() const { return kind_ == Kind::Nothing; }

private:
    enum class Kind { Nothing, Density, Grey, LogLms };
    using Rows = std::array<float, 12>;  // 3 × 4, row-major: a matrix and what is added

    void mixDensities(const StainLook& look, const StainProfile* slide);
    void shiftStatistics(const StainProfile& from, const StainProfile& to);

    Kind kind_ = Kind::Nothing;
    Rows rows_{}, to_lms_{}, to_rgb_{};
};

}  // namespace c2l
