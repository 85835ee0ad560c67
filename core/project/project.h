// The project file (*.c2l, SQLite) and its artifact store (NAME.c2l.d/ beside it).
//
// An artifact is a folder of files made by one step, named by its provenance id; once there it never changes. It is built in a
// staging folder and renamed into place, so a killed program leaves no half artifact. One writer at a time (a lock file
// held for the life of a writable Project); any number of readers. Not thread-safe; one object per thread.
#pragma once

#include <array>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/issue.h"
#include "base/provenance.h"

namespace c2l {

struct ProjectSlide {
    std::int64_t id = 0;
    std::filesystem::path path;   // as found now (absolute)
    std::string content_id;       // SHA-256
    std::optional<double> mpp;    // given by the user
    std::string patient;
    bool missing = false;         // neither at its recorded place nor beside the project
};

struct ProjectSpots {
    std::int64_t id = 0;
    std::int64_t slide = 0;       // ProjectSlide::id
    std::filesystem::path spots, counts;  // as read at import; counts may be empty
    std::string content_id;       // of the spots as registered: other positions are other spots
    std::string format;
    std::optional<std::array<double, 6>> registration;  // x' = m0 x + m1 y + m2, y' = m3 x + m4 y + m5 from the file to the slide; none: as the file has them
    std::string alignment;        // JSON: how the spots were found to lie on the tissue (docs/formats.md); may be empty
    bool missing = false;
};

struct Artifact {
    std::string id;               // provenance id
    std::string step;
    std::filesystem::path folder;
    Provenance provenance;
    std::string created;          // ISO 8601, UTC
    double seconds = 0;
    std::uint64_t peak_memory_bytes = 0;
};

class Project {
public:
    enum class Mode { Read, Write };
    static std::unique_ptr<Project> create(const std::filesystem::path& path);  // refuses to overwrite
    static std::unique_ptr<Project> open(const std::filesystem::path& path, Mode mode);
    static bool is_project(const std::filesystem::path& path);
    virtual ~Project() = default;

    virtual const std::filesystem::path& path() const = 0;
    virtual std::filesystem::path store() const = 0;  // NAME.c2l.d
    virtual std::filesystem::path pyramids() const = 0;  // NAME.c2l.d/pyramids: converted plain images

    virtual std::vector<ProjectSlide> slides() const = 0;
    virtual std::vector<ProjectSpots> spots() const = 0;
    virtual std::int64_t add_slide(const ProjectSlide& slide) = 0;  // returns the id; the same content is added once
    virtual std::int64_t add_spots(const ProjectSpots& spots) = 0;  // the same content is kept once, and is the latest again (greatest id)
    virtual void set_mpp(std::int64_t slide, double mpp) = 0;

    virtual std::optional<Artifact> find(const std::string& id) const = 0;
    virtual std::vector<Artifact> artifacts(const std::string& step = {}) const = 0;  // newest first
    // Runs `make(staging folder)` unless the artifact is there already. When it throws, nothing is stored.
    virtual Artifact obtain(const Provenance& provenance, const std::function<void(const std::filesystem::path& staging)>& make) = 0;
    // A folder for checkpoints of an unfinished step; removed when its artifact is stored.
    virtual std::filesystem::path work_folder(const Provenance& provenance) = 0;
    // Small settings of the window (limits, opacity, annotations …), as JSON text by key.
    virtual std::optional<std::string> setting(const std::string& key) const = 0;
    virtual void set_setting(const std::string& key, const std::string& json) = 0;
};

}  // namespace c2l
