// The artifact store: one folder per finished step; private to core/project.
//
// The folders themselves are the record (provenance.json lies in each), so that there is no second list to fall out of step.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "project/project.h"

namespace c2l {

// Held for the life of a writable project; the system lets go of it when the program dies.
class WriterLock {
public:
    WriterLock(const std::filesystem::path& file, const std::filesystem::path& project);  // throws Error(Io) when another holds it
    ~WriterLock();
    WriterLock(const WriterLock&) = delete;
    WriterLock& operator=(const WriterLock&) = delete;

private:
    int descriptor_ = -1;
};

class ArtifactStore {
public:
    explicit ArtifactStore(std::filesystem::path root) : root_(std::move(root)) {}
    const std::filesystem::path& root() const { return root_; }

    std::optional<Artifact> find(const std::string& id) const;
    std::vector<Artifact> list(const std::string& step) const;  // newest first
    Artifact obtain(const Provenance& provenance, const std::function<void(const std::filesystem::path&)>& make);
    std::filesystem::path work_folder(const std::string& id);
    void remove_staging();  // what a killed program left behind

private:
    std::filesystem::path root_;
};

}  // namespace c2l
