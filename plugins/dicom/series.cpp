#include "series.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>

#include "refusal.h"

namespace dicom {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kMaxFilesInFolder = 20000;
constexpr std::int64_t kMaxAssociatedPixels = std::int64_t{64} << 20;

bool is_dicom(const fs::path& path) {
    char head[132] = {};
    return std::ifstream(path, std::ios::binary).read(head, sizeof head) && std::memcmp(head + 128, "DICM", 4) == 0;
}

// Frames of a whole grid follow one another plane by plane: what lies beyond the first plane is not shown.
std::int64_t place_of(const Instance& instance, std::int64_t frame) {
    if (!instance.places.empty()) return instance.places[static_cast<std::size_t>(frame)];
    const std::int64_t place = instance.first_frame + frame;
    return place < instance.across() * instance.down() ? place : -1;
}

bool same_picture(const Instance& a, const Instance& b) {
    return a.width == b.width && a.height == b.height && a.frame_width == b.frame_width && a.frame_height == b.frame_height && a.flavour == b.flavour;
}

}  // namespace

Picture::Picture(std::vector<Instance> instances) {
    for (Instance& instance : instances) {
        if (!parts_.empty() && !same_picture(about(), instance)) damaged();
        parts_.push_back(std::make_unique<Part>(std::move(instance)));
    }
    tiles_.resize(static_cast<std::size_t>(about().across() * about().down()));
    bool sparse = false;
    for (std::size_t p = 0; p < parts_.size(); ++p) {
        const Instance& instance = parts_[p]->instance;
        sparse = sparse || !instance.places.empty();
        for (std::int64_t frame = 0; frame < instance.frames; ++frame) {
            const std::int64_t place = place_of(instance, frame);
            if (place >= 0 && tiles_[static_cast<std::size_t>(place)].part < 0)
                tiles_[static_cast<std::size_t>(place)] = {static_cast<std::int32_t>(p), static_cast<std::uint32_t>(frame)};
        }
    }
    const bool missing = std::any_of(tiles_.begin(), tiles_.end(), [](const Place& place) { return place.part < 0; });
    if (missing && !sparse) throw Refusal(C2L_DAMAGED, "lacks a part of its frames; put all files of the series into one folder, or copy them again");
}

std::int64_t Picture::planes() const {
    std::int64_t most = 1;
    for (const auto& part : parts_) most = std::max(most, part->instance.planes);
    return most;
}

std::int64_t Picture::paths() const {
    std::int64_t most = 1;
    for (const auto& part : parts_) most = std::max(most, part->instance.paths);
    return most;
}

void Picture::tile(std::int64_t column, std::int64_t row, std::uint8_t* rgb) const {
    if (column < 0 || row < 0 || column >= about().across() || row >= about().down()) throw Refusal(C2L_UNSUPPORTED, "has no such tile");
    const Place place = tiles_[static_cast<std::size_t>(row * about().across() + column)];
    if (place.part >= 0) parts_[static_cast<std::size_t>(place.part)]->frames.decode(place.frame, rgb);
}

void Picture::whole(std::uint8_t* rgb) const {
    const Instance& in = about();
    std::vector<std::uint8_t> one(static_cast<std::size_t>(in.frame_width * in.frame_height * 3));
    for (std::int64_t row = 0; row < in.down(); ++row)
        for (std::int64_t column = 0; column < in.across(); ++column) {
            std::fill(one.begin(), one.end(), std::uint8_t{255});
            tile(column, row, one.data());
            const std::int64_t x = column * in.frame_width, y = row * in.frame_height;
            const std::int64_t width = std::min(in.frame_width, in.width - x), height = std::min(in.frame_height, in.height - y);
            for (std::int64_t line = 0; line < height; ++line)
                std::memcpy(rgb + ((y + line) * in.width + x) * 3, one.data() + line * in.frame_width * 3, static_cast<std::size_t>(width) * 3);
        }
}

std::string name_of(const std::string& flavour) {
    if (flavour == "OVERVIEW") return "macro";
    std::string name;
    for (const char c : flavour.substr(0, 32)) name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return name;
}

