#include "pipeline/section.h"

#include "base/error.h"
#include "base/hash.h"
#include "pipeline/credits.h"
#include "pipeline/params.h"
#include "pipeline/placement.h"
#include "pipeline/resources.h"

namespace c2l {

using nlohmann::json;

namespace {

bool names(const std::string& wanted, const ProjectSlide& slide) {
    return wanted == slide.path.filename().string() || wanted == slide.path.stem().string() || wanted == std::to_string(slide.id);
}

}  // namespace

Section::Section(Project& project, const json& params, const JobContext& ctx) : project_(project), params_(params), ctx_(ctx) {
    min_counts_ = number_of(params, "min_counts");
    min_counts_given_ = min_counts_.has_value();
    const auto slides = project.slides();
    const auto spots = project.spots();
    const std::string wanted = params.value("section", std::string());
    for (const auto& slide : slides) {
        if (!wanted.empty() && !names(wanted, slide)) continue;
        for (const auto& candidate : spots)
            if (candidate.slide == slide.id) {  // the latest import of spots for this slide counts
                slide_record_ = slide;
                spots_record_ = candidate;
            }
        if (slide_record_.id != 0) break;
    }
    if (slide_record_.id == 0)
        throw Error(ErrorCode::NotFound,
                    wanted.empty() ? "has no slide with spots yet; add them with 'c2l import'" : "has no section '" + wanted + "' with spots; see 'c2l info'",
                    project.path());
    if (slide_record_.missing)
        throw Error(ErrorCode::NotFound, "the slide was moved or changed; put it back, or beside the project, or import it again", slide_record_.path);
}

std::uint64_t Section::seed() const {
    if (const auto given = params_.find("seed"); given != params_.end() && given->is_number()) return given->get<std::uint64_t>();
    return inherited_seed_.value_or(0);
}

void Section::go_on_from(const Artifact& split) {
    inherited_seed_ = split.provenance.seed;
    const json paired = json::parse(split.provenance.params);
    if (!min_counts_given_ && paired.contains("min_counts")) min_counts_ = paired.at("min_counts").get<double>();
}

const std::string& Section::device() {
    if (device_.empty()) device_ = use_device(compute_of(params_));
    return device_;
}

double Section::min_counts() {
    if (!min_counts_ && spots_record_.format == "space_ranger") min_counts_ = 200;  // spots of 55 µm: no need to read them for that
    if (!min_counts_) {
        spots_ = take_spots();
        const auto mpp = slide()->info().mpp;
        min_counts_ = least_counts(spots_->spots, mpp.value_or(1));  // without a scale pairs() refuses the slide
    }
    return *min_counts_;
}

json Section::pairing_params() {
    json out = {{"mpp", nullptr}, {"min_counts", min_counts()}};
    if (slide_record_.mpp) out["mpp"] = *slide_record_.mpp;
    return out;
}

std::string public_name(const std::string& slide_id) { return "section_" + slide_id.substr(0, 8); }

std::shared_ptr<const Slide> open_slide(const Project& project, const ProjectSlide& record, const JobContext& ctx) {
    if (record.missing)
        throw Error(ErrorCode::NotFound, "the slide was moved or changed; put it back, or beside the project, or import it again", record.path);
    OpenOptions options;
    options.mpp = record.mpp;
    options.pyramid_cache = project.pyramids();
    options.known_id = record.content_id;
    return Slide::open(record.path, options, ctx);
}

std::shared_ptr<const Slide> Section::slide() {
    if (!slide_) slide_ = open_slide(project_, slide_record_, ctx_);
    return slide_;
}

SpotData Section::take_spots() {
    if (spots_) {
        SpotData data = std::move(*spots_);
        spots_.reset();
        return data;
    }
    if (spots_record_.missing)
        throw Error(ErrorCode::NotFound, "the spot data was moved; put it back, or beside the project, or import it again",
                    spots_record_.spots.empty() ? spots_record_.counts : spots_record_.spots);
    SpotData data = read_spots(spots_record_, ctx_);
    if (content_id(data) != spots_record_.content_id)
        throw Error(ErrorCode::Mismatch, "the spot data has changed since it was imported; import it again", spots_record_.spots);
    return data;
}

std::shared_ptr<const PairedTiles> Section::pairs() {
    if (pairs_) return pairs_;
    PairParams pairing;
    pairing.patient = slide_record_.patient;
    pairing.min_counts = min_counts();
    pairs_ = pair(slide(), take_spots(), pairing, ctx_);
    return pairs_;
}

const TissueMask& Section::mask() {
    if (!mask_) mask_ = find_tissue(*slide(), ctx_);
    return *mask_;
}

const std::filesystem::path& Section::central() {
    if (central_.empty()) central_ = central_weights(path_of(params_, "central"));
    return central_;
}

const std::string& Section::central_id() {
    if (central_id_.empty()) central_id_ = c2l::central_id(central());
    return central_id_;
}

const CentralInfo& Section::central_info() {
    if (!central_info_) central_info_ = c2l::central_info(central());
    return *central_info_;
}

json Section::central_record() {
    return record_of(central_info());
}

const std::filesystem::path& Section::encoder_file() {
    if (encoder_file_.empty()) {
        encoder_file_ = path_of(params_, "encoder");
        // A model pack brings no tile encoder; the shipped model does.
        std::error_code failed;
        if (encoder_file_.empty()) encoder_file_ = std::filesystem::is_regular_file(central(), failed) && central().extension() != ".json" ? central() : central_weights({});
    }
    return encoder_file_;
}

const TileEncoder& Section::encoder() {
    if (!encoder_) encoder_ = TileEncoder::load(encoder_file(), device());
    return *encoder_;
}

const std::string& Section::encoder_id() {
    if (encoder_id_.empty()) encoder_id_ = sha256_file(encoder_file());
    return encoder_id_;
}

Provenance Section::provenance(const std::string& step, std::vector<std::string> inputs, const json& params) {
    Provenance p;
    p.step = step;
    p.inputs = std::move(inputs);
    p.params = params.dump();
    p.seed = seed();
    p.program_version = program_version();
    p.device = device();
    return p;
}

Artifact Section::obtain(const Provenance& provenance, const std::function<void(const std::filesystem::path&)>& make) {
    ctx_.check_stop();
    bool made = false;
    const Artifact artifact = project_.obtain(provenance, [&](const std::filesystem::path& staging) {
        made = true;
        make(staging);
        carry_central(staging, central_of(project_, provenance));
    });
    steps_.push_back({{"step", artifact.step},
                      {"id", artifact.id},
                      {"folder", artifact.folder.string()},
                      {"seconds", artifact.seconds},
                      {"peak_memory_bytes", artifact.peak_memory_bytes},
                      {"cached", !made}});
    return artifact;
}

std::optional<Artifact> Section::newest(const std::string& step, const std::function<bool(const Artifact&)>& suits) const {
    const json mpp = slide_record_.mpp ? json(*slide_record_.mpp) : json();
    for (const Artifact& artifact : project_.artifacts(step)) {
        if (suits && !suits(artifact)) continue;
        const auto& inputs = artifact.provenance.inputs;
        for (const std::string& input : inputs) {
            const auto split = step == "split" ? std::optional<Artifact>(artifact) : project_.find(input);
            if (!split || split->step != "split") continue;
            const auto& files = split->provenance.inputs;
            if (files.size() != 2 || files[0] != slide_record_.content_id || files[1] != spots_record_.content_id) continue;
            if (json::parse(split->provenance.params).value("mpp", json()) == mpp) return artifact;  // not one of another scale
        }
    }
    return std::nullopt;
}

Artifact Section::need(const std::string& step, const std::string& command) const {
    if (auto found = newest(step)) return *found;
    throw Error(ErrorCode::NotFound, "has nothing to go on from yet; run 'c2l " + command + "' first", project_.path());
}

std::string content_id(const SpotData& data) {
    Sha256 hash;
    const auto number = [&](auto value) { hash.update(&value, sizeof value); };
    const auto text = [&](const std::string& s) {
        number(static_cast<std::uint64_t>(s.size()));
        hash.update(s);
    };
    number(static_cast<std::uint64_t>(data.spots.size()));
    for (std::size_t i = 0; i < data.spots.size(); ++i) {
        text(data.spots.barcodes[i]);
        number(data.spots.x[i]);
        number(data.spots.y[i]);
        number(i < data.spots.in_tissue.size() ? data.spots.in_tissue[i] : std::uint8_t{1});
    }
    const ExpressionMatrix& e = data.expression;
    for (const auto& gene : e.genes) text(gene);
    number(static_cast<int>(e.unit));
    hash.update(e.indptr.data(), e.indptr.size() * sizeof e.indptr[0]);
    hash.update(e.indices.data(), e.indices.size() * sizeof e.indices[0]);
    hash.update(e.values.data(), e.values.size() * sizeof e.values[0]);
    return hash.hex();
}

Artifact upstream(const Project& project, const Artifact& artifact, const std::string& step) {
    for (const auto& input : artifact.provenance.inputs)
        if (auto found = project.find(input); found && found->step == step) return *found;
    throw Error(ErrorCode::NotFound, "the '" + step + "' result this one was made from is gone; run 'c2l run' again", artifact.folder);
}

}  // namespace c2l
