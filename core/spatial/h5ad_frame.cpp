#include "spatial/h5ad_frame.h"

#include <algorithm>
#include <limits>

namespace c2l {
namespace {

using h5::Kind;

std::vector<std::string> as_text(const std::vector<double>& numbers) {
    std::vector<std::string> out;
    for (const double v : numbers) {
        std::string text = std::to_string(v);
        text.erase(text.find_last_not_of('0') + 1);
        if (text.back() == '.') text.pop_back();
        out.push_back(text);
    }
    return out;
}

template <class Code>
void look_up(const h5::Reader& file, const std::string& at, const std::vector<Code>& codes, const std::vector<std::string>& categories, std::vector<std::string>& labels) {
    for (const Code code : codes) {
        if (!(code < static_cast<Code>(categories.size()))) file.fail("names a category that does not exist at '" + at + "'");
        labels.push_back(code < 0 ? "" : categories[static_cast<std::size_t>(code)]);
    }
}

}  // namespace

H5adFrame::H5adFrame(const h5::Reader& file, std::string at) : file_(file), at_(std::move(at)) {
    if (file_.kind(at_) == Kind::Records) records_ = file_.records(at_);
    else if (file_.kind(at_) != Kind::Group) file_.fail("has neither columns nor records in '" + at_ + "'; open and save it with a current anndata");
}

// Text as such, with a mask of what is missing (anndata's nullable-string-array), or by categories. False for anything else.
bool H5adFrame::texts(const std::string& at, std::vector<std::string>& out) const {
    const Kind kind = file_.kind(at);
    if (kind == Kind::String) {
        out = file_.strings(at);
    } else if (kind == Kind::Group && file_.kind(at + "/categories") != Kind::None) {
        look_up(file_, at + "/codes", file_.integers(at + "/codes"), categories(at + "/categories"), out);
    } else if (kind == Kind::Group && file_.kind(at + "/values") == Kind::String) {
        out = file_.strings(at + "/values");
        if (file_.kind(at + "/mask") == Kind::None) return true;
        const auto mask = file_.floats(at + "/mask");
        for (std::size_t i = 0; i < std::min(mask.size(), out.size()); ++i)
            if (mask[i] != 0) out[i].clear();
    } else {
        return false;
    }
    return true;
}

std::vector<std::string> H5adFrame::categories(const std::string& at) const {
    std::vector<std::string> out;
    const bool nested = file_.kind(at + "/categories") != Kind::None;  // categories of categories lead nowhere
    return !nested && texts(at, out) ? out : as_text(file_.doubles(at));
}

std::string H5adFrame::names_column() const {
    if (records_.empty()) {
        for (const auto& name : {file_.text_attribute(at_, "_index").value_or("_index"), std::string("_index"), std::string("index")})
            if (file_.kind(at_ + "/" + name) != Kind::None) return name;
    } else {
        for (const char* name : {"index", "_index"})
            for (const auto& column : records_)
                if (column.name == name) return name;
        if (records_.front().kind == Kind::String) return records_.front().name;
    }
    file_.fail("has no row names in '" + at_ + "'");
}

const h5::RecordColumn& H5adFrame::record(const std::string& name) const {
    return *std::find_if(records_.begin(), records_.end(), [&](const auto& column) { return column.name == name; });
}

std::vector<std::string> H5adFrame::names() const {
    const std::string name = names_column();
    std::vector<std::string> out;
    if (!records_.empty()) {
        const auto& column = record(name);
        return column.kind == Kind::String ? column.texts : as_text(column.numbers);
    }
    if (!texts(at_ + "/" + name, out)) file_.fail("has row names in '" + at_ + "' that are no text");
    return out;
}

std::vector<std::string> H5adFrame::columns() const {
    std::vector<std::string> out;
    const std::string names = names_column();
    if (records_.empty()) out = file_.children(at_);
    for (const auto& column : records_) out.push_back(column.name);
    std::erase_if(out, [&](const std::string& name) { return name == names || name == "_index" || name == "__categories"; });
    return out;
}

void H5adFrame::column(const std::string& name, std::vector<double>& numbers, std::vector<std::string>& labels) const {
    if (!records_.empty()) {
        const auto& column = record(name);
        const std::string old_categories = "/uns/" + name + "_categories";
        if (column.kind == Kind::Integer && file_.kind(old_categories) != Kind::None) look_up(file_, at_, column.numbers, categories(old_categories), labels);
        else if (column.width == 1) numbers = column.numbers, labels = column.texts;
        return;
    }
    const std::string at = at_ + "/" + name, between_categories = at_ + "/__categories/" + name;  // the latter: anndata 0.7
    const Kind kind = file_.kind(at);
    if (kind == Kind::Integer && file_.kind(between_categories) != Kind::None) {
        look_up(file_, at, file_.integers(at), categories(between_categories), labels);
    } else if (kind == Kind::Integer || kind == Kind::Float || kind == Kind::Boolean) {
        numbers = file_.doubles(at);
    } else if (!texts(at, labels) && kind == Kind::Group && file_.kind(at + "/values") != Kind::None) {
        numbers = file_.doubles(at + "/values");
        if (file_.kind(at + "/mask") == Kind::None) return;
        const auto mask = file_.floats(at + "/mask");
        for (std::size_t i = 0; i < std::min(mask.size(), numbers.size()); ++i)
            if (mask[i] != 0) numbers[i] = std::numeric_limits<double>::quiet_NaN();
    }
}

}  // namespace c2l
