// Values of a DICOM header, taken through DCMTK with a look at their length first: what is longer than a value of its kind may be stays on
// disk.
#pragma once

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include <cstdint>
#include <string>

namespace dicom {

// Everything before the functional groups of each frame. The outline of the file has been taken. Throws Refusal.
void load(const std::string& path, DcmFileFormat& format);

bool has(DcmItem& item, const DcmTagKey& tag);  // there and not empty
// Empty, 0 where there is none.
std::string text(DcmItem& item, const DcmTagKey& tag, unsigned long position = 0);
std::int64_t number(DcmItem& item, const DcmTagKey& tag);
double real(DcmItem& item, const DcmTagKey& tag, unsigned long position = 0);

}  // namespace dicom
