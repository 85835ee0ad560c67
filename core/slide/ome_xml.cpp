#include "slide/ome_xml.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "slide/row_source.h"

namespace c2l {

namespace {

constexpr std::size_t kMaxElements = 100 * 1000;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_name(char c) { return !is_space(c) && c != '=' && c != '>' && c != '/' && c != '<' && c != '"' && c != '\''; }

void append_utf8(std::string& out, unsigned code) {
    if (code < 0x80) {
        out += static_cast<char>(code);
    } else if (code < 0x800) {
        out += static_cast<char>(0xC0 | code >> 6);
        out += static_cast<char>(0x80 | (code & 63));
    } else if (code < 0x10000) {
        out += static_cast<char>(0xE0 | code >> 12);
        out += static_cast<char>(0x80 | (code >> 6 & 63));
        out += static_cast<char>(0x80 | (code & 63));
    }
}

std::string decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const std::size_t end = text[i] == '&' ? text.substr(i, 12).find(';') : std::string_view::npos;
        if (end == std::string_view::npos) {
            out += text[i];
            continue;
        }
        const std::string_view name = text.substr(i + 1, end - 1);
        if (name == "amp")
            out += '&';
        else if (name == "lt")
            out += '<';
        else if (name == "gt")
            out += '>';
        else if (name == "quot")
            out += '"';
        else if (name == "apos")
            out += '\'';
        else if (name.size() > 1 && name[0] == '#') {
            const bool hex = name[1] == 'x';
            unsigned code = 0;
            std::from_chars(name.data() + (hex ? 2 : 1), name.data() + name.size(), code, hex ? 16 : 10);
            append_utf8(out, code);
        }
        i += end;
    }
    return out;
}

std::string trimmed(std::string_view text) {
    while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
    return decoded(text);
}

// `text` begins behind '<'. Returns the element's length up to and with '>'; 0 when it never ends.
std::size_t scan_element(std::string_view text, XmlElement& element) {
    std::size_t at = 0;
    const auto skip = [&](auto wanted) {
        while (at < text.size() && wanted(text[at])) ++at;
    };
    skip(is_name);
    const std::string_view full = text.substr(0, at);
    const auto colon = full.find(':');
    element.name = std::string(colon == std::string_view::npos ? full : full.substr(colon + 1));
    while (at < text.size() && text[at] != '>') {
        const std::size_t begin = at;
        skip([](char c) { return is_space(c) || c == '/'; });
        const std::size_t name = at;
        skip(is_name);
        const std::string_view key = text.substr(name, at - name);
        skip(is_space);
        if (at < text.size() && text[at] == '=') {
            ++at;
            skip(is_space);
            const char quote = at < text.size() ? text[at] : '\0';
            if (quote != '"' && quote != '\'') continue;
            const auto close = text.find(quote, at + 1);
            if (close == std::string_view::npos) return 0;
            element.attributes.emplace_back(std::string(key), decoded(text.substr(at + 1, close - at - 1)));
            at = close + 1;
        }
        if (at == begin) ++at;  // something odd
    }
    return at < text.size() ? at + 1 : 0;
}

double number(const std::string& text) {
    double value = std::nan("");
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

// µm of one unit of OME's UnitsLength; NaN for "pixel" and "reference frame".
double micrometres(const std::string& unit) {
    if (unit.empty() || unit == "\u00b5m" || unit == "\u03bcm" || unit == "um" || unit == "micron") return 1;
    if (unit == "nm") return 1e-3;
    if (unit == "mm") return 1e3;
    if (unit == "cm") return 1e4;
    if (unit == "m") return 1e6;
    if (unit == "in") return 25400;
    if (unit == "\u00c5") return 1e-4;
    return std::nan("");
}

}  // namespace

std::string XmlElement::attribute(std::string_view wanted) const {
    for (const auto& [name, value] : attributes)
        if (name == wanted) return value;
    return {};
}

std::vector<XmlElement> scan_xml(std::string_view text) {
    std::vector<XmlElement> elements;
    for (std::size_t at = text.find('<'); at != std::string_view::npos && elements.size() < kMaxElements; at = text.find('<', at)) {
        ++at;
        const std::string_view rest = text.substr(at);
        if (rest.substr(0, 3) == "!--") {
            at = text.find("-->", at);
            if (at == std::string_view::npos) break;
            continue;
        }
        if (rest.empty() || !is_name(rest[0]) || rest[0] == '?' || rest[0] == '!') continue;
        XmlElement element;
        const std::size_t length = scan_element(rest, element);
        if (length == 0) break;
        at += length;
        if (length < 2 || rest[length - 2] != '/') {
            const auto next = text.find('<', at);
            element.text = trimmed(text.substr(at, next == std::string_view::npos ? next : next - at));
        }
        elements.push_back(std::move(element));
    }
    return elements;
}

OmeDescription describe_ome(std::string_view text) {
    OmeDescription out;
    if (text.find("<OME") == std::string_view::npos && text.find(":OME ") == std::string_view::npos) return out;
    out.found = true;
    bool seen = false;
    for (const XmlElement& element : scan_xml(text)) {
        if (element.name == "Pixels" && !std::exchange(seen, true)) {
            const double x = number(element.attribute("PhysicalSizeX")) * micrometres(element.attribute("PhysicalSizeXUnit"));
            const double y = number(element.attribute("PhysicalSizeY")) * micrometres(element.attribute("PhysicalSizeYUnit"));
            out.mpp = plausible_mpp(x, std::isfinite(y) ? y : x);
        }
        if (element.name == "Objective" && !out.objective) {
            const double times = number(element.attribute("NominalMagnification"));
            if (std::isfinite(times) && times > 0 && times <= 1000) out.objective = times;
        }
    }
    return out;
}

}  // namespace c2l
