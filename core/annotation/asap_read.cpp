// ASAP's XML through expat (streamed; no tree in memory). Document types are refused: they have no business here, and entities are how
// small files become large.
#include <expat.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>

#include "annotation/read.h"
#include "base/error.h"

namespace c2l {
namespace {

constexpr int kMostDepth = 16;
constexpr double kMostPx = 1e9;

struct Group {
    std::string parent;
    std::optional<Rgb> colour;
};

struct Ordered {
    long order = 0;
    Point2 at;
};

std::string attribute(const char** attributes, std::string_view name) {
    for (; attributes && *attributes; attributes += 2)
        if (name == attributes[0]) return attributes[1];
    return {};
}

std::optional<Rgb> hex_colour(std::string_view text) {
    unsigned value = 0;
    if (text.size() != 7 || text[0] != '#') return std::nullopt;
    const auto [end, failed] = std::from_chars(text.data() + 1, text.data() + 7, value, 16);
    if (failed != std::errc() || end != text.data() + 7) return std::nullopt;
    return Rgb{static_cast<std::uint8_t>(value >> 16), static_cast<std::uint8_t>(value >> 8 & 255), static_cast<std::uint8_t>(value & 255)};
}

class AsapParser {
public:
    explicit AsapParser(const std::filesystem::path& path) : path_(path), parser_(XML_ParserCreate(nullptr), &XML_ParserFree) {
        if (!parser_) throw std::bad_alloc();
        XML_SetUserData(parser_.get(), this);
        XML_SetElementHandler(parser_.get(), &on_start, &on_end);
        XML_SetDoctypeDeclHandler(parser_.get(), &on_doctype, nullptr);
    }

    AnnotationSet parse(std::string_view text) {
        constexpr std::size_t kChunk = 1 << 20;
        for (std::size_t at = 0; at == 0 || at < text.size(); at += kChunk) {
            const auto size = std::min(kChunk, text.size() - at);
            const bool last = at + size >= text.size();
            if (XML_Parse(parser_.get(), text.data() + at, static_cast<int>(size), last) == XML_STATUS_ERROR) {
                if (!problem_.empty()) throw Error(ErrorCode::BadInput, problem_, path_);
                throw Error(ErrorCode::BadInput, "line " + std::to_string(XML_GetCurrentLineNumber(parser_.get())) + " is not valid XML; save it again in ASAP", path_,
                            XML_ErrorString(XML_GetErrorCode(parser_.get())));
            }
        }
        if (!seen_root_) throw Error(ErrorCode::Unsupported, "is XML, but not of ASAP; it has no ASAP_Annotations", path_);
        classify();
        return std::move(set_);
    }

private:
    // Exceptions must not pass through C code: the sentence is kept, the parser stopped, and parse() throws.
    template <class Act>
    static void guarded(void* self, Act act) {
        auto& parser = *static_cast<AsapParser*>(self);
        if (!parser.problem_.empty()) return;
        try {
            act(parser);
        } catch (const std::exception& failed) {
            parser.problem_ = failed.what();
        }
        if (!parser.problem_.empty()) XML_StopParser(parser.parser_.get(), XML_FALSE);
    }
    static void on_start(void* self, const char* name, const char** attributes) {
        guarded(self, [&](AsapParser& p) { p.start(name, attributes); });
    }
    static void on_end(void* self, const char* name) {
        guarded(self, [&](AsapParser& p) { p.end(name); });
    }
    static void on_doctype(void* self, const char*, const char*, const char*, int) {
        guarded(self, [](AsapParser& p) { p.problem_ = "has a document type, which no ASAP file has; it is not read"; });
    }

    void fail(const std::string& what) { problem_ = "annotation " + std::to_string(set_.annotations.size() + 1) + ": " + what; }

    void start(std::string_view name, const char** attributes) {
        if (++depth_ > kMostDepth) return fail("is nested deeper than any ASAP file");
        if (depth_ == 1) seen_root_ = name == "ASAP_Annotations";
        if (name == "Annotation") {
            now_ = Annotation{};
            now_.name = attribute(attributes, "Name");
            now_.colour = hex_colour(attribute(attributes, "Color"));
            type_ = attribute(attributes, "Type");
            group_ = attribute(attributes, "PartOfGroup");
            points_.clear();
            in_annotation_ = true;
        } else if (name == "Coordinate" && in_annotation_) {
            add_coordinate(attributes);
        } else if (name == "Group") {
            groups_[attribute(attributes, "Name")] = {attribute(attributes, "PartOfGroup"), hex_colour(attribute(attributes, "Color"))};
        }
    }

