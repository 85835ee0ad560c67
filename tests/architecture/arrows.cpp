#include "architecture/arrows.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

namespace c2l::architecture {
namespace {

namespace fs = std::filesystem;
using Names = std::set<std::string>;

// What a module of core may include and link, besides itself.
const std::map<std::string, Names>& arrows() {
    static const std::map<std::string, Names> table{
        {"base", {}},
        {"slide", {"base"}},
        {"spatial", {"base"}},
        {"annotation", {"base"}},
        {"dataset", {"base", "slide", "spatial"}},
        {"nn", {"base"}},
        {"generate", {"base", "spatial", "dataset", "nn"}},  // builds without OpenSlide, hence not slide
        {"quality", {"base", "slide", "spatial", "dataset", "nn"}},
        {"predict", {"base", "slide", "spatial", "dataset", "nn"}},
        {"project", {"base"}},
        {"sample", {"base", "slide", "spatial"}},
        {"rpc", {"base"}},
        {"pipeline", {"base", "slide", "spatial", "dataset", "nn", "generate", "quality", "predict", "project", "sample", "annotation"}},
    };
    return table;
}
const Names kWindow{"base", "slide", "spatial", "annotation", "project", "rpc"};  // what ui and c2l-studio may use of core
const Names kTorch{"nn", "generate", "quality", "predict"};         // modules whose sources may include LibTorch
const std::map<std::string, Names> kInPublicHeaders{
    {"nn", {"torch", "ATen", "c10", "nlohmann"}}, {"pipeline", {"nlohmann"}}, {"rpc", {"nlohmann"}}};
const std::map<std::string, int> kUiRank{{"viewer", 0}, {"document", 1}, {"jobs", 1},      {"overlay", 1},   {"gallery", 2},
                                         {"plots", 2},  {"panels", 2},   {"annotation", 2}, {"registration", 2},   {"landscape", 2}, {"mainwindow", 3}};

struct Include {
    std::string text;
    bool angled = false;
    int line = 0;
};

struct Source {
    fs::path file;       // relative to the root
    std::string layer;   // core, ui or app
    std::string module;  // the folder below it
    std::vector<Include> includes;
};

std::string read(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

bool is_source(const fs::path& p) {
    return p.extension() == ".h" || p.extension() == ".cpp" || p.extension() == ".hpp" || p.extension() == ".cc";
}
std::string top(const std::string& include) { return include.substr(0, include.find('/')); }
bool is_torch(const std::string& include) {
    const std::string t = top(include);
    return t == "torch" || t == "ATen" || t == "c10" || t == "caffe2";
}
bool is_qt(const std::string& include) {
    return include.size() > 1 && include[0] == 'Q' && (std::isupper(static_cast<unsigned char>(include[1])) || include[1] == 't');
}
bool is_standard(const std::string& include) {
    return include.find('/') == std::string::npos && include.find('.') == std::string::npos && !is_qt(include);
}

std::vector<Include> includes_of(const std::string& text) {
    static const std::regex pattern(R"re(^\s*#\s*include\s*([<"])([^>"]+)[>"])re");
    std::vector<Include> found;
    std::istringstream in(text);
    std::string line;
    for (int n = 1; std::getline(in, line); ++n) {
        std::smatch m;
        if (line.find("include") != std::string::npos && std::regex_search(line, m, pattern)) found.push_back({m[2], m[1] == "<", n});
    }
    return found;
}

std::vector<Source> sources_of(const fs::path& root) {
    std::vector<Source> sources;
    for (const char* layer : {"core", "ui", "app"}) {
        if (!fs::exists(root / layer)) continue;
        for (const auto& entry : fs::recursive_directory_iterator(root / layer)) {
            if (!entry.is_regular_file() || !is_source(entry.path())) continue;
            const fs::path relative = fs::relative(entry.path(), root);
            auto part = std::next(relative.begin());
            const std::string module = std::next(part) == relative.end() ? "" : part->string();
            sources.push_back({relative, layer, module, includes_of(read(entry.path()))});
        }
    }
    std::sort(sources.begin(), sources.end(), [](const Source& a, const Source& b) { return a.file < b.file; });
    return sources;
}

class Checker {
public:
    explicit Checker(const fs::path& root) : root_(root), sources_(sources_of(root)) {}

    std::vector<std::string> run() {
        for (const Source& s : sources_)
            for (const Include& i : s.includes) check_include(s, i);
        check_public_headers();
        for (const char* layer : {"core", "ui", "app"}) check_links(layer);
        return std::move(broken_);
    }

private:
    void fail(const fs::path& file, int line, const std::string& what) {
        broken_.push_back(file.generic_string() + ":" + std::to_string(line) + ": " + what);
    }

