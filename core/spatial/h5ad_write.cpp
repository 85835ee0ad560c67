#include <algorithm>
#include <limits>
#include <map>

#include "base/error.h"
#include "base/file.h"
#include "base/provenance.h"
#include "spatial/h5.h"
#include "spatial/h5ad.h"

namespace c2l {
namespace {

using h5::Handle;

// The elements of the AnnData on-disk format, each with its encoding attributes.
class H5adWriter {
public:
    explicit H5adWriter(const std::filesystem::path& path)
        : path_(path), lock_(h5::lock()), file_(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose), text_(H5Tcopy(H5T_C_S1), H5Tclose) {
        check(file_);
        H5Tset_size(text_, H5T_VARIABLE);
        H5Tset_cset(text_, H5T_CSET_UTF8);
    }

    void write(const H5adContent& content) {
        const SpotData& d = *content.data;
        encode("/", "anndata", "0.1.0");
        csr("/X", d.expression);
        obs(d);
        dataframe("/var", d.expression.genes, {});
        group("/layers");
        for (const auto& [name, values] : d.layers) dense("/layers/" + safe(name), values);
        group("/obsm");
        positions(d.spots);
        for (const char* at : {"/varm", "/obsp", "/varp"}) group(at);
        uns(content);
        if (H5Fflush(file_, H5F_SCOPE_LOCAL) < 0) failed();
    }

private:
    [[noreturn]] void failed() const { throw Error(ErrorCode::Io, "cannot be written; check the space and the permissions", path_); }
    void check(hid_t id) const {
        if (id < 0) failed();
    }

    // A name that is one step of a path.
    static std::string safe(std::string name) {
        std::replace(name.begin(), name.end(), '/', '_');
        return name.empty() || name == "." ? "_" : name;
    }

