// What a slide file would give away of the patient and the people who handled it: dates, names, numbers of machines and cases, pictures
// of the label. For the eyes of the user only; nothing of this may enter a project, an export or a log.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace c2l {

struct Identifying {
    std::string where;  // "file", "image", "aperio", "TIFF page 0", "OME-XML", "EXIF", "PNG" …
    std::string key;    // as the format calls it
    std::string value;  // at most 400 characters; what is no text is named by its size
};

// Looks for it in the file's name, OpenSlide's properties and associated images, TIFF tags, OME-XML, EXIF, XMP, IPTC, JPEG comments, PNG
// texts, and in what reader plug-ins report (DICOM). Nothing found does not prove that nothing is there: free text and the pixels themselves are not understood.
// Throws Error(NotFound|BadInput|Unsupported) when the file is no image.
std::vector<Identifying> list_identifying(const std::filesystem::path& path);

}  // namespace c2l
