// obs or var of an AnnData file, however its version of anndata kept it: a group of columns (0.7 and later) or one dataset of records
// (before). Private to core/spatial.
#pragma once

#include <string>
#include <vector>

#include "spatial/h5.h"

namespace c2l {

class H5adFrame {
public:
    H5adFrame(const h5::Reader& file, std::string at);  // the reader must outlive it; fails where there is no frame

    std::vector<std::string> names() const;    // of the rows
    std::vector<std::string> columns() const;  // without the rows' names
    // Numbers (missing ones NaN) or labels (missing ones empty) of a column; both empty where its kind is not read.
    void column(const std::string& name, std::vector<double>& numbers, std::vector<std::string>& labels) const;

private:
    std::string names_column() const;
    const h5::RecordColumn& record(const std::string& name) const;
    bool texts(const std::string& at, std::vector<std::string>& out) const;
    std::vector<std::string> categories(const std::string& at) const;

    const h5::Reader& file_;
    std::string at_;
    std::vector<h5::RecordColumn> records_;  // empty where the frame is a group
};

}  // namespace c2l
