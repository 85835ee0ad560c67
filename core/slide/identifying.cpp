#include "slide/identifying.h"

#include <openslide.h>
#include <tiffio.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <fstream>
#include <memory>
#include <new>
#include <string_view>

#include "slide/metadata_blocks.h"
#include "slide/ome_xml.h"
#include "slide/openslide_slide.h"
#include "slide/plugin_loader.h"
#include "slide/plugin_slide.h"
#include "slide/row_source.h"
#include "slide/tiff_handle.h"

namespace c2l {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kMaxValue = 400;

// Words of a key that promise something personal; keys are split at capitals and signs ("ScanScope ID" → scan scope id).
bool is_telling(std::string_view key) {
    static constexpr std::array kWords = {
        "accession", "acquired", "acquisition", "address", "age",      "artist",    "author",      "barcode", "birth",      "block",
        "case",      "comment",  "copyright",   "creator", "date",     "datetime",  "description", "device",  "dob",        "email",
        "file",      "filename", "first",       "folder",  "gps",      "guid",      "host",        "id",      "identifier", "institution",
        "label",     "last",     "location",    "machine", "mrn",      "name",      "notes",       "number",  "operator",   "owner",
        "path",      "patient",  "pathologist", "place",   "rack",     "reference", "scanner",     "serial",  "sex",        "specimen",
        "study",     "time",     "title",       "user",    "username", "uuid"};
    std::string word;
    const auto known = [&] {
        const bool found = std::find(kWords.begin(), kWords.end(), word) != kWords.end();
        word.clear();
        return found;
    };
    for (std::size_t i = 0; i < key.size(); ++i) {
        const auto c = static_cast<unsigned char>(key[i]);
        const bool begins = std::isupper(c) && i > 0 && std::islower(static_cast<unsigned char>(key[i - 1]));
        if ((!std::isalpha(c) || begins) && known()) return true;
        if (std::isalpha(c)) word += static_cast<char>(std::tolower(c));
    }
    return known();
}

std::string shortened(std::string value) {
    for (char& c : value)
        if (static_cast<unsigned char>(c) < 32 || c == 127) c = ' ';  // no control characters to the terminal
    while (!value.empty() && value.back() == ' ') value.pop_back();
    if (value.size() > kMaxValue) {
        std::size_t end = kMaxValue;
        while (end > 0 && (static_cast<unsigned char>(value[end]) & 0xC0) == 0x80) --end;
        value = value.substr(0, end) + " …";
    }
    return value;
}

class Findings {
public:
    std::vector<Identifying> list;

