#include "project/project.h"

#include <fstream>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/hash.h"
#include "base/json_depth.h"
#include "project/database.h"
#include "project/schema.h"
#include "project/store.h"

namespace c2l {

namespace fs = std::filesystem;

namespace {

fs::path store_of(const fs::path& project) { return project.string() + ".d"; }

fs::path absolute_of(const fs::path& path) {
    std::error_code failed;
    const fs::path canonical = fs::weakly_canonical(path, failed);
    return failed ? fs::absolute(path).lexically_normal() : canonical;
}

std::int64_t modified_at(const fs::path& path) {
    std::error_code failed;
    const auto time = fs::last_write_time(path, failed);
    return failed ? 0 : static_cast<std::int64_t>(time.time_since_epoch().count());
}

std::int64_t bytes_of(const fs::path& path) {
    std::error_code failed;
    const auto size = fs::file_size(path, failed);
    return failed ? -1 : static_cast<std::int64_t>(size);
}

class SqliteProject final : public Project {
public:
    SqliteProject(const fs::path& path, Mode mode) : path_(absolute_of(path)), mode_(mode), store_(store_of(path_)) {
        if (mode_ == Mode::Write) {
            fs::create_directories(store_.root());
            lock_ = std::make_unique<WriterLock>(store_.root() / "lock", path_);
        }
        database_ = std::make_unique<Database>(path_, mode_ == Mode::Write ? Database::Mode::Write : Database::Mode::Read);
        check_schema(*database_);
        if (mode_ == Mode::Write) {
            migrate(*database_);
            database_->execute("PRAGMA journal_mode = WAL");
            database_->execute("PRAGMA foreign_keys = ON");
            store_.remove_staging();
        } else if (database_->number("PRAGMA user_version") < kSchema) {
            throw Error(ErrorCode::Unsupported, "was made by an older C2L Studio; open it for writing once to bring it up to date", path_);
        }
    }

    const fs::path& path() const override { return path_; }
    fs::path store() const override { return store_.root(); }
    fs::path pyramids() const override { return store_.root() / "pyramids"; }

    std::vector<ProjectSlide> slides() const override {
        std::vector<ProjectSlide> found;
        Statement rows(*database_, "SELECT id, relative, absolute, content_id, bytes, modified, mpp, patient FROM slides ORDER BY id");
        while (rows.step()) {
            ProjectSlide slide;
            slide.id = rows.integer(0);
            slide.content_id = rows.text(3);
            slide.mpp = rows.real(6);
            slide.patient = rows.text(7);
            slide.missing = true;
            for (const fs::path& candidate : places(rows.text(1), rows.text(2)))
                if (same_content(candidate, slide.content_id, rows.integer(4), rows.integer(5))) {
                    slide.path = candidate;
                    slide.missing = false;
                    break;
                }
            if (slide.missing) slide.path = rows.text(2);
            found.push_back(std::move(slide));
        }
        return found;
    }

    std::vector<ProjectSpots> spots() const override {
        std::vector<ProjectSpots> found;
        Statement rows(*database_, "SELECT id, slide, spots_relative, spots_absolute, counts_relative, counts_absolute, content_id, format"
                                   " FROM spots ORDER BY id");
        while (rows.step()) {
            ProjectSpots spots;
            spots.id = rows.integer(0);
            spots.slide = rows.integer(1);
            spots.spots = locate(rows.text(2), rows.text(3), spots.missing);
            spots.counts = locate(rows.text(4), rows.text(5), spots.missing);
            spots.content_id = rows.text(6);
            spots.format = rows.text(7);
            read_placement(spots);
            found.push_back(std::move(spots));
        }
        return found;
    }

