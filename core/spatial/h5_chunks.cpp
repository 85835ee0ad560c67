#include "spatial/h5_chunks.h"

#include <libdeflate.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "spatial/h5.h"

namespace c2l::h5 {
namespace {

struct Layout {
    hsize_t chunk = 0;  // values
    bool shuffled = false, deflated = false;
};

// One dimension of chunks, plain, shuffled, deflated, or first shuffled and then deflated: what h5py, 10x and anndata write.
std::optional<Layout> layout_of(hid_t dataset) {
    const Handle properties(H5Dget_create_plist(dataset), H5Pclose);
    Layout layout;
    unsigned options = 0;
    if (H5Pget_layout(properties) != H5D_CHUNKED || H5Pget_chunk(properties, 1, &layout.chunk) != 1 || layout.chunk == 0) return std::nullopt;
    if (H5Pget_chunk_opts(properties, &options) < 0 || options != 0) return std::nullopt;
    const int filters = H5Pget_nfilters(properties);
    for (int i = 0; i < filters; ++i) {
        unsigned flags = 0;
        std::size_t settings = 0;
        const auto filter = H5Pget_filter2(properties, static_cast<unsigned>(i), &flags, &settings, nullptr, 0, nullptr, nullptr);
        if (filter == H5Z_FILTER_SHUFFLE && i == 0) layout.shuffled = true;
        else if (filter == H5Z_FILTER_DEFLATE && !layout.deflated) layout.deflated = true;
        else return std::nullopt;
    }
    return layout;
}

// The bytes of each value lie `n` apart, the lowest first.
template <class Word>
void unshuffle(const unsigned char* in, std::size_t n, Word* out) {
    for (std::size_t i = 0; i < n; ++i) {
        Word word = 0;
        for (std::size_t b = 0; b < sizeof(Word); ++b) word |= static_cast<Word>(static_cast<Word>(in[b * n + i]) << (8 * b));
        out[i] = word;
    }
}

class ChunkReader {
public:
    using Take = std::function<void(std::uint64_t, std::size_t, const void*)>;
    ChunkReader(hid_t dataset, const Layout& layout, std::uint64_t count, std::size_t value_bytes, const Take& take)
        : dataset_(dataset), layout_(layout), count_(count), value_bytes_(value_bytes), chunk_bytes_(layout.chunk * value_bytes), take_(take) {}

    bool run() {
        const std::uint64_t chunks = (count_ + layout_.chunk - 1) / layout_.chunk;
        const auto threads = std::clamp<std::uint64_t>(std::thread::hardware_concurrency(), 1, std::min<std::uint64_t>(chunks, 8));
        {
            std::vector<std::jthread> others;
            for (std::uint64_t t = 1; t < threads; ++t) others.emplace_back([this] { work(); });
            work();
        }
        if (failure_) std::rethrow_exception(failure_);
        return !refused_;
    }

private:
    void work() {
        try {
            const std::unique_ptr<libdeflate_decompressor, decltype(&libdeflate_free_decompressor)> inflater(libdeflate_alloc_decompressor(), libdeflate_free_decompressor);
            if (!inflater) throw std::bad_alloc();
            std::vector<unsigned char> stored, inflated;
            std::vector<std::uint64_t> values((chunk_bytes_ + 7) / 8);
            std::uint64_t first = 0;
            while (!refused_ && next(first, stored))
                if (!give(first, inflater.get(), stored, inflated, values)) refused_ = true;
        } catch (...) {
            const std::lock_guard held(mutex_);
            if (!failure_) failure_ = std::current_exception();
            refused_ = true;
        }
    }

    // HDF5 is entered by one thread at a time.
    bool next(std::uint64_t& first, std::vector<unsigned char>& stored) {
        const std::lock_guard held(mutex_);
        if (next_ >= count_) return false;
        first = next_;
        next_ += layout_.chunk;
        const hsize_t offset = first;
        hsize_t bytes = 0;
        std::uint32_t skipped_filters = 0;
        const std::uint64_t most = chunk_bytes_ + chunk_bytes_ / 64 + 1024;  // deflate adds less than that
        const bool sized = H5Dget_chunk_storage_size(dataset_, &offset, &bytes) >= 0 && bytes > 0 && bytes <= most && (layout_.deflated || bytes == chunk_bytes_);
        if (sized) stored.resize(bytes);
        if (!sized || H5Dread_chunk(dataset_, H5P_DEFAULT, &offset, &skipped_filters, stored.data()) < 0 || skipped_filters != 0) {
            refused_ = true;
            return false;
        }
        return true;
    }

    bool give(std::uint64_t first, libdeflate_decompressor* inflater, const std::vector<unsigned char>& stored, std::vector<unsigned char>& inflated, std::vector<std::uint64_t>& values) {
        auto* out = reinterpret_cast<unsigned char*>(values.data());
        const unsigned char* bytes = stored.data();
        if (layout_.deflated) {
            inflated.resize(chunk_bytes_);
            auto* to = layout_.shuffled ? inflated.data() : out;
            std::size_t got = 0;
            if (libdeflate_zlib_decompress(inflater, stored.data(), stored.size(), to, chunk_bytes_, &got) != LIBDEFLATE_SUCCESS || got != chunk_bytes_) return false;
            bytes = to;
        }
        if (layout_.shuffled && value_bytes_ == 8) unshuffle(bytes, layout_.chunk, values.data());
        else if (layout_.shuffled && value_bytes_ == 4) unshuffle(bytes, layout_.chunk, reinterpret_cast<std::uint32_t*>(out));
        else if (layout_.shuffled && value_bytes_ == 2) unshuffle(bytes, layout_.chunk, reinterpret_cast<std::uint16_t*>(out));
        else if (bytes != out) std::copy_n(bytes, chunk_bytes_, out);
        take_(first, std::min<std::uint64_t>(layout_.chunk, count_ - first), out);
        return true;
    }

    hid_t dataset_;
    Layout layout_;
    std::uint64_t count_;
    std::size_t value_bytes_;
    std::uint64_t chunk_bytes_;
    const Take& take_;
    std::mutex mutex_;  // HDF5, next_, failure_
    std::uint64_t next_ = 0;
    std::exception_ptr failure_;
    std::atomic<bool> refused_{false};
};

}  // namespace

bool read_chunks(hid_t dataset, std::uint64_t count, std::size_t value_bytes, const std::function<void(std::uint64_t, std::size_t, const void*)>& take) {
    constexpr hsize_t kLeastValues = 1024;  // finding a chunk costs HDF5 a search each
    constexpr std::uint64_t kMostBytes = std::uint64_t{16} << 20;  // of a chunk, of which each thread holds three
    const auto layout = layout_of(dataset);
    if (!layout || layout->chunk > kMostBytes / value_bytes || (layout->chunk < kLeastValues && layout->chunk < count)) return false;
    return ChunkReader(dataset, *layout, count, value_bytes, take).run();
}

}  // namespace c2l::h5
