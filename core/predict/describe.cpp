// Features of places: haematoxylin–eosin and nuclear statistics of three fields, and of each the encoder's features.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

#include "base/cores.h"
#include "base/error.h"
#include "predict/kernel.h"
#include "predict/predict.h"
#include "slide/stain.h"

namespace c2l {
namespace {

struct Field {
    const char* name;
    double um;
    int px;
};
// The generator's tile; a spot's neighbourhood; its surroundings, at half the resolution.
constexpr Field kFields[] = {{"tile", 88, 128}, {"wide", 154, 224}, {"context", 309, 224}};
constexpr const char* kEncoderSuffix = ".encoder";
constexpr std::int64_t kBatch = 128;  // places whose pixels are in memory at once

// Runs f(0) … f(n-1) on the machine's threads; the first failure stops the rest and is thrown here.
void parallel_for(std::int64_t n, const JobContext& ctx, const std::function<void(std::int64_t)>& f) {
    const auto threads = std::clamp<std::int64_t>(usable_cores(), 1, std::max<std::int64_t>(n, 1));
    std::atomic<std::int64_t> next{0};
    std::exception_ptr failure;
    std::mutex guard;
    const auto work = [&] {
        for (std::int64_t i; (i = next.fetch_add(1)) < n;) try {
                ctx.check_stop();
                f(i);
            } catch (...) {
                const std::scoped_lock lock(guard);
                if (!failure) failure = std::current_exception();
                next = n;
            }
    };
    {
        std::vector<std::jthread> pool;
        for (std::int64_t t = 1; t < threads; ++t) pool.emplace_back(work);
        work();
    }
    if (failure) std::rethrow_exception(failure);
}

void copy_row(Matrix& m, std::int64_t row, const std::vector<float>& values) {
    for (std::int64_t c = 0; c < m.cols; ++c) {
        const float v = values[static_cast<std::size_t>(c)];
        m.at(row, c) = std::isfinite(v) ? v : 0.f;
    }
}

Matrix empty_stain_block(std::int64_t rows) { return Matrix(rows, static_cast<std::int64_t>(stain_feature_names().size())); }

void copy_rows(Matrix& to, std::int64_t first, const Matrix& from) {
    if (to.cols == 0) to = Matrix(to.rows, from.cols);
    std::copy(from.values.begin(), from.values.end(), to.row(first));
}

PlaceFeatures empty_places(std::int64_t n, const TileEncoder* encoder) {
    PlaceFeatures out;
    for (const auto& field : kFields) {
        out.names.push_back(field.name);
        out.blocks.push_back(empty_stain_block(n));
        if (!encoder) continue;
        out.names.push_back(std::string(field.name) + kEncoderSuffix);
        out.blocks.emplace_back(n, encoder->dims());
    }
    out.names.push_back(kPositionBlock);
    out.blocks.emplace_back(n, 2);
    return out;
}

}  // namespace

PlaceFeatures PlaceFeatures::select(const std::vector<std::int64_t>& wanted) const {
    PlaceFeatures out;
    out.names = names;
    for (const auto& block : blocks) {
        Matrix m(static_cast<std::int64_t>(wanted.size()), block.cols);
        for (std::size_t i = 0; i < wanted.size(); ++i) {
            if (wanted[i] < 0 || wanted[i] >= block.rows)
                throw Error(ErrorCode::Internal,
                            "place " + std::to_string(wanted[i]) + " is outside the " + std::to_string(block.rows) + " described");
            std::copy_n(block.row(wanted[i]), block.cols, m.row(static_cast<std::int64_t>(i)));
        }
        out.blocks.push_back(std::move(m));
    }
    return out;
}

PlaceFeatures describe_places(const TileReader& reader, const std::vector<double>& x, const std::vector<double>& y, double mpp,
                              const TileEncoder* encoder, const JobContext& ctx) {
    if (x.size() != y.size())
        throw Error(ErrorCode::Internal, "the places have " + std::to_string(x.size()) + " x but " + std::to_string(y.size()) + " y");
    if (!(mpp > 0) || !std::isfinite(mpp))
        throw Error(ErrorCode::BadInput, "the µm per pixel of the slide are not known; give them with --mpp");
    const auto n = static_cast<std::int64_t>(x.size());
    PlaceFeatures out = empty_places(n, encoder);
    const std::size_t step = encoder ? 2 : 1;  // blocks per field
    const EtaClock clock;
    for (std::int64_t first = 0; first < n; first += kBatch) {
        const std::int64_t count = std::min(kBatch, n - first);
        for (std::size_t f = 0; f < std::size(kFields); ++f) {
            TileSet tiles;  // kept for the encoder only
            tiles.size = kFields[f].px;
            if (encoder) tiles.rgb.resize(static_cast<std::size_t>(count) * tiles.bytes_per_tile());
            parallel_for(count, ctx, [&](std::int64_t i) {
                const auto place = static_cast<std::size_t>(first + i);
                const Image image = reader.read(x[place], y[place], kFields[f].um, kFields[f].px);
                copy_row(out.blocks[f * step], first + i, stain_features(image, kFields[f].um / kFields[f].px));
                if (encoder) std::copy(image.rgb.begin(), image.rgb.end(), tiles.tile(static_cast<std::size_t>(i)));
            });
            if (encoder) copy_rows(out.blocks[f * step + 1], first, encoder->encode(tiles, ctx));
        }
        Progress p;
        p.step = "describe";
        p.done = first + count;
        p.total = n;
        p.eta_s = clock.eta_s(p.done, n);
        ctx.progress(p);
    }
    for (std::int64_t i = 0; i < n; ++i) {
        out.blocks.back().at(i, 0) = static_cast<float>(x[static_cast<std::size_t>(i)] * mpp);
        out.blocks.back().at(i, 1) = static_cast<float>(y[static_cast<std::size_t>(i)] * mpp);
    }
    return out;
}

PlaceFeatures describe_synthetic(const TileSet& tiles, const PlaceFeatures& spots, const std::vector<SyntheticSource>& sources,
                                 const TileEncoder* encoder, const JobContext& ctx) {
    const auto n = static_cast<std::int64_t>(tiles.count());
    if (n != static_cast<std::int64_t>(sources.size()))
        throw Error(ErrorCode::Internal, std::to_string(n) + " synthetic tiles have " + std::to_string(sources.size()) + " sources");
    PlaceFeatures out;
    out.names = spots.names;
    for (std::size_t b = 0; b < spots.blocks.size(); ++b) {
        const Matrix& from = spots.blocks[b];
        Matrix m(n, from.cols);
        if (spots.names[b] == kFields[0].name) {
            parallel_for(n, ctx, [&](std::int64_t i) {
                const Image image = tiles.image(static_cast<std::size_t>(i));
                copy_row(m, i, stain_features(image, kFields[0].um / tiles.size));
            });
        } else if (spots.names[b] == std::string(kFields[0].name) + kEncoderSuffix) {
            if (!encoder)
                throw Error(ErrorCode::Mismatch,
                            "the spots were described with an encoder; describe the synthetic tiles with the same one");
            copy_rows(m, 0, encoder->encode(tiles, ctx));
        } else {
            for (std::int64_t i = 0; i < n; ++i) {
                const SyntheticSource& s = sources[static_cast<std::size_t>(i)];
                if (s.first < 0 || s.first >= from.rows || s.second < 0 || s.second >= from.rows)
                    throw Error(ErrorCode::Internal,
                                "a synthetic tile comes from spot " + std::to_string(s.first) + " of " + std::to_string(from.rows));
                for (std::int64_t c = 0; c < from.cols; ++c)
                    m.at(i, c) = static_cast<float>((1 - s.share) * from.at(s.first, c) + s.share * from.at(s.second, c));
            }
        }
        out.blocks.push_back(std::move(m));
    }
    return out;
}

}  // namespace c2l