    std::int64_t add_slide(const ProjectSlide& slide) override {
        writable();
        const fs::path absolute = absolute_of(slide.path);
        Transaction transaction(*database_);
        Statement(*database_, "INSERT INTO slides (relative, absolute, content_id, bytes, modified, mpp, patient) VALUES (?, ?, ?, ?, ?, ?, ?)"
                              " ON CONFLICT(content_id) DO UPDATE SET relative = excluded.relative, absolute = excluded.absolute,"
                              " bytes = excluded.bytes, modified = excluded.modified, mpp = coalesce(excluded.mpp, mpp),"
                              " patient = CASE excluded.patient WHEN '' THEN patient ELSE excluded.patient END")
            .bind(relative_of(absolute)).bind(absolute.string()).bind(slide.content_id).bind(bytes_of(absolute)).bind(modified_at(absolute))
            .bind(slide.mpp).bind(slide.patient).step();
        Statement row(*database_, "SELECT id FROM slides WHERE content_id = ?");
        row.bind(slide.content_id).step();
        const std::int64_t id = row.integer(0);
        row.step();
        transaction.commit();
        return id;
    }

    std::int64_t add_spots(const ProjectSpots& spots) override {
        writable();
        const fs::path places = spots.spots.empty() ? fs::path() : absolute_of(spots.spots);
        const fs::path counts = spots.counts.empty() ? fs::path() : absolute_of(spots.counts);
        Transaction transaction(*database_);
        // Anew rather than updated: its id becomes the greatest, and the latest import counts.
        Statement(*database_, "DELETE FROM spots WHERE slide = ? AND content_id = ?").bind(spots.slide).bind(spots.content_id).step();
        Statement(*database_, "INSERT INTO spots (slide, spots_relative, spots_absolute, counts_relative, counts_absolute, content_id, format)"
                              " VALUES (?, ?, ?, ?, ?, ?, ?)")
            .bind(spots.slide).bind(relative_of(places)).bind(places.string()).bind(relative_of(counts)).bind(counts.string())
            .bind(spots.content_id).bind(spots.format).step();
        const std::int64_t id = database_->last_id();
        write_placement(spots);
        transaction.commit();
        return id;
    }

    void set_mpp(std::int64_t slide, double mpp) override {
        writable();
        Statement(*database_, "UPDATE slides SET mpp = ? WHERE id = ?").bind(std::optional<double>(mpp)).bind(slide).step();
    }

    std::optional<Artifact> find(const std::string& id) const override { return store_.find(id); }
    std::vector<Artifact> artifacts(const std::string& step) const override { return store_.list(step); }

    Artifact obtain(const Provenance& provenance, const std::function<void(const fs::path&)>& make) override {
        if (mode_ != Mode::Write)
            if (auto present = store_.find(provenance.id())) return *present;
        writable();
        return store_.obtain(provenance, make);
    }

    fs::path work_folder(const Provenance& provenance) override {
        writable();
        return store_.work_folder(provenance.id());
    }

    std::optional<std::string> setting(const std::string& key) const override {
        Statement row(*database_, "SELECT json FROM settings WHERE key = ?");
        if (!row.bind(key).step()) return std::nullopt;
        return row.text(0);
    }

    void set_setting(const std::string& key, const std::string& json) override {
        writable();
        Statement(*database_, "INSERT INTO settings (key, json) VALUES (?, ?) ON CONFLICT(key) DO UPDATE SET json = excluded.json")
            .bind(key).bind(json).step();
    }

private:
    void writable() const {
        if (mode_ != Mode::Write) throw Error(ErrorCode::Internal, "the project was opened for reading only", path_);
    }

    // Registration and alignment, among the settings: a project made before they were known needs no migration.
    static std::string placement_key(const ProjectSpots& spots) { return "placement/" + std::to_string(spots.slide) + "/" + spots.content_id; }

