#include "spatial/sparse_h5.h"

#include <limits>

namespace c2l {

ExpressionMatrix read_compressed(const h5::Reader& file, const std::string& group, std::uint64_t major, std::uint64_t minor) {
    const std::string data = group + "/data", indices = group + "/indices", indptr = group + "/indptr";
    for (const auto& part : {data, indices, indptr})
        if (file.kind(part) == h5::Kind::None) file.fail("lacks '" + part + "'; the file is incomplete");
    if (minor > static_cast<std::uint64_t>(std::numeric_limits<std::int32_t>::max()) || major > static_cast<std::uint64_t>(std::numeric_limits<std::int32_t>::max()))
        file.fail("claims " + std::to_string(major) + " × " + std::to_string(minor) + " values at '" + group + "', more than this program reads");
    if (file.size(indptr) != major + 1)
        file.fail("has " + std::to_string(file.size(indptr)) + " row limits at '" + indptr + "' where " + std::to_string(major + 1) + " are needed");
    if (file.size(data) != file.size(indices))
        file.fail("has " + std::to_string(file.size(data)) + " values but " + std::to_string(file.size(indices)) + " positions at '" + group + "'");

    ExpressionMatrix m;
    m.indptr = file.integers(indptr);
    for (std::size_t i = 0; i + 1 < m.indptr.size(); ++i)
        if (m.indptr[i + 1] < m.indptr[i]) file.fail("has row limits that run backwards at '" + indptr + "'; the file is damaged");
    if (m.indptr.front() != 0 || static_cast<std::uint64_t>(m.indptr.back()) != file.size(data))
        file.fail("has row limits that do not fit its values at '" + indptr + "'; the file is damaged");
    m.values = file.floats(data);
    m.indices = file.column_numbers(indices, minor);
    return m;
}

}  // namespace c2l
