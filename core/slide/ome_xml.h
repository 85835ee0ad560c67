// The few facts of an OME-XML block (ImageDescription of an OME-TIFF) that a slide needs. Private to core/slide.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace c2l {

struct OmeDescription {
    bool found = false;               // the text is OME-XML
    std::optional<double> mpp;        // Pixels/@PhysicalSizeX and Y of the first image, any length unit of OME 2016-06
    std::optional<double> objective;  // Objective/@NominalMagnification
};
OmeDescription describe_ome(std::string_view text);

// Elements of an XML text in order, with attributes (entities decoded) and the text directly inside. Lenient: what is not well formed
// is passed over. At most 100,000 elements.
struct XmlElement {
    std::string name;  // without its namespace prefix
    std::vector<std::pair<std::string, std::string>> attributes;
    std::string text;

    std::string attribute(std::string_view name) const;  // empty when absent
};
std::vector<XmlElement> scan_xml(std::string_view text);

}  // namespace c2l
