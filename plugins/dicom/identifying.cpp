#include "identifying.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "dataset.h"
#include "outline.h"
#include "refusal.h"
#include "series.h"

namespace dicom {

namespace {

constexpr Uint32 kMaxText = 64 * 1024;

struct Report {
    c2l_finding report;
    void* user;
    void add(const std::string& where, const std::string& key, const std::string& value) const { report(user, where.c_str(), key.c_str(), value.c_str()); }
};

// Words of the standard, the same in everybody's files.
bool is_vocabulary(std::string_view key) {
    static constexpr std::array kNames = {"CodeValue", "CodeMeaning", "ContextIdentifier", "DimensionDescriptionLabel", "Manufacturer", "SoftwareVersions",
                                          "OpticalPathIdentifier", "ColorSpace", "PositionReferenceIndicator", "TimezoneOffsetFromUTC"};
    return key.substr(0, 12) == "CodingScheme" || std::find(kNames.begin(), kNames.end(), key) != kNames.end();
}

// Text, names, dates, times and what links files to a case; numbers and codes of the picture itself are not listed.
bool is_telling(const DcmElement& element, std::string_view key) {
    static constexpr std::array kLinks = {"StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID", "SpecimenUID", "AcquisitionUID", "PyramidUID",
                                          "DeviceUID", "SourceImageSequence"};
    switch (element.ident()) {
        case EVR_PN: case EVR_DA: case EVR_TM: case EVR_DT: case EVR_AS: case EVR_AE: case EVR_LT: case EVR_ST: case EVR_UT: case EVR_UR:
            return !is_vocabulary(key);
        case EVR_LO: case EVR_SH: case EVR_UC:
            return !is_vocabulary(key);
        case EVR_CS:
            return key == "PatientSex" || key == "BurnedInAnnotation";
        case EVR_UI:
            return std::find(kLinks.begin(), kLinks.end(), key) != kLinks.end();
        default:
            return element.getGTag() == 0x0010;  // the patient's size, weight …
    }
}

void from_element(DcmElement& element, const std::string& where, const Report& out) {
    DcmTag tag = element.getTag();
    const std::string key = tag.getTagName();
    if (element.getLengthField() == 0) return;
    if (element.getGTag() % 2 == 1) return out.add(where, "private " + std::string(tag.toString().c_str()), std::to_string(element.getLengthField()) + " bytes, not looked into");
    if (!is_telling(element, key)) return;
    OFString value;
    if (element.getLengthField() > kMaxText || element.getOFStringArray(value).bad())
        return out.add(where, key, std::to_string(element.getLengthField()) + " bytes, not looked into");
    const bool says_nothing = value.find_first_not_of("^= ") == OFString_npos || (key == "BurnedInAnnotation" && value == "NO");
    if (!says_nothing) out.add(where, key, value.c_str());
}

// The outline has bounded how deep this goes.
void from_item(DcmItem& item, const std::string& where, const Report& out) {
    for (DcmObject* at = item.nextInContainer(nullptr); at; at = item.nextInContainer(at)) {
        auto* sequence = dynamic_cast<DcmSequenceOfItems*>(at);
        if (!sequence) {
            if (auto* element = dynamic_cast<DcmElement*>(at)) from_element(*element, where, out);
            continue;
        }
        DcmTag tag = sequence->getTag();
        const std::string inside = where + " " + tag.getTagName();
        for (DcmObject* each = sequence->nextInContainer(nullptr); each; each = sequence->nextInContainer(each))
            if (auto* inner = dynamic_cast<DcmItem*>(each)) from_item(*inner, inside, out);
    }
}

}  // namespace

void report_identifying(const std::string& path, c2l_finding report, void* user) {
    const Report out{report, user};
    for (const std::string& file : files_of_series(path)) {
        const Outline outline = outline_of(File(file));  // throws before DCMTK meets what it cannot bear
        DcmFileFormat format;
        load(file, format);
        DcmDataset& data = *format.getDataset();
        data.convertToUTF8();  // where it fails, the program marks what is no UTF-8
        const std::string name = name_of(text(data, DCM_ImageType, 2));
        if (name == "label" || name == "macro") out.add("image", name, "a picture that may show names, numbers or handwriting; hidden in the window");
        if (name == "thumbnail") out.add("image", name, "a small picture of the section");
        from_item(data, "DICOM", out);
        for (const std::uint32_t each : outline.late_private)
            out.add("DICOM", "private " + std::string(DcmTagKey(static_cast<Uint16>(each >> 16), static_cast<Uint16>(each & 0xFFFF)).toString().c_str()), "not looked into");
    }
}

}  // namespace dicom
