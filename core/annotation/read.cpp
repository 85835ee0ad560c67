#include "annotation/read.h"

#include <fstream>

#include "base/error.h"
#include "base/file.h"

namespace c2l {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kHead = 1 << 16;

std::string head_of(const fs::path& path) {
    std::error_code failed;
    if (!fs::is_regular_file(path, failed)) return {};
    std::ifstream in(path, std::ios::binary);
    std::string head(kHead, '\0');
    in.read(head.data(), static_cast<std::streamsize>(head.size()));
    head.resize(static_cast<std::size_t>(in.gcount()));
    return head;
}

std::string recognise(std::string_view head) {
    if (head.starts_with("\xEF\xBB\xBF")) head.remove_prefix(3);
    const auto first = head.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return {};
    if (head[first] == '<') return head.find("<ASAP_Annotations") != std::string_view::npos ? "asap_xml" : "";
    if (head[first] != '{' && head[first] != '[') return {};
    const auto has = [&](const char* word) { return head.find(word) != std::string_view::npos; };
    const bool typed = has("\"type\"");
    return typed && (has("\"FeatureCollection\"") || has("\"Feature\"") || has("\"coordinates\"")) ? "geojson" : "";
}

}  // namespace

std::string recognise_annotation_file(const fs::path& path) { return recognise(head_of(path)); }

AnnotationSet read_annotations(const fs::path& path) try {
    std::error_code failed;
    if (!fs::exists(path, failed)) throw Error(ErrorCode::NotFound, "there is no such file; check the path", path);
    const std::string format = recognise_annotation_file(path);
    if (format.empty()) throw Error(ErrorCode::Unsupported, "is not an annotation file this program knows; give QuPath GeoJSON or ASAP XML", path);
    std::string text = read_file(path, kMostAnnotationBytes);
    return format == "asap_xml" ? parse_asap_xml(text, path) : parse_geojson(std::move(text), path);
} catch (const std::bad_alloc&) {
    throw Error(ErrorCode::Memory, "needs more memory than there is; export fewer objects at a time", path);
}

}  // namespace c2l