std::vector<std::string> files_of_series(const std::string& path) {
    const std::string series = series_of(File(path));
    std::vector<std::string> files;
    std::error_code failed;
    std::size_t looked_at = 0;
    const fs::path folder = fs::path(path).has_parent_path() ? fs::path(path).parent_path() : fs::path(".");
    for (fs::directory_iterator at(folder, failed), end; !failed && at != end && looked_at < kMaxFilesInFolder; at.increment(failed), ++looked_at) {
        std::error_code ignored;
        if (series.empty() || !at->is_regular_file(ignored) || fs::equivalent(at->path(), path, ignored) || !is_dicom(at->path())) continue;
        try {
            if (series_of(File(at->path())) == series) files.push_back(at->path());
        } catch (const Refusal&) {  // damaged, and not even its series can be told: another slide's, or none's
        }
    }
    std::sort(files.begin(), files.end());
    files.insert(files.begin(), path);
    return files;
}

namespace {

// The user chose `path`: what is wrong with another file of the series is said with its name.
template <typename Work>
void naming(const std::string& file, const std::string& path, const Work& work) {
    try {
        work();
    } catch (const NoSlide&) {
        throw;
    } catch (const Refusal& refusal) {
        if (file == path) throw;
        throw Refusal(refusal.status, "is one of several files, of which " + fs::path(file).filename().string() + " " + refusal.what());
    }
}

// Images of the series in the order of their files; a concatenation counts where its first file stands.
std::vector<Picture> pictures_of(const std::string& path) {
    std::vector<std::vector<Instance>> images;
    std::map<std::string, std::size_t> concatenations;
    const auto add = [&](Instance one) {
        const auto known = one.concatenation.empty() ? concatenations.end() : concatenations.find(one.concatenation);
        if (known != concatenations.end()) {
            images[known->second].push_back(std::move(one));
            return;
        }
        if (!one.concatenation.empty()) concatenations[one.concatenation] = images.size();
        images.emplace_back().push_back(std::move(one));
    };
    for (const std::string& file : files_of_series(path)) {
        try {
            naming(file, path, [&] { add(read_instance(file)); });
        } catch (const NoSlide&) {
            if (file == path) throw;
        }
    }
    std::vector<Picture> pictures;
    for (auto& image : images) {
        const std::string file = image.front().path;
        naming(file, path, [&] { pictures.emplace_back(std::move(image)); });
    }
    return pictures;
}

// Of one size only the first is a level; what is no smaller version of the largest is none.
void choose_levels(std::vector<Picture> volumes, Series& out) {
    std::stable_sort(volumes.begin(), volumes.end(), [](const Picture& a, const Picture& b) { return a.about().width > b.about().width; });
    for (Picture& volume : volumes) {
        const Instance& it = volume.about();
        if (!out.levels.empty()) {
            const Instance &full = out.levels.front().about(), &before = out.levels.back().about();
            const double expected = static_cast<double>(full.height) * static_cast<double>(it.width) / static_cast<double>(full.width);
            const bool smaller = it.width < before.width && it.height <= before.height;
            if (!smaller || std::abs(expected - static_cast<double>(it.height)) > 2 + 0.01 * expected) {
                out.issues.push_back("the series holds several images of the section (focal planes, or scans); one of them is shown");
                continue;
            }
        }
        out.levels.push_back(std::move(volume));
    }
    std::sort(out.issues.begin(), out.issues.end());
    out.issues.erase(std::unique(out.issues.begin(), out.issues.end()), out.issues.end());
}

}  // namespace

Series open_series(const std::string& path) {
    Series out;
    std::vector<Picture> volumes;
    std::string other;
    for (Picture& picture : pictures_of(path)) {
        const Instance& it = picture.about();
        const std::string name = name_of(it.flavour);
        if (it.flavour == "VOLUME") {
            volumes.push_back(std::move(picture));
            continue;
        }
        other = it.flavour;
        const bool known = std::any_of(out.associated.begin(), out.associated.end(), [&](const Associated& each) { return each.name == name; });
        if (!name.empty() && !known && it.width <= kMaxAssociatedPixels / it.height) out.associated.push_back({name, std::move(picture)});
    }
    if (volumes.empty()) unsupported("is the " + name_of(other) + " image of a slide whose section is missing; put all files of the series into one folder");
    choose_levels(std::move(volumes), out);
    const Picture& full = out.levels.front();
    if (full.planes() > 1) out.issues.push_back("the slide has several focal planes; the first is shown");
    if (full.paths() > 1) out.issues.push_back("the slide has several optical paths (stains or channels); the first is shown");
    return out;
}

}  // namespace dicom