    void text_attribute(hid_t object, const char* name, const std::string& value) {
        const Handle space(H5Screate(H5S_SCALAR), H5Sclose), attribute(H5Acreate2(object, name, text_, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
        const char* text = value.c_str();
        check(attribute);
        check(H5Awrite(attribute, text_, &text));
    }

    void encode(const std::string& at, const char* type, const char* version) {
        const Handle object(H5Oopen(file_, at.c_str(), H5P_DEFAULT), H5Oclose);
        check(object);
        text_attribute(object, "encoding-type", type);
        text_attribute(object, "encoding-version", version);
    }

    void make_group(const std::string& at) {
        const Handle properties(H5Pcreate(H5P_GROUP_CREATE), H5Pclose);
        H5Pset_obj_track_times(properties, false);  // equal content is equal bytes
        const Handle made(H5Gcreate2(file_, at.c_str(), H5P_DEFAULT, properties, H5P_DEFAULT), H5Gclose);
        check(made);
    }
    void group(const std::string& at) {
        make_group(at);
        encode(at, "dict", "0.1.0");
    }

    void data(const std::string& at, const std::vector<hsize_t>& shape, hid_t stored, hid_t memory, const void* values) {
        const Handle space(shape.empty() ? H5Screate(H5S_SCALAR) : H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr), H5Sclose);
        const Handle properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
        H5Pset_obj_track_times(properties, false);
        hsize_t count = 1;
        for (const auto n : shape) count *= n;
        constexpr hsize_t kChunk = 1 << 18;  // values
        if (count > 4096 && H5Tis_variable_str(stored) <= 0) {
            std::vector<hsize_t> chunk = shape;
            chunk[0] = std::clamp<hsize_t>(kChunk / std::max<hsize_t>(1, count / shape[0]), 1, shape[0]);
            H5Pset_chunk(properties, static_cast<int>(chunk.size()), chunk.data());
            H5Pset_shuffle(properties);
            H5Pset_deflate(properties, 4);
        }
        const Handle set(H5Dcreate2(file_, at.c_str(), stored, space, H5P_DEFAULT, properties, H5P_DEFAULT), H5Dclose);
        check(set);
        if (count > 0) check(H5Dwrite(set, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, values));
    }

    void array(const std::string& at, const std::vector<hsize_t>& shape, hid_t stored, hid_t memory, const void* values) {
        data(at, shape, stored, memory, values);
        encode(at, "array", "0.2.0");
    }

    void strings(const std::string& at, const std::vector<std::string>& values) {
        std::vector<const char*> text;
        for (const auto& v : values) text.push_back(v.c_str());
        data(at, {text.size()}, text_, text_, text.data());
        encode(at, "string-array", "0.2.0");
    }

    void text(const std::string& at, const std::string& value) {
        const char* p = value.c_str();
        data(at, {}, text_, text_, &p);
        encode(at, "string", "0.2.0");
    }

    void scalar(const std::string& at, double value) {
        data(at, {}, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, &value);
        encode(at, "numeric-scalar", "0.2.0");
    }

    void csr(const std::string& at, const ExpressionMatrix& m) {
        make_group(at);
        encode(at, "csr_matrix", "0.1.0");
        {
            const Handle object(H5Oopen(file_, at.c_str(), H5P_DEFAULT), H5Oclose);
            const hsize_t two = 2;
            const Handle space(H5Screate_simple(1, &two, nullptr), H5Sclose);
            const Handle attribute(H5Acreate2(object, "shape", H5T_STD_I64LE, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
            const std::int64_t shape[2] = {m.rows(), m.cols()};
            check(H5Awrite(attribute, H5T_NATIVE_INT64, shape));
        }
        // scipy wants both index arrays of one width.
        const hid_t width = m.values.size() < static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()) ? H5T_STD_I32LE : H5T_STD_I64LE;
        data(at + "/data", {m.values.size()}, H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, m.values.data());
        data(at + "/indices", {m.indices.size()}, width, H5T_NATIVE_INT32, m.indices.data());
        data(at + "/indptr", {m.indptr.size()}, width, H5T_NATIVE_INT64, m.indptr.data());
    }

    void dense(const std::string& at, const Matrix& m) {
        array(at, {static_cast<hsize_t>(m.rows), static_cast<hsize_t>(m.cols)}, H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, m.values.data());
    }

    void dataframe(const std::string& at, const std::vector<std::string>& names, const std::vector<std::string>& columns) {
        make_group(at);
        encode(at, "dataframe", "0.2.0");
        strings(at + "/_index", names);
        const Handle object(H5Oopen(file_, at.c_str(), H5P_DEFAULT), H5Oclose);
        text_attribute(object, "_index", "_index");
        std::vector<const char*> order;
        for (const auto& c : columns) order.push_back(c.c_str());
        const hsize_t count = order.size();
        const Handle space(H5Screate_simple(1, &count, nullptr), H5Sclose), attribute(H5Acreate2(object, "column-order", text_, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
        check(attribute);
        if (count > 0) check(H5Awrite(attribute, text_, order.data()));
    }

    void categorical(const std::string& at, const std::vector<std::string>& labels) {
        std::map<std::string, std::int32_t> code;
        for (const auto& label : labels) code.emplace(label, 0);
        std::vector<std::string> categories;
        for (auto& [label, number] : code) {
            number = static_cast<std::int32_t>(categories.size());
            categories.push_back(label);
        }
        std::vector<std::int32_t> codes;
        for (const auto& label : labels) codes.push_back(code[label]);
        make_group(at);
        encode(at, "categorical", "0.2.0");
        {
            const Handle object(H5Oopen(file_, at.c_str(), H5P_DEFAULT), H5Oclose), space(H5Screate(H5S_SCALAR), H5Sclose);
            const Handle flag(H5Tenum_create(H5T_NATIVE_INT8), H5Tclose);  // h5py's bool
            const std::int8_t no = 0, yes = 1;
            H5Tenum_insert(flag, "FALSE", &no);
            H5Tenum_insert(flag, "TRUE", &yes);
            const Handle attribute(H5Acreate2(object, "ordered", flag, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
            check(H5Awrite(attribute, flag, &no));
        }
        strings(at + "/categories", categories);
        array(at + "/codes", {codes.size()}, H5T_STD_I32LE, H5T_NATIVE_INT32, codes.data());
    }

    void obs(const SpotData& d) {
        const SpotTable& s = d.spots;
        const bool on_array = std::any_of(s.array_row.begin(), s.array_row.end(), [](int v) { return v >= 0; });
        std::vector<std::string> columns;
        if (!s.in_tissue.empty()) columns.push_back("in_tissue");
        if (on_array) columns.insert(columns.end(), {"array_row", "array_col"});
        for (const auto& [name, values] : d.obs) columns.push_back(safe(name));
        for (const auto& [name, values] : d.labels) columns.push_back(safe(name));
        dataframe("/obs", s.barcodes, columns);
        const std::vector<hsize_t> n{s.size()};
        if (!s.in_tissue.empty()) array("/obs/in_tissue", n, H5T_STD_I64LE, H5T_NATIVE_UINT8, s.in_tissue.data());
        if (on_array) {
            array("/obs/array_row", n, H5T_STD_I32LE, H5T_NATIVE_INT, s.array_row.data());
            array("/obs/array_col", n, H5T_STD_I32LE, H5T_NATIVE_INT, s.array_col.data());
        }
        for (const auto& [name, values] : d.obs) array("/obs/" + safe(name), n, H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, values.data());
        for (const auto& [name, values] : d.labels) categorical("/obs/" + safe(name), values);
    }

    void positions(const SpotTable& s) {
        std::vector<double> xy;
        for (std::size_t i = 0; i < s.size(); ++i) xy.insert(xy.end(), {s.x[i], s.y[i]});
        array("/obsm/spatial", {s.size(), 2}, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, xy.data());
    }

    void uns(const H5adContent& content) {
        const std::string library = "/uns/spatial/" + safe(content.library);
        for (const auto& at : {std::string("/uns"), std::string("/uns/spatial"), library, library + "/images", library + "/scalefactors", library + "/metadata", std::string("/uns/c2l")}) group(at);
        const Image& image = content.hires;
        if (!image.empty())
            array(library + "/images/hires", {static_cast<hsize_t>(image.height), static_cast<hsize_t>(image.width), 3}, H5T_STD_U8LE, H5T_NATIVE_UINT8, image.rgb.data());
        scalar(library + "/scalefactors/tissue_hires_scalef", content.hires_scale);
        scalar(library + "/scalefactors/spot_diameter_fullres", content.spot_diameter_fullres);
        text(library + "/metadata/software_version", std::string("C2L Studio ") + program_version());
        text("/uns/c2l/unit", to_string(content.data->expression.unit));
        text("/uns/c2l/provenance", content.provenance_json);
    }

    std::filesystem::path path_;
    std::unique_lock<std::recursive_mutex> lock_;
    Handle file_;
    Handle text_;
};

void check_content(const H5adContent& content) {
    const auto wrong = [](const std::string& what) { throw Error(ErrorCode::Internal, "the " + what + " of the h5ad to be written differ in number from its spots"); };
    if (!content.data) throw Error(ErrorCode::Internal, "there is nothing to write to the h5ad");
    const SpotData& d = *content.data;
    const std::size_t n = d.spots.size();
    if (d.spots.x.size() != n || d.spots.y.size() != n) wrong("positions");
    if (d.expression.rows() != static_cast<std::int64_t>(n)) wrong("rows of expression");
    for (const auto* grid : {&d.spots.array_row, &d.spots.array_col})
        if (!grid->empty() && grid->size() != n) wrong("array positions");
    if (d.spots.array_row.size() != d.spots.array_col.size()) wrong("array positions");
    if (!d.spots.in_tissue.empty() && d.spots.in_tissue.size() != n) wrong("tissue flags");
    for (const auto& [name, values] : d.obs)
        if (values.size() != n) wrong("values of '" + name + "'");
    for (const auto& [name, values] : d.labels)
        if (values.size() != n) wrong("labels of '" + name + "'");
    for (const auto& [name, m] : d.layers)
        if (m.rows != static_cast<std::int64_t>(n) || m.cols != d.expression.cols() || m.values.size() != static_cast<std::size_t>(m.rows * m.cols)) wrong("rows or genes of layer '" + name + "'");
}

}  // namespace

void write_h5ad(const std::filesystem::path& path, const H5adContent& content) {
    check_content(content);
    replace_file(path, [&](const std::filesystem::path& temporary) { H5adWriter(temporary).write(content); });
}

}  // namespace c2l
