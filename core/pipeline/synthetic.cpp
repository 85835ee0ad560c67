#include "pipeline/synthetic.h"

#include <algorithm>
#include <cstdio>
#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "pipeline/credits.h"
#include "pipeline/params.h"
#include "pipeline/picture.h"
#include "pipeline/steps.h"

namespace c2l {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr std::size_t kChunk = 64;  // tiles between two checkpoints

Matrix rows_of(const Matrix& values, std::size_t first, std::size_t count) {
    Matrix part(static_cast<std::int64_t>(count), values.cols);
    std::copy_n(values.row(static_cast<std::int64_t>(first)), part.values.size(), part.values.begin());
    return part;
}

JobContext shifted(const JobContext& ctx, std::int64_t offset, std::int64_t total, const EtaClock& clock, std::int64_t before) {
    JobContext part = ctx;
    part.on_progress = [&ctx, offset, total, &clock, before](Progress p) {
        p.step = "synthesize";
        p.done += offset;
        p.total = total;
        p.eta_s = clock.eta_s(p.done - before, total - before);
        ctx.progress(p);
    };
    return part;
}

}  // namespace

fs::path tile_name(std::size_t i) {
    char name[32];
    std::snprintf(name, sizeof name, "%06zu.png", i);
    return name;
}

json sampling_of(const json& given, const fs::path& central) {
    SampleParams chosen = default_sampling(central_info(central));
    if (const std::string sampler = given.value("sampler", "auto"); sampler != "auto") {
        chosen.sampler = sampler;
        chosen.steps = default_steps(sampler);
    }
    const auto number = [&](const char* name, double fallback) { return number_of(given, name).value_or(fallback); };
    const double from = number("guidance_from", chosen.guidance_low), to = number("guidance_to", chosen.guidance_high);
    if (from > to) throw Error(ErrorCode::BadInput, "guidance begins after its end; give a --guidance-from that is not above --guidance-to");
    if (const std::string against = given.value("guidance_against", "auto"); against != "auto") chosen.guidance_against = against;
    return {{"sampler", chosen.sampler},
            {"sampler_steps", static_cast<std::int64_t>(number("sampler_steps", chosen.steps))},
            {"guidance", number("guidance", chosen.guidance)},
            {"guidance_against", chosen.guidance_against},
            {"guidance_from", from},
            {"guidance_to", to}};
}

SampleParams sampler_of(const json& p, const ComputeParams& compute) {
    SampleParams sampler;
    sampler.sampler = p.at("sampler");
    sampler.steps = p.at("sampler_steps");
    sampler.guidance = p.at("guidance");
    sampler.guidance_against = p.value("guidance_against", "none");  // the only way there was before it was recorded
    sampler.guidance_low = p.value("guidance_from", sampler.guidance_low);
    sampler.guidance_high = p.value("guidance_to", sampler.guidance_high);
    sampler.batch = p.value("sample_batch", sampler.batch);
    sampler.compute = compute;
    return sampler;
}

void draw_tiles(const fs::path& central, const fs::path& adapter, const Matrix& profiles, const std::vector<std::uint64_t>& seeds,
                const SampleParams& sampler, const fs::path& folder, const JobContext& ctx) {
    fs::create_directories(folder);
    const CentralInfo info = central_info(central);
    const std::string under = and_credits(record_of(info));
    const std::size_t n = seeds.size();
    std::size_t done = 0;
    while (done < n && fs::exists(folder / tile_name(done))) ++done;
    done = done / kChunk * kChunk;  // whole chunks are kept from an earlier run that was stopped
    const EtaClock clock;
    const auto before = static_cast<std::int64_t>(done);
    std::optional<Generator> generator;
    if (done < n) generator.emplace(central, adapter, sampler.compute);
    for (; done < n; done += kChunk) {
        ctx.check_stop();
        const std::size_t count = std::min(kChunk, n - done);
        const std::vector<std::uint64_t> part(seeds.begin() + static_cast<std::ptrdiff_t>(done), seeds.begin() + static_cast<std::ptrdiff_t>(done + count));
        const TileSet tiles = generator->draw(rows_of(profiles, done, count), part, sampler,
                                              shifted(ctx, static_cast<std::int64_t>(done), static_cast<std::int64_t>(n), clock, before));
        Preview preview;
        preview.step = "synthesize";
        preview.done = static_cast<std::int64_t>(done + count);
        for (std::size_t i = 0; i < count; ++i) {
            const fs::path path = folder / tile_name(done + i);
            write_png(path, tiles.image(i), "Synthetic tissue tile made by C2L Studio; not a patient's tissue. Seed " + std::to_string(part[i]) + under);
            if (i < 8) preview.paths.push_back(path.string());
        }
        ctx.preview(preview);
    }
}

TileSet read_tile_folder(const fs::path& folder, std::size_t first, std::size_t count, const JobContext& ctx) {
    TileSet tiles;
    for (std::size_t i = first; i < first + count; ++i) {
        if (i % 64 == 0) ctx.check_stop();
        tiles.append(read_picture(folder / tile_name(i), std::int64_t{1} << 22));
    }
    return tiles;
}

std::size_t count_tiles(const fs::path& folder) {
    std::size_t n = 0;
    while (fs::exists(folder / tile_name(n))) ++n;
    return n;
}

void copy_tiles(const fs::path& from, const fs::path& to) {
    const std::size_t n = count_tiles(from);
    make_folder(to);
    for (std::size_t i = 0; i < n; ++i)
        replace_file(to / tile_name(i), [&](const fs::path& part) { fs::copy_file(from / tile_name(i), part, fs::copy_options::overwrite_existing); });
    std::error_code failed;
    std::vector<fs::path> surplus;
    for (fs::directory_iterator entry(to, failed), end; !failed && entry != end; entry.increment(failed)) {
        const std::string stem = entry->path().stem().string();
        if (stem.size() < 6 || stem.size() > 9 || stem.find_first_not_of("0123456789") != std::string::npos) continue;
        if (const std::size_t i = std::stoul(stem); i >= n && entry->path().filename() == tile_name(i)) surplus.push_back(entry->path());
    }
    for (const auto& path : surplus) fs::remove(path, failed);
}

Matrix encode_tiles(const TileEncoder& encoder, const fs::path& folder, std::size_t n, const JobContext& ctx) {
    Matrix features;
    constexpr std::size_t kAtOnce = 512;
    for (std::size_t first = 0; first < n; first += kAtOnce) {
        const Matrix part = encoder.encode(read_tile_folder(folder, first, std::min(kAtOnce, n - first), ctx), ctx);
        features.cols = part.cols;
        features.rows += part.rows;
        features.values.insert(features.values.end(), part.values.begin(), part.values.end());
    }
    return features;
}

TileSet load_tiles(const Artifact& synthesized, const JobContext& ctx) {
    const fs::path folder = synthesized.folder / "tiles";
    return read_tile_folder(folder, 0, count_tiles(folder), ctx);
}

}  // namespace c2l
