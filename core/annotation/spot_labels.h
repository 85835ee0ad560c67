// Classes that a person gave to spots, by barcode: a table "spot,label,colour" beside the project.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "annotation/annotation.h"

namespace c2l {

using SpotLabels = std::map<std::string, Classification>;  // by barcode

// Empty when there is no such file. Throws Error(BadInput|Io).
SpotLabels read_spot_labels(const std::filesystem::path& path);
void write_spot_labels(const std::filesystem::path& path, const SpotLabels& labels);

// Where a project keeps them, and the annotations of one of its slides (content_id: ProjectSlide::content_id). Files beside the project and
// no tables in it: the project file has one writer, which is the worker while a job runs, and people draw meanwhile; and what is drawn can be
// opened in QuPath as it lies.
std::filesystem::path spot_labels_file(const std::filesystem::path& store);
std::filesystem::path annotations_file(const std::filesystem::path& store, const std::string& content_id);

}  // namespace c2l