    double number(const char** attributes, const char* name) {
        const std::string text = attribute(attributes, name);
        double value = 0;
        const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (text.empty() || failed != std::errc() || end != text.data() + text.size()) fail(std::string(name) + "=\"" + text.substr(0, 40) + "\" is not a number");
        else if (!(std::abs(value) <= kMostPx)) fail("a coordinate lies outside any slide");
        return value;
    }

    void add_coordinate(const char** attributes) {
        const std::string order = attribute(attributes, "Order");
        Ordered point;
        point.order = static_cast<long>(points_.size());
        std::from_chars(order.data(), order.data() + order.size(), point.order);
        point.at = {number(attributes, "X"), number(attributes, "Y")};
        points_.push_back(point);
    }

    void end(std::string_view name) {
        --depth_;
        if (name != "Annotation" || !in_annotation_) return;
        in_annotation_ = false;
        std::stable_sort(points_.begin(), points_.end(), [](const Ordered& a, const Ordered& b) { return a.order < b.order; });
        Ring ring;
        for (const Ordered& p : points_) ring.push_back(p.at);
        if (ring.empty()) return note(nothing_, "has no coordinates and is left out");
        if (type_ == "Dot") now_.geometry = ring.size() == 1 ? point_at(ring.front()) : points_at(std::move(ring));
        else if (type_ == "PointSet") now_.geometry = points_at(std::move(ring));
        else if (type_ == "Measurement") now_.geometry = line_along(std::move(ring));
        else if (type_ == "Polygon" || type_ == "Rectangle" || type_ == "Spline") now_.geometry = polygon_of(std::move(ring));
        else return fail("is of the unknown type '" + type_.substr(0, 40) + "'");
        if (type_ == "Spline") note(splines_, "is a spline; its points are joined by straight lines");
        now_.id = new_annotation_id();
        set_.annotations.push_back(std::move(now_));
        part_of_.push_back(group_);
    }

    void note(std::size_t& count, const char* text) {
        if (count++ == 0) set_.issues.push_back({Severity::Warning, std::string("an annotation ") + text, now_.name});
    }

    // "parent: child", as QuPath names a derived class.
    std::string full_name(const std::string& group) const {
        std::string name = group, at = group;
        for (int level = 0; level < kMostDepth; ++level) {
            const auto found = groups_.find(at);
            if (found == groups_.end() || found->second.parent.empty() || found->second.parent == "None" || found->second.parent == at) break;
            at = found->second.parent;
            name = at + ": " + name;
        }
        return name;
    }

    void classify() {
        set_.format = "asap_xml";
        for (std::size_t i = 0; i < set_.annotations.size(); ++i) {
            const std::string& group = part_of_[i];
            if (group.empty() || group == "None") continue;
            const auto found = groups_.find(group);
            if (found == groups_.end() && unlisted_++ == 0)
                set_.issues.push_back({Severity::Warning, "group '" + group + "' is not among the file's groups; it has no colour", set_.annotations[i].name});
            Classification c{full_name(group), found == groups_.end() ? std::nullopt : found->second.colour};
            // ASAP repeats the group's colour on its annotations; only one that differs is the annotation's own.
            if (c.colour && set_.annotations[i].colour == c.colour) set_.annotations[i].colour.reset();
            set_.annotations[i].classification = std::move(c);
        }
    }

    const std::filesystem::path& path_;
    std::unique_ptr<XML_ParserStruct, void (*)(XML_Parser)> parser_;
    AnnotationSet set_;
    std::map<std::string, Group> groups_;
    std::vector<std::string> part_of_;
    std::vector<Ordered> points_;
    Annotation now_;
    std::string type_, group_, problem_;
    int depth_ = 0;
    bool in_annotation_ = false, seen_root_ = false;
    std::size_t splines_ = 0, nothing_ = 0, unlisted_ = 0;
};

}  // namespace

AnnotationSet parse_asap_xml(std::string_view text, const std::filesystem::path& path) { return AsapParser(path).parse(text); }

}  // namespace c2l
