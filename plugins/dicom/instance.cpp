#include "instance.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "dataset.h"
#include "refusal.h"

namespace dicom {

namespace {

constexpr std::int64_t kMaxSide = std::int64_t{1} << 31, kMaxFramePixels = std::int64_t{64} << 20, kMaxGrid = std::int64_t{1} << 24;

Codec codec_of(const std::string& syntax) {
    static const std::map<std::string, Codec> known{
        {"1.2.840.10008.1.2", Codec::Raw},           {"1.2.840.10008.1.2.1", Codec::Raw},         {"1.2.840.10008.1.2.5", Codec::Rle},
        {"1.2.840.10008.1.2.4.50", Codec::Jpeg},     {"1.2.840.10008.1.2.4.51", Codec::Jpeg},     {"1.2.840.10008.1.2.4.90", Codec::Jpeg2000},
        {"1.2.840.10008.1.2.4.91", Codec::Jpeg2000}};
    static const std::map<std::string, std::string> named{
        {"1.2.840.10008.1.2.4.57", "lossless JPEG"}, {"1.2.840.10008.1.2.4.70", "lossless JPEG"}, {"1.2.840.10008.1.2.4.80", "JPEG-LS"},
        {"1.2.840.10008.1.2.4.81", "JPEG-LS"},       {"1.2.840.10008.1.2.4.201", "HTJ2K"},        {"1.2.840.10008.1.2.4.202", "HTJ2K"},
        {"1.2.840.10008.1.2.4.203", "HTJ2K"}};
    if (const auto found = known.find(syntax); found != known.end()) return found->second;
    const auto name = named.find(syntax);
    unsupported("holds pixels compressed as " + (name != named.end() ? name->second : "transfer syntax " + syntax) + "; convert them to JPEG, JPEG 2000 or RLE");
}

void read_colours(DcmItem& data, Instance& out) {
    const std::string said = text(data, DCM_PhotometricInterpretation);
    out.channels = static_cast<int>(number(data, DCM_SamplesPerPixel));
    // ICT and RCT are undone by the JPEG 2000 decoder itself.
    static const std::map<std::string, Colours> known{{"RGB", Colours::Rgb},         {"YBR_ICT", Colours::Rgb},       {"YBR_RCT", Colours::Rgb},
                                                      {"YBR_FULL", Colours::YbrFull}, {"YBR_FULL_422", Colours::YbrFull422},
                                                      {"MONOCHROME2", Colours::Grey}, {"MONOCHROME1", Colours::InvertedGrey}};
    const auto found = known.find(said);
    if (found == known.end()) unsupported("has colours of the kind '" + said.substr(0, 20) + "'; convert it to RGB");
    out.colours = found->second;
    const bool grey = out.colours == Colours::Grey || out.colours == Colours::InvertedGrey;
    if (out.channels != (grey ? 1 : 3)) damaged();
    if (number(data, DCM_BitsAllocated) != 8 || number(data, DCM_BitsStored) != 8) unsupported("has more or fewer than 8 bits a channel; convert it to 8 bits");
    out.planar = number(data, DCM_PlanarConfiguration) == 1;
}

void read_size(DcmItem& data, Instance& out) {
    out.frame_width = number(data, DCM_Columns);
    out.frame_height = number(data, DCM_Rows);
    out.width = number(data, DCM_TotalPixelMatrixColumns);
    out.height = number(data, DCM_TotalPixelMatrixRows);
    out.frames = has(data, DCM_NumberOfFrames) ? number(data, DCM_NumberOfFrames) : 1;
    if (out.frame_width < 1 || out.frame_height < 1 || out.width < 1 || out.height < 1 || out.frames < 1) damaged();
    if (out.width > kMaxSide || out.height > kMaxSide || out.frame_width * out.frame_height > kMaxFramePixels || out.across() > kMaxGrid / out.down())
        unsupported("is too large to be read");
    out.first_frame = number(data, DCM_ConcatenationFrameOffsetNumber);
    if (out.first_frame < 0) damaged();
}

DcmItem* first_item(DcmItem* in, const DcmTagKey& sequence) {
    DcmItem* item = nullptr;
    return in && in->findAndGetSequenceItem(sequence, item, 0).good() ? item : nullptr;
}

void read_scale(DcmItem& data, Instance& out) {
    DcmItem* shared = first_item(&data, DCM_SharedFunctionalGroupsSequence);
    DcmItem* measures = first_item(shared, DCM_PixelMeasuresSequence);
    if (measures) {
        out.mpp_y = 1000 * real(*measures, DCM_PixelSpacing, 0);  // rows first; mm
        out.mpp_x = 1000 * real(*measures, DCM_PixelSpacing, 1);
    }
    if (!(out.mpp_x > 0 && out.mpp_y > 0)) {
        out.mpp_x = 1000 * real(data, DCM_ImagedVolumeWidth) / static_cast<double>(out.width);
        out.mpp_y = 1000 * real(data, DCM_ImagedVolumeHeight) / static_cast<double>(out.height);
    }
    if (DcmItem* path = first_item(&data, DCM_OpticalPathSequence)) out.objective = real(*path, DCM_ObjectiveLensPower);
}

// Frames that say where they lie. Of several focal planes and optical paths, those of the first frame's are shown.
void read_places(Instance& out) {
    const std::vector<FramePlace>& frames = out.outline.frames;
    if (static_cast<std::int64_t>(frames.size()) != out.frames) damaged();
    for (const FramePlace& frame : frames) {
        const bool same_path = frame.optical_path == frames.front().optical_path, same_z = std::abs(frame.z - frames.front().z) <= 1e-6;
        if (!same_path) out.paths = std::max<std::int64_t>(out.paths, 2);
        if (!same_z) out.planes = std::max<std::int64_t>(out.planes, 2);
        const std::int64_t x = frame.column - 1, y = frame.row - 1;
        if (x < 0 || y < 0 || x >= out.width || y >= out.height) damaged();
        if (x % out.frame_width != 0 || y % out.frame_height != 0) unsupported("has tiles that overlap or leave gaps; convert it to a regular grid");
        out.places.push_back(same_path && same_z ? y / out.frame_height * out.across() + x / out.frame_width : -1);
    }
}

void read_grid(DcmItem& data, Instance& out) {
    const std::string organisation = text(data, DCM_DimensionOrganizationType);
    if (organisation == "TILED_FULL" || (organisation != "TILED_SPARSE" && out.outline.frames.empty())) {
        out.planes = has(data, DCM_TotalPixelMatrixFocalPlanes) ? number(data, DCM_TotalPixelMatrixFocalPlanes) : 1;
        out.paths = has(data, DCM_NumberOfOpticalPaths) ? number(data, DCM_NumberOfOpticalPaths) : 1;
    } else {
        read_places(out);
    }
    out.outline.frames = {};
}

}  // namespace

Instance read_instance(const std::string& path) {
    Instance out;
    out.path = path;
    out.file = std::make_shared<File>(path);
    out.outline = outline_of(*out.file);
    if (DcmXfer(out.outline.transfer_syntax.c_str()).getXfer() == EXS_Unknown) codec_of(out.outline.transfer_syntax);  // DCMTK would call it damaged
    DcmFileFormat format;
    load(path, format);
    DcmDataset& data = *format.getDataset();
    if (text(data, DCM_SOPClassUID) != UID_VLWholeSlideMicroscopyImageStorage) throw NoSlide();
    out.series = text(data, DCM_SeriesInstanceUID);
    out.flavour = text(data, DCM_ImageType, 2);
    out.concatenation = text(data, DCM_ConcatenationUID);
    if (out.outline.pixel_offset == 0) damaged();
    out.codec = codec_of(out.outline.transfer_syntax);
    if ((out.codec == Codec::Raw) != (out.outline.pixel_bytes != kUndefined)) damaged();
    read_colours(data, out);
    read_size(data, out);
    read_scale(data, out);
    read_grid(data, out);
    return out;
}

}  // namespace dicom