    void write_placement(const ProjectSpots& spots) {
        nlohmann::json placement = nlohmann::json::object();
        if (spots.registration) placement["registration"] = *spots.registration;
        if (!spots.alignment.empty()) placement["alignment"] = spots.alignment;
        set_setting(placement_key(spots), placement.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    }

    void read_placement(ProjectSpots& spots) const {
        const auto text = setting(placement_key(spots));
        if (!text || is_nested_deeper(*text)) return;
        const auto placement = nlohmann::json::parse(*text, nullptr, false);
        if (!placement.is_object()) return;
        if (const auto found = placement.find("alignment"); found != placement.end() && found->is_string()) spots.alignment = found->get<std::string>();
        const auto found = placement.find("registration");
        if (found == placement.end() || !found->is_array() || found->size() != 6) return;
        std::array<double, 6> m{};
        for (std::size_t i = 0; i < m.size(); ++i) {
            if (!(*found)[i].is_number()) return;
            m[i] = (*found)[i].get<double>();
        }
        spots.registration = m;
    }

    std::string relative_of(const fs::path& absolute) const {
        return absolute.empty() ? std::string() : absolute.lexically_relative(path_.parent_path()).generic_string();
    }

    // Where a file may be now: relative to the project first (both were moved), at its old place, beside the project.
    std::vector<fs::path> places(const std::string& relative, const std::string& absolute) const {
        std::vector<fs::path> found;
        if (!relative.empty()) found.push_back((path_.parent_path() / relative).lexically_normal());
        found.emplace_back(absolute);
        found.push_back(path_.parent_path() / fs::path(absolute).filename());
        return found;
    }

    fs::path locate(const std::string& relative, const std::string& absolute, bool& missing) const {
        if (absolute.empty()) return {};
        std::error_code ignored;
        for (const fs::path& place : places(relative, absolute))
            if (fs::exists(place, ignored)) return place;
        missing = true;
        return absolute;
    }

    // Hashing gigabytes on every look would be slow: the same size and time of change are taken for the same file; another
    // time of change is settled once per program by the content.
    bool same_content(const fs::path& file, const std::string& content_id, std::int64_t bytes, std::int64_t modified) const {
        if (bytes < 0 || bytes_of(file) != bytes) return false;  // not even a regular file
        const std::int64_t now = modified_at(file);
        if (now == modified) return true;
        static std::mutex guard;  // projects come and go, and are opened on several threads
        static std::map<std::pair<std::string, std::int64_t>, std::string> hashed;
        const std::lock_guard lock(guard);
        const auto key = std::make_pair(file.string(), now);
        auto known = hashed.find(key);
        if (known == hashed.end()) {
            try {
                known = hashed.emplace(key, sha256_file(file)).first;
            } catch (const Error&) {
                return false;
            }
        }
        return known->second == content_id;
    }

    fs::path path_;
    Mode mode_;
    ArtifactStore store_;
    std::unique_ptr<WriterLock> lock_;
    std::unique_ptr<Database> database_;
};

}  // namespace

bool Project::is_project(const fs::path& path) {
    // SQLite keeps the application id, big-endian, at byte 68 of the file header.
    std::ifstream in(path, std::ios::binary);
    char header[72] = {};
    in.read(header, sizeof header);
    if (!in || std::string(header, 15) != "SQLite format 3") return false;
    std::uint32_t id = 0;
    for (int i = 68; i < 72; ++i) id = id << 8 | static_cast<std::uint8_t>(header[i]);
    return id == kApplicationId;
}

std::unique_ptr<Project> Project::create(const fs::path& given) {
    const fs::path path = absolute_of(given), store = store_of(path);
    std::error_code failed;
    fs::create_directories(store, failed);
    if (failed) throw Error(ErrorCode::Io, "the project's folder cannot be made; choose another place", store, failed.message());
    {
        const WriterLock lock(store / "lock", path);
        if (fs::exists(path)) throw Error(ErrorCode::BadInput, "exists already; open it or choose another name", path);
        // Made under another name first: a killed program leaves no half project.
        const fs::path part = store / "new.part";
        fs::remove(part, failed);
        {
            Database database(part, Database::Mode::Create);
            create_schema(database);
        }
        fs::rename(part, path, failed);
        if (failed) throw Error(ErrorCode::Io, "cannot be written; check the space and the permissions", path, failed.message());
    }
    return open(path, Mode::Write);
}

std::unique_ptr<Project> Project::open(const fs::path& path, Mode mode) {
    std::error_code ignored;
    if (!fs::exists(path, ignored)) throw Error(ErrorCode::NotFound, "there is no such project; make one with 'c2l import'", path);
    if (!is_project(path)) throw Error(ErrorCode::BadInput, "is not a C2L Studio project; choose a .c2l file", path);
    return std::make_unique<SqliteProject>(path, mode);
}

}  // namespace c2l
