#include "dataset.h"

#include <dcmtk/oflog/oflog.h>

#include <cmath>
#include <mutex>

#include "refusal.h"

namespace dicom {

namespace {

constexpr Uint32 kMaxLoaded = 4096, kMaxValue = 1024;

DcmElement* short_element(DcmItem& item, const DcmTagKey& tag) {
    DcmElement* element = nullptr;
    if (item.findAndGetElement(tag, element).bad() || !element) return nullptr;
    return element->getLengthField() <= kMaxValue ? element : nullptr;
}

}  // namespace

void load(const std::string& path, DcmFileFormat& format) {
    static std::once_flag quiet;
    std::call_once(quiet, [] { OFLog::configure(OFLogger::OFF_LOG_LEVEL); });
    const OFCondition status = format.loadFileUntilTag(path.c_str(), EXS_Unknown, EGL_noChange, kMaxLoaded, ERM_fileOnly, DCM_PerFrameFunctionalGroupsSequence);
    if (status.bad() || !format.getDataset()) damaged();
}

bool has(DcmItem& item, const DcmTagKey& tag) { return item.tagExistsWithValue(tag); }

std::string text(DcmItem& item, const DcmTagKey& tag, unsigned long position) {
    DcmElement* element = short_element(item, tag);
    OFString value;
    if (!element || element->getOFString(value, position).bad()) return {};
    return value.c_str();
}

std::int64_t number(DcmItem& item, const DcmTagKey& tag) {
    DcmElement* element = short_element(item, tag);
    if (!element) return 0;
    Uint16 small = 0;
    Uint32 large = 0;
    Sint32 with_sign = 0;
    if (element->getUint16(small).good()) return small;
    if (element->getUint32(large).good()) return large;
    return element->getSint32(with_sign).good() ? with_sign : 0;
}

double real(DcmItem& item, const DcmTagKey& tag, unsigned long position) {
    DcmElement* element = short_element(item, tag);
    Float64 precise = 0;
    Float32 single = 0;
    if (element && element->getFloat64(precise, position).good() && std::isfinite(precise)) return precise;
    return element && element->getFloat32(single, position).good() && std::isfinite(single) ? static_cast<double>(single) : 0;
}

}  // namespace dicom
