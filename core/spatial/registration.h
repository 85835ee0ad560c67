// Where spots lie on their slide: the map from positions as their file has them to level-0 pixels, fitted from landmarks or composed of
// orientation and scale.
//
// Frame: level-0 pixels on the slide's side, x to the right, y down. The file's side is whatever unit the file uses.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "spatial/spots.h"

namespace c2l {

struct Position {
    double x = 0, y = 0;
};

// x' = m[0] x + m[1] y + m[2],  y' = m[3] x + m[4] y + m[5].
struct Registration {
    std::array<double, 6> m{1, 0, 0, 0, 1, 0};

    Position apply(Position p) const { return {m[0] * p.x + m[1] * p.y + m[2], m[3] * p.x + m[4] * p.y + m[5]}; }
    double determinant() const { return m[0] * m[4] - m[1] * m[3]; }
    double scale() const;         // square root of the change of area
    double angle() const;         // degrees clockwise on the screen by which the x axis is turned, -180 < angle ≤ 180
    bool mirrored() const { return determinant() < 0; }
    bool is_identity() const { return *this == Registration(); }
    bool is_usable() const;       // finite, not collapsed, and of a scale between 1e-6 and 1e6
    bool operator==(const Registration&) const = default;
};

Registration after(const Registration& second, const Registration& first);  // first, then second
Registration inverse(const Registration& r);                                // Error(BadInput) unless usable

// How the picture that the positions were taken from has to be turned to lie as the slide does. Swap exchanges x and y; the mirrors turn one
// axis round; rotations are clockwise on the screen; TransposeOther is Swap and then half a turn.
enum class Orientation { Identity, Swap, MirrorX, MirrorY, Rotate90, Rotate180, Rotate270, TransposeOther };
inline constexpr std::array kOrientations{Orientation::Identity, Orientation::Swap,      Orientation::MirrorX,   Orientation::MirrorY,
                                          Orientation::Rotate90, Orientation::Rotate180, Orientation::Rotate270, Orientation::TransposeOther};
const char* to_string(Orientation o);  // "identity", "swap", "mirror-x", …, as on the command line
std::optional<Orientation> orientation_from(const std::string& name);
// Positions times `scale`, then turned within the frame of a slide of that many level-0 pixels.
Registration oriented(Orientation o, double scale, double width, double height);

struct Landmark {
    Position spot;   // as the file has it
    Position slide;  // where it is on the slide, level-0 pixels
};
enum class Handedness { Kept, Mirrored, Either };  // Either: mirrored when that fits better, which takes three landmarks to tell

// The similarity (turn, scale, shift, perhaps mirrored) with the least squared distance from the landmarks (Umeyama, IEEE TPAMI 13 (1991)
// 376). Error(BadInput) for fewer than two landmarks or ones that lie on one place.
Registration fit_similarity(const std::vector<Landmark>& landmarks, Handedness handedness);
std::vector<double> residuals_px(const Registration& r, const std::vector<Landmark>& landmarks);  // distance of each from its place, level-0 pixels
double root_mean_square(const std::vector<double>& values);                                        // 0 for none

// Moves the spots, to a thousandth of a pixel, and their diameter in pixels; a diameter in µm is the array's own and stays.
void register_spots(SpotTable& spots, const Registration& r);
void register_positions(std::vector<double>& x, std::vector<double>& y, const Registration& r);  // likewise; as many x as y

}  // namespace c2l
