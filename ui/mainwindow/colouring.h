// Values, limits and figures of the gene that lies over the slide: pure, for any thread. 600,000 bins take 100 ms, which the window's thread
// does not have.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "ui/overlay/grid_map.h"
#include "ui/panels/expression_panel.h"

namespace c2l::ui {

// All that the colours depend on; equal requests give equal colours.
struct ColouringRequest {
    ExpressionSettings settings;
    bool measured = true, predicted = false;  // which of them is drawn
    std::shared_ptr<const SpotData> spots, map;
    QString map_unit;

    bool sameColours(const ColouringRequest& other) const;  // appearance and visibility do not count
};

struct Coloured {
    std::vector<float> values;  // one per spot or place; empty: none
    ExpressionShown shown;
};
struct Colouring {
    Coloured measured, predicted;
};
Colouring work_out(const ColouringRequest& request, const std::function<std::vector<float>()>& measured, const std::function<std::vector<float>()>& predicted);

// Limits of the colours as the settings ask for them.
ColourScale scale_for(const std::vector<float>& values, const ExpressionSettings& settings);

// Where the spots of a table lie.
struct SpotPlaces {
    std::vector<double> x, y;
    std::optional<GridMap> grid;  // of square bins
    std::vector<std::uint8_t> off_tissue;  // empty: unknown
};
SpotPlaces places_of(const SpotTable& table);

// For a picture's colour bar.
struct ExpressionLegend {
    ExpressionShown shown;
    ColourMapId colours = ColourMapId::Viridis;
    QString what;  // "measured", "predicted"
};

}  // namespace c2l::ui