    void add(const std::string& where, const std::string& key, std::string value) {
        value = shortened(std::move(value));
        if (value.empty()) return;
        const bool known = std::any_of(list.begin(), list.end(), [&](const Identifying& each) {
            return each.where == where && each.key == key && each.value == value;
        });
        if (!known) list.push_back({where, key, std::move(value)});
    }
    void add_bytes(const std::string& where, const std::string& key, std::size_t bytes) {
        add(where, key, std::to_string(bytes) + " bytes, not looked into");
    }
};

void from_ome(std::string_view text, Findings& out) {
    for (const XmlElement& element : scan_xml(text)) {
        const std::string where = "OME-XML " + element.name;
        for (const auto& [key, value] : element.attributes) {
            const bool reference = key == "ID" && value.find(':') != std::string::npos;  // "Image:0" links elements, no more
            const bool structure = element.name == "Channel" || element.name == "Pixels" || key == "Namespace";
            if (!reference && !structure && is_telling(key)) out.add(where, key, value);
        }
        if (is_telling(element.name)) out.add("OME-XML", element.name, element.text);
    }
}

void from_tiff(const fs::path& path, Findings& out) {
    std::string message;
    const TiffHandle tiff = open_tiff(path, "r", message);
    if (!tiff) return;
    static constexpr std::pair<std::uint32_t, const char*> kTexts[] = {{TIFFTAG_DATETIME, "DateTime"},
                                                                       {TIFFTAG_ARTIST, "Artist"},
                                                                       {TIFFTAG_HOSTCOMPUTER, "HostComputer"},
                                                                       {TIFFTAG_DOCUMENTNAME, "DocumentName"},
                                                                       {TIFFTAG_PAGENAME, "PageName"},
                                                                       {TIFFTAG_COPYRIGHT, "Copyright"},
                                                                       {TIFFTAG_MAKE, "Make"},
                                                                       {TIFFTAG_MODEL, "Model"},
                                                                       {TIFFTAG_CAMERASERIALNUMBER, "CameraSerialNumber"},
                                                                       {TIFFTAG_UNIQUECAMERAMODEL, "UniqueCameraModel"}};
    static constexpr std::pair<std::uint32_t, const char*> kBlocks[] = {
        {TIFFTAG_XMLPACKET, "XMP"}, {TIFFTAG_RICHTIFFIPTC, "IPTC"}, {TIFFTAG_PHOTOSHOP, "Photoshop"}};
    int page = 0;
    do {
        const std::string where = "TIFF page " + std::to_string(page);
        const char* text = nullptr;
        for (const auto& [tag, name] : kTexts)
            if (TIFFGetField(tiff.get(), tag, &text) && text) out.add(where, name, text);
        if (TIFFGetField(tiff.get(), TIFFTAG_IMAGEDESCRIPTION, &text) && text) {
            if (describe_ome(text).found)
                from_ome(text, out);
            else
                out.add(where, "ImageDescription", text);
        }
        std::uint32_t bytes = 0;
        const void* data = nullptr;
        for (const auto& [tag, name] : kBlocks)
            if (TIFFGetField(tiff.get(), tag, &bytes, &data) && bytes > 0)
                out.add_bytes(where, name, tag == TIFFTAG_RICHTIFFIPTC ? 4 * std::size_t{bytes} : bytes);
        std::uint64_t offset = 0;
        if (TIFFGetField(tiff.get(), TIFFTAG_EXIFIFD, &offset)) out.add(where, "EXIF", "a directory of camera data, not looked into");
        if (TIFFGetField(tiff.get(), TIFFTAG_GPSIFD, &offset)) out.add(where, "GPS", "a directory of positions");
    } while (++page < 1000 && TIFFReadDirectory(tiff.get()));
}

void from_openslide(const fs::path& path, const std::string& vendor, Findings& out) {
    const std::unique_ptr<openslide_t, decltype(&openslide_close)> slide(openslide_open(path.c_str()), &openslide_close);
    if (!slide || openslide_get_error(slide.get())) return;
    if (const char* const* names = openslide_get_associated_image_names(slide.get()))
        for (; *names; ++names) {
            const std::string_view name = *names;
            out.add("image", *names,
                    name == "thumbnail" ? "a small picture of the section"
                                        : "a picture that may show names, numbers or handwriting; hidden in the window");
        }
    if (const char* const* keys = openslide_get_property_names(slide.get()))
        for (; *keys; ++keys) {
            const std::string_view key = *keys;
            const auto dot = key.find('.');
            const std::string_view family = key.substr(0, dot), own = dot == std::string_view::npos ? key : key.substr(dot + 1);
            if (family == "tiff" || (family == "openslide" && own != "comment")) continue;            // those of TIFF are listed by page
            if (family == "openslide" && (vendor == "aperio" || vendor == "generic-tiff")) continue;  // the same as ImageDescription
            const char* value = openslide_get_property_value(slide.get(), *keys);
            if (value && is_telling(own)) out.add(std::string(family), std::string(own), value);
        }
}

// False: no plug-in reads the file.
bool from_plugin(const fs::path& path, Findings& out) {
    const c2l_reader* reader = plugin_for(path);
    if (!reader) return false;
    const auto report = [](void* user, const char* where, const char* key, const char* value) {
        constexpr std::size_t kMost = 4096;  // add() shortens further
        try {
            static_cast<Findings*>(user)->add(plugin_text(where, kMost), plugin_text(key, kMost), plugin_text(value, kMost));
        } catch (const std::bad_alloc&) {  // nothing is thrown through a plug-in
        }
    };
    if (reader->identifying)
        ask_plugin(*reader, path, [&](char* why, std::uint32_t bytes) { return reader->identifying(path.c_str(), report, &out, why, bytes); });
    return true;
}

}  // namespace

std::vector<Identifying> list_identifying(const fs::path& path) {
    check_readable_file(path);
    Findings out;
    out.add("file", "name", path.filename().string());
    const std::string vendor = openslide_vendor(path);
    if (!vendor.empty()) from_openslide(path, vendor, out);
    const bool by_plugin = (vendor.empty() || vendor == "generic-tiff") && from_plugin(path, out);
    std::array<char, 8> head{};
    std::ifstream(path, std::ios::binary).read(head.data(), head.size());
    const std::string_view start(head.data(), head.size());
    if (start.substr(0, 4) == std::string_view("II*\0", 4) || start.substr(0, 4) == std::string_view("MM\0*", 4) ||
        start.substr(0, 4) == std::string_view("II+\0", 4) || start.substr(0, 4) == std::string_view("MM\0+", 4))
        from_tiff(path, out);
    else if (vendor.empty() && !by_plugin)
        for (MetadataBlock& block : metadata_blocks(path)) {
            if (block.text)
                out.add(block.where, block.key, std::move(block.value));
            else
                out.add_bytes(block.where, block.key, block.bytes);
        }
    return std::move(out.list);
}

}  // namespace c2l
