// What the files of a series say of the patient, the people, the place and the machine.
#pragma once

#include <string>

#include "c2l_reader.h"

namespace dicom {

// Throws Refusal when the file is no DICOM file that can be read.
void report_identifying(const std::string& path, c2l_finding report, void* user);

}  // namespace dicom
