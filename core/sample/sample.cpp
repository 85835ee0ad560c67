#include "sample/sample.h"

#include <zlib.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/provenance.h"
#include "sample/expression.h"
#include "sample/painter.h"
#include "slide/pyramid.h"

namespace c2l {
namespace {

std::string gzip(const std::string& text) {
    z_stream z{};
    if (deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        throw Error(ErrorCode::Memory, "not enough memory to compress the simulated counts; close other programs and try again");
    std::string out(deflateBound(&z, static_cast<uLong>(text.size())) + 32,
                    '\0');  // the header carries no time, so equal text gives equal bytes
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    z.avail_in = static_cast<uInt>(text.size());
    z.next_out = reinterpret_cast<Bytef*>(out.data());
    z.avail_out = static_cast<uInt>(out.size());
    const int done = deflate(&z, Z_FINISH);
    out.resize(z.total_out);
    deflateEnd(&z);
    if (done != Z_STREAM_END) throw Error(ErrorCode::Internal, "the simulated counts could not be compressed");
    return out;
}

std::string barcode(const SimulatedSpot& s) { return std::to_string(s.column) + "x" + std::to_string(s.row); }

std::string counts_text(const std::vector<SimulatedSpot>& spots, const SimulatedCounts& counts) {
    std::string text;
    for (const std::string& gene : counts.genes) text += '\t' + gene;
    text += '\n';
    for (std::size_t i = 0; i < spots.size(); ++i) {
        text += barcode(spots[i]);
        for (const auto value : counts.counts[i]) text += '\t' + std::to_string(value);
        text += '\n';
    }
    return text;
}

std::string spots_text(const std::vector<SimulatedSpot>& spots) {
    std::string text = "x\ty\tnew_x\tnew_y\tpixel_x\tpixel_y\tselected\n";
    for (const SimulatedSpot& s : spots) {
        char line[160];
        std::snprintf(line, sizeof line, "%d\t%d\t%d\t%d\t%.2f\t%.2f\t1\n", s.column, s.row, s.column, s.row, s.x / kSampleMpp,
                      s.y / kSampleMpp);
        text += line;
    }
    return text;
}

std::string truth_text(const Section& section, const Painter& painter, const std::vector<SimulatedSpot>& spots, std::uint64_t seed) {
    nlohmann::json truth;
    truth["description"] = kSampleName;
    truth["note"] = "Made by a program from random numbers. No patient's tissue; no conclusion about biology can be drawn from it.";
    truth["program_version"] = program_version();
    truth["seed"] = seed;
    truth["mpp"] = kSampleMpp;
    truth["width"] = painter.width();
    truth["height"] = painter.height();
    truth["spot_diameter_um"] = kSampleSpotUm;
    truth["pitch_um"] = kSamplePitchUm;
    truth["cell_types"] = kCellTypeNames;
    std::array<std::int64_t, kExpressingTypes> total{};
    for (const Cell& c : section.cells())
        if (c.type != CellType::Erythrocyte) ++total[static_cast<std::size_t>(c.type)];
    truth["cells"] = total;
    truth["markers"] = {"GLA", "SOL", "STR", "LYM", "ADI"};
    auto& under = truth["spots"] = nlohmann::json::object();
    for (const SimulatedSpot& s : spots) under[barcode(s)] = s.cells;
    return truth.dump(1) + "\n";
}

}  // namespace

SampleFiles write_sample(const std::filesystem::path& folder, std::uint64_t seed, const JobContext& ctx, double size_mm) {
    if (!(size_mm >= 0.5 && size_mm <= 20))
        throw Error(ErrorCode::BadInput, "the simulated section can be 0.5 to 20 mm wide; choose a width in that range");
    std::error_code failed;
    std::filesystem::create_directories(folder, failed);
    if (failed)
        throw Error(ErrorCode::Io, "the folder for the simulated section cannot be made; choose another place", folder, failed.message());
    ctx.check_stop();

    const Section section(seed, size_mm * 1000, size_mm * 840);
    ctx.check_stop();
    Painter painter(section, kSampleMpp, seed);
    const std::vector<SimulatedSpot> spots = place_spots(section, kSampleSpotUm, kSamplePitchUm, seed);
    if (spots.size() < 2) throw Error(ErrorCode::BadInput, "so small a simulated section holds no spots; choose a greater width");

    const SampleFiles files{folder / "simulated-section.tiff", folder / "simulated-counts.tsv.gz", folder / "simulated-spots.tsv",
                            folder / "simulated-truth.json"};
    JobContext painting = ctx;
    painting.on_progress = [&](const Progress& p) {
        Progress mine = p;
        mine.step = "sample";
        mine.message = "painting the simulated section";
        ctx.progress(mine);
    };
    write_pyramid(
        files.slide, painter.width(), painter.height(), kSampleMpp,
        [&](std::int64_t row, int rows, std::uint8_t* rgb) { painter.paint(row, rows, rgb); }, painting);
    write_file(files.counts, gzip(counts_text(spots, simulate_counts(spots, seed))));
    write_file(files.spots, spots_text(spots));
    write_file(files.truth, truth_text(section, painter, spots, seed));
    return files;
}

}  // namespace c2l
