#include "rpc/message.h"

#include <cmath>
#include <utility>

#include "base/json_depth.h"

namespace c2l::rpc {

using nlohmann::json;

namespace {

json number(double value) { return std::isfinite(value) ? json(value) : json(nullptr); }

// A number outside of T's range (1e300, -1 for a size) is as good as none: to convert it would be undefined.
template <class T>
T whole(const json& number, T fallback) {
    if (number.is_number_unsigned()) {
        const auto n = number.get<std::uint64_t>();
        return std::in_range<T>(n) ? static_cast<T>(n) : fallback;
    }
    const double real = number.get<double>();
    if (number.is_number_float() && !(std::abs(real) < 9e15)) return fallback;
    const auto n = number.is_number_float() ? static_cast<std::int64_t>(real) : number.get<std::int64_t>();
    return std::in_range<T>(n) ? static_cast<T>(n) : fallback;
}

double real(const json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_number() ? found->get<double>() : std::numeric_limits<double>::quiet_NaN();
}

template <class T>
T value(const json& object, const char* key, T fallback) {
    const auto found = object.find(key);
    if (found == object.end()) return fallback;
    if constexpr (std::is_same_v<T, bool>) return found->is_boolean() ? found->get<bool>() : fallback;
    if constexpr (std::is_same_v<T, std::string>) return found->is_string() ? found->get<std::string>() : fallback;
    if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) return found->is_number() ? whole(*found, fallback) : fallback;
    return fallback;
}

}  // namespace

json request(std::int64_t id, const std::string& method, json params) {
    return {{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", std::move(params)}};
}

json notification(const std::string& method, json params) {
    return {{"jsonrpc", "2.0"}, {"method", method}, {"params", std::move(params)}};
}

json result(const json& id, json value) { return {{"jsonrpc", "2.0"}, {"id", id}, {"result", std::move(value)}}; }

json failure(const json& id, int code, const std::string& message, json data) {
    json error = {{"code", code}, {"message", message}};
    if (!data.is_null()) error["data"] = std::move(data);
    return {{"jsonrpc", "2.0"}, {"id", id}, {"error", std::move(error)}};
}

json failure(const json& id, const Error& error) {
    return failure(id, error.code() == ErrorCode::Stopped ? kCancelled : kJobFailed, error.what(),
                   {{"code", std::string(c2l::to_string(error.code()))}, {"path", error.path().string()}, {"cause", error.cause()}});
}

json progress_params(const json& job, const Progress& latest, const std::vector<LossPoint>& losses) {
    json points = json::array();
    for (const LossPoint& point : losses) points.push_back(json::array({point.step, number(point.loss), point.held_out}));
    return {{"job", job},           {"step", latest.step},         {"done", latest.done},
            {"total", latest.total}, {"eta_s", number(latest.eta_s)}, {"loss", number(latest.loss)},
            {"held_out", latest.held_out}, {"memory_bytes", latest.memory_bytes}, {"message", latest.message},
            {"losses", std::move(points)}};
}

json preview_params(const json& job, const Preview& preview) {
    return {{"job", job}, {"step", preview.step}, {"done", preview.done}, {"paths", preview.paths}};
}

json issue_params(const json& job, const Issue& issue) {
    return {{"job", job}, {"severity", to_string(issue.severity)}, {"text", issue.text}, {"location", issue.location}};
}

Progress read_progress(const json& params) {
    Progress p;
    p.step = value<std::string>(params, "step", "");
    p.done = value<std::int64_t>(params, "done", 0);
    p.total = value<std::int64_t>(params, "total", 0);
    p.eta_s = real(params, "eta_s");
    p.loss = real(params, "loss");
    p.held_out = value<bool>(params, "held_out", false);
    p.memory_bytes = value<std::uint64_t>(params, "memory_bytes", 0);
    p.message = value<std::string>(params, "message", "");
    return p;
}

std::vector<LossPoint> read_losses(const json& params) {
    std::vector<LossPoint> points;
    const auto losses = params.find("losses");
    if (losses == params.end() || !losses->is_array()) return points;
    for (const json& triple : *losses)
        if (triple.is_array() && triple.size() == 3 && triple[0].is_number() && triple[1].is_number() && triple[2].is_boolean())
            points.push_back({whole<std::int64_t>(triple[0], 0), triple[1].get<double>(), triple[2].get<bool>()});
    return points;
}

Preview read_preview(const json& params) {
    Preview p;
    p.step = value<std::string>(params, "step", "");
    p.done = value<std::int64_t>(params, "done", 0);
    if (const auto paths = params.find("paths"); paths != params.end() && paths->is_array())
        for (const json& path : *paths)
            if (path.is_string()) p.paths.push_back(path.get<std::string>());
    return p;
}

Issue read_issue(const json& params) {
    const std::string severity = value<std::string>(params, "severity", "warning");
    return {severity == "info"    ? Severity::Info
            : severity == "error" ? Severity::Error
                                  : Severity::Warning,
            value<std::string>(params, "text", ""), value<std::string>(params, "location", "")};
}

json parse(const std::string& payload) {
    // The library takes a NUL for the end and would not look at what follows.
    if (is_nested_deeper(payload) || payload.find('\0') != std::string::npos) return json(json::value_t::discarded);
    return json::parse(payload, nullptr, false);
}

Incoming read_incoming(const std::string& payload) {
    Incoming incoming;
    const json message = parse(payload);
    if (!message.is_object()) return incoming;
    incoming.id = value<std::int64_t>(message, "id", -1);
    if (const auto found = message.find("result"); found != message.end()) {
        incoming.kind = Incoming::Kind::Result;
        incoming.value = *found;
    } else if (const auto error = message.find("error"); error != message.end() && error->is_object()) {
        incoming.kind = Incoming::Kind::Failure;
        incoming.error_code = value<int>(*error, "code", kJobFailed);
        incoming.error = value<std::string>(*error, "message", "the worker failed without saying why");
        if (const auto data = error->find("data"); data != error->end() && data->is_object()) {
            incoming.error_path = value<std::string>(*data, "path", "");
            incoming.value = *data;
        }
    } else if (message.contains("method")) {
        incoming.kind = Incoming::Kind::Notification;
        incoming.method = value<std::string>(message, "method", "");
        incoming.value = message.value("params", json::object());
        if (!incoming.value.is_object()) incoming.kind = Incoming::Kind::Invalid;
    }
    return incoming;
}

const char* to_string(Severity severity) {
    switch (severity) {
        case Severity::Info: return "info";
        case Severity::Warning: return "warning";
        case Severity::Error: return "error";
    }
    return "warning";
}

std::string dump(const json& message) { return message.dump(-1, ' ', false, json::error_handler_t::replace); }

}  // namespace c2l::rpc
