// 0xRRGGBB tables. Viridis and magma: van der Walt and Smith (CC0); cividis: Nuñez, Anderton and Renslow 2018 (CC0);
// blue–red: ColorBrewer's RdBu reversed, interpolated.
#pragma once

#include <array>
#include <cstdint>

namespace c2l::colour_tables {

extern const std::array<std::uint32_t, 256> kViridis;
extern const std::array<std::uint32_t, 256> kCividis;
extern const std::array<std::uint32_t, 256> kMagma;
extern const std::array<std::uint32_t, 256> kBlueRed;

}  // namespace c2l::colour_tables
