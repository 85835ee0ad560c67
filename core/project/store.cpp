#include "project/store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/job.h"
#include "base/json_depth.h"

namespace c2l {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr const char* kRecord = "provenance.json";
constexpr const char* kStaging = "staging";

std::string now_utc() {
    const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    std::tm parts{};
    gmtime_r(&now, &parts);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return text;
}

std::string folder_name(const std::string& step, const std::string& id) { return step + "-" + id.substr(0, 16); }

void check_step_name(const std::string& step) {
    const bool good = !step.empty() && std::all_of(step.begin(), step.end(), [](unsigned char c) { return std::islower(c) || c == '_'; });
    if (!good) throw Error(ErrorCode::Internal, "a step has a name that cannot name a folder: " + step);
}

std::optional<Artifact> read_record(const fs::path& folder) {
    std::error_code ignored;
    if (!fs::is_regular_file(folder / kRecord, ignored)) return std::nullopt;
    try {
        const std::string text = read_file(folder / kRecord, 1 << 26);
        if (is_nested_deeper(text)) return std::nullopt;
        const json record = json::parse(text);
        for (const char* key : {"peak_memory_bytes", "seed"})
            if (!record.at(key).is_number_unsigned()) return std::nullopt;  // converting 1e300 or -1 would be undefined
        Artifact artifact;
        artifact.folder = folder;
        artifact.id = record.at("id").get<std::string>();
        artifact.created = record.at("created").get<std::string>();
        artifact.seconds = record.at("seconds").get<double>();
        artifact.peak_memory_bytes = record.at("peak_memory_bytes").get<std::uint64_t>();
        Provenance& p = artifact.provenance;
        p.step = artifact.step = record.at("step").get<std::string>();
        p.params = record.at("params").dump();
        p.inputs = record.at("inputs").get<std::vector<std::string>>();
        p.seed = record.at("seed").get<std::uint64_t>();
        p.program_version = record.value("program_version", "");
        p.device = record.value("device", "");
        if (p.id() != artifact.id) return std::nullopt;  // edited by hand: it is not what it says
        return artifact;
    } catch (const json::exception&) {
        return std::nullopt;
    } catch (const Error&) {
        return std::nullopt;
    }
}

// The order of use is read from the record's time: the artifact asked for last is the newest, whether it was made or found.
void touch(const fs::path& folder) {
    std::error_code ignored;
    fs::last_write_time(folder / kRecord, fs::file_time_type::clock::now(), ignored);
}

void write_record(const fs::path& folder, const Provenance& p, double seconds) {
    const json record = {{"id", p.id()},
                         {"step", p.step},
                         {"params", json::parse(p.params)},
                         {"inputs", p.inputs},
                         {"seed", p.seed},
                         {"program_version", p.program_version.empty() ? program_version() : p.program_version},
                         {"device", p.device},
                         {"created", now_utc()},
                         {"seconds", seconds},
                         {"peak_memory_bytes", peak_memory_bytes()}};
    write_file(folder / kRecord, record.dump(2) + "\n");
    touch(folder);  // the clock of the file system is coarser
}

// Everything below `folder` reaches the disk before the rename does: after a power cut the artifact is whole or absent.
void flush_tree(const fs::path& folder) {
    try {
        for (const auto& entry : fs::recursive_directory_iterator(folder)) flush_to_disk(entry.path());
        flush_to_disk(folder);
    } catch (const fs::filesystem_error& failed) {
        throw Error(ErrorCode::Io, "cannot be written; check the space and the disk", failed.path1(), failed.code().message());
    }
}

}  // namespace

WriterLock::WriterLock(const fs::path& file, const fs::path& project) {
    descriptor_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (descriptor_ < 0)
        throw Error(ErrorCode::Io, "cannot be opened for writing; check the permissions of its folder", project, std::strerror(errno));
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
        ::close(descriptor_);
        throw Error(ErrorCode::Io, "is in use by another C2L program; wait for it to finish or stop it", project);
    }
}

WriterLock::~WriterLock() { ::close(descriptor_); }

std::optional<Artifact> ArtifactStore::find(const std::string& id) const {
    if (id.size() < 16) return std::nullopt;
    const std::string ending = "-" + id.substr(0, 16);
    std::error_code failed;
    for (fs::directory_iterator entry(root_, failed), end; !failed && entry != end; entry.increment(failed)) {
        if (!entry->path().filename().string().ends_with(ending)) continue;
        if (auto artifact = read_record(entry->path()); artifact && artifact->id == id) return artifact;
    }
    return std::nullopt;
}

std::vector<Artifact> ArtifactStore::list(const std::string& step) const {
    std::vector<Artifact> found;
    std::error_code failed;
    for (fs::directory_iterator entry(root_, failed), end; !failed && entry != end; entry.increment(failed)) {
        const std::string name = entry->path().filename().string();
        if (!step.empty() && !name.starts_with(step + "-")) continue;
        if (auto artifact = read_record(entry->path()); artifact && (step.empty() || artifact->step == step)) found.push_back(std::move(*artifact));
    }
    // Within one second the file system knows the order better than the clock text does.
    const auto time = [](const Artifact& a) {
        std::error_code ignored;
        return fs::last_write_time(a.folder / kRecord, ignored);
    };
    std::sort(found.begin(), found.end(), [&](const Artifact& a, const Artifact& b) {
        const auto ta = time(a), tb = time(b);
        return ta != tb ? ta > tb : a.id < b.id;
    });
    return found;
}

Artifact ArtifactStore::obtain(const Provenance& provenance, const std::function<void(const fs::path&)>& make) {
    const std::string id = provenance.id();
    if (auto present = find(id)) {
        touch(present->folder);
        return *present;
    }
    check_step_name(provenance.step);
    const fs::path staging = root_ / kStaging / id, folder = root_ / folder_name(provenance.step, id);
    try {
        fs::remove_all(staging);
        fs::create_directories(staging);
        reset_peak_memory();
        const EtaClock clock;
        make(staging);
        write_record(staging, provenance, clock.elapsed_s());
        flush_tree(staging);
        fs::remove_all(folder);  // only a damaged one can be there
        fs::rename(staging, folder);
        flush_to_disk(root_);
        fs::remove_all(root_ / "work" / id);
    } catch (const fs::filesystem_error& failed) {
        std::error_code ignored;
        fs::remove_all(staging, ignored);
        throw Error(ErrorCode::Io, "a result cannot be stored; check the space and the permissions", root_, failed.code().message());
    } catch (...) {
        std::error_code ignored;
        fs::remove_all(staging, ignored);
        throw;
    }
    auto stored = find(id);
    if (!stored) throw Error(ErrorCode::Io, "a result was stored but cannot be read back; check the disk", folder);
    return *stored;
}

fs::path ArtifactStore::work_folder(const std::string& id) {
    const fs::path folder = root_ / "work" / id;
    std::error_code failed;
    fs::create_directories(folder, failed);
    if (failed) throw Error(ErrorCode::Io, "the folder cannot be made; check the space and the permissions", folder, failed.message());
    return folder;
}

void ArtifactStore::remove_staging() {
    std::error_code ignored;
    fs::remove_all(root_ / kStaging, ignored);
}

}  // namespace c2l