    void check_include(const Source& s, const Include& i) {
        const bool window = s.layer == "ui" || (s.layer == "app" && s.module == "studio");
        if (s.layer == "core" && is_qt(i.text)) fail(s.file, i.line, "core includes Qt <" + i.text + ">");
        if (is_torch(i.text) && !(s.layer == "core" && kTorch.count(s.module)))
            fail(s.file, i.line, s.layer + "/" + s.module + " includes LibTorch <" + i.text + ">");
        if (i.angled) return;
        const std::string module = top(i.text);
        if (module == "ui" || module == "app") {
            if (s.layer == "core" || (s.layer == "ui" && module == "app"))
                fail(s.file, i.line, s.layer + " includes \"" + i.text + "\"");
            else if (s.layer == "ui")
                check_ui_rank(s, i);
        } else if (arrows().count(module) && fs::exists(root_ / "core" / i.text)) {
            if (s.layer == "core" && module != s.module && !(arrows().count(s.module) && arrows().at(s.module).count(module)))
                fail(s.file, i.line, "core/" + s.module + " includes core/" + module);
            if (window && !kWindow.count(module)) fail(s.file, i.line, "the window includes core/" + module);
        }
    }

    void check_ui_rank(const Source& s, const Include& i) {
        const std::string rest = i.text.substr(3), to = top(rest);
        const auto a = kUiRank.find(s.module), b = kUiRank.find(to);
        if (b == kUiRank.end() || a == kUiRank.end()) return;
        if (b->second > a->second) fail(s.file, i.line, "ui/" + s.module + " includes ui/" + to);
    }

    // A header of core is public when a file of another folder includes it, or a public header does.
    void check_public_headers() {
        std::map<std::string, const Source*> headers;
        for (const Source& s : sources_)
            if (s.layer == "core" && s.file.extension() == ".h") headers[fs::relative(s.file, "core").generic_string()] = &s;
        std::vector<std::string> open;
        Names seen;
        const auto add = [&](const std::string& name) {
            if (headers.count(name) && seen.insert(name).second) open.push_back(name);
        };
        for (const Source& s : sources_)
            for (const Include& i : s.includes)
                if (!i.angled && (s.layer != "core" || top(i.text) != s.module)) add(i.text);
        while (!open.empty()) {
            const Source& s = *headers.at(open.back());
            open.pop_back();
            const auto allowed = kInPublicHeaders.find(s.module);
            for (const Include& i : s.includes) {
                if (!i.angled) add(i.text);
                const bool foreign = i.angled ? !is_standard(i.text) : !arrows().count(top(i.text));
                if (foreign && (allowed == kInPublicHeaders.end() || !allowed->second.count(top(i.text))))
                    fail(s.file, i.line, "public header shows third-party <" + i.text + ">");
            }
        }
    }

    void check_links(const std::string& layer) {
        if (!fs::exists(root_ / layer)) return;
        for (const auto& entry : fs::recursive_directory_iterator(root_ / layer)) {
            if (entry.path().filename() != "CMakeLists.txt") continue;
            const std::string text = std::regex_replace(read(entry.path()), std::regex("#[^\n]*"), "");
            static const std::regex command(
                R"((c2l_module|c2l_ui_module|target_link_libraries|qt_add_executable|add_executable)\s*\(([^()]*)\))");
            for (std::sregex_iterator m(text.begin(), text.end(), command), end; m != end; ++m) {
                const int line = 1 + static_cast<int>(std::count(text.begin(), text.begin() + m->position(), '\n'));
                check_link(layer, fs::relative(entry.path(), root_), line, (*m)[2]);
            }
        }
    }

    void check_link(const std::string& layer, const fs::path& file, int line, const std::string& arguments) {
        std::istringstream in(arguments);
        std::string target, token;
        in >> target;
        const std::string module = target.rfind("c2l_", 0) == 0 ? target.substr(4) : "";
        const bool window = layer == "ui" || target == "c2l-studio";
        while (in >> token) {
            const std::string to = token.rfind("c2l_", 0) == 0 ? token.substr(4) : "";
            const bool torch = token == "c2l_torch" || token.find("TORCH_") != std::string::npos || token == "torch";
            if (layer == "core" && token.rfind("Qt6::", 0) == 0) fail(file, line, target + " links " + token);
            if (torch && (window || (layer == "core" && arrows().count(module) && !kTorch.count(module))))
                fail(file, line, target + " links LibTorch");
            if (!arrows().count(to)) continue;
            if (layer == "core" && arrows().count(module) && to != module && !arrows().at(module).count(to))
                fail(file, line, target + " links " + token);
            if (window && !kWindow.count(to)) fail(file, line, "the window (" + target + ") links " + token);
        }
    }

    fs::path root_;
    std::vector<Source> sources_;
    std::vector<std::string> broken_;
};

}  // namespace

std::vector<std::string> check_tree(const fs::path& root) { return Checker(root).run(); }

}  // namespace c2l::architecture
