#include "base/error.h"
#include "spatial/parts.h"
#include "spatial/sparse_h5.h"

namespace c2l {
namespace {

// Numbers the features that are genes; antibodies, guides and controls get -1.
std::vector<std::int32_t> number_genes(const std::vector<std::string>& types, const std::vector<std::string>& names, std::vector<std::string>& genes) {
    std::vector<std::int32_t> number;
    for (std::size_t i = 0; i < names.size(); ++i) {
        const bool gene = types.empty() || types[i] == "Gene Expression";
        number.push_back(gene ? static_cast<std::int32_t>(genes.size()) : -1);
        if (gene) genes.push_back(names[i]);
    }
    return number;
}

// "/matrix" since Cell Ranger 3; the genome's name before.
std::string matrix_group(const h5::Reader& file) {
    if (file.kind("/matrix") == h5::Kind::Group) return "/matrix";
    std::string found;
    for (const auto& name : file.children("/"))
        if (file.kind("/" + name + "/barcodes") == h5::Kind::String && file.kind("/" + name + "/gene_names") == h5::Kind::String) {
            if (!found.empty()) throw Error(ErrorCode::Unsupported, "holds counts of several genomes; export one of them", file.path());
            found = "/" + name;
        }
    if (found.empty()) file.fail("has no group 'matrix'; it is not a 10x count matrix");
    return found;
}

}  // namespace

CountTable read_10x_h5(const std::filesystem::path& path, const JobContext& ctx) {
    const h5::Reader file(path, ctx.stop);
    const std::string group = matrix_group(file);
    const bool new_layout = file.kind(group + "/features") == h5::Kind::Group;
    const auto names = file.strings(group + (new_layout ? "/features/name" : "/gene_names"));
    std::vector<std::string> types;
    if (new_layout && file.kind(group + "/features/feature_type") == h5::Kind::String) types = file.strings(group + "/features/feature_type");
    if (!types.empty() && types.size() != names.size()) file.fail("has " + std::to_string(names.size()) + " features but " + std::to_string(types.size()) + " feature types");

    CountTable table;
    table.path = path;
    table.spots = file.strings(group + "/barcodes");
    const auto shape = file.integers(group + "/shape");
    if (shape.size() != 2 || shape[0] != static_cast<std::int64_t>(names.size()) || shape[1] != static_cast<std::int64_t>(table.spots.size()))
        file.fail("has a shape that does not fit its " + std::to_string(names.size()) + " features and " + std::to_string(table.spots.size()) + " barcodes");
    ctx.check_stop();
    std::vector<std::string> genes;
    const auto number = number_genes(types, names, genes);
    if (genes.empty()) file.fail("has no feature of type 'Gene Expression'");
    table.matrix = read_compressed(file, group, table.spots.size(), names.size());
    keep_columns(table.matrix, number, std::move(genes));
    return table;
}

}  // namespace c2l
