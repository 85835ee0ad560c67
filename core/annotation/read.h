// Annotation files in and out. Files are hostile: sizes are checked before memory is taken, nesting is bounded. Throws c2l::Error with one
// sentence that names the feature; never returns half a file. Recoverable findings are in AnnotationSet::issues.
//
// GeoJSON: RFC 7946 as QuPath 0.2 … 0.6 writes it (qupath-core, io/PathObjectTypeAdapters): FeatureCollection, one Feature, an array of
// features, or bare geometries; classes with `name` or `names` and `color` or `colorRGB`; measurements as an object or as an array. Read
// and written without loss: unknown members come back as they were. Not kept: a third coordinate (said in an issue).
// ASAP XML (computationalpathologygroup/ASAP, annotation/XmlRepository): Dot, PointSet, Polygon, Spline, Rectangle, Measurement; groups become classes.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "annotation/annotation.h"

namespace c2l {

constexpr std::uint64_t kMostAnnotationBytes = std::uint64_t{512} << 20;

// "geojson", "asap_xml", or "" when it is neither; by the first bytes.
std::string recognise_annotation_file(const std::filesystem::path& path);
AnnotationSet read_annotations(const std::filesystem::path& path);

// `path` only names the file in messages.
AnnotationSet parse_geojson(std::string text, const std::filesystem::path& path = {});
AnnotationSet parse_asap_xml(std::string_view text, const std::filesystem::path& path = {});

// One feature per line. A set that came as one feature, an array or bare geometries is written so again while it still can be.
std::string to_geojson(const AnnotationSet& set);
void write_geojson(const std::filesystem::path& path, const AnnotationSet& set);  // whole or not at all

}  // namespace c2l
