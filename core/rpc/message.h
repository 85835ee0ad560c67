// JSON-RPC 2.0 messages of the worker protocol: building and reading, for both ends. Std and nlohmann/json only (a header-only
// library, the one exception to "no third-party type in a public header": JSON is what this module is about).
//
// Requests mirror the commands of c2l: {"method": "adapt", "params": {"project": …}}; besides them
//   capabilities          → {program, version, protocol, commands: [declarations]}
//   cancel {job}          → {stopping: true|false}, at once; the job's own request then ends with error kCancelled
//   shutdown              → null; the job is stopped and the worker ends
// A job is named by the id of its request. One job runs at a time; a second one gets kBusy.
// Notifications: progress, preview, issue (see below).
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/job.h"

namespace c2l::rpc {

constexpr int kParseError = -32700, kInvalidRequest = -32600, kMethodNotFound = -32601, kInvalidParams = -32602;
constexpr int kBusy = -32001;       // a job is running
constexpr int kJobFailed = -32000;  // data.code, data.path say more
constexpr int kCancelled = -32800;  // the job was stopped

nlohmann::json request(std::int64_t id, const std::string& method, nlohmann::json params = nlohmann::json::object());
nlohmann::json notification(const std::string& method, nlohmann::json params);
nlohmann::json result(const nlohmann::json& id, nlohmann::json value);
nlohmann::json failure(const nlohmann::json& id, int code, const std::string& message, nlohmann::json data = nullptr);
nlohmann::json failure(const nlohmann::json& id, const Error& error);  // kJobFailed, or kCancelled for Error(Stopped)

// A point of the loss curve.
struct LossPoint {
    std::int64_t step = 0;
    double loss = 0;
    bool held_out = false;
};

// progress{job, step, done, total, eta_s, loss, held_out, memory_bytes, message, losses: [[step, loss, held_out], …]}: the latest
// state, with every loss point since the last notification. `step` is the step's name. Unknown numbers are null.
nlohmann::json progress_params(const nlohmann::json& job, const Progress& latest, const std::vector<LossPoint>& losses);
nlohmann::json preview_params(const nlohmann::json& job, const Preview& preview);  // {job, step, done, paths}
nlohmann::json issue_params(const nlohmann::json& job, const Issue& issue);        // {job, severity, text, location}

// The window's side. Missing or mistyped members read as the defaults: a worker of another version must not bring it down.
Progress read_progress(const nlohmann::json& params);
std::vector<LossPoint> read_losses(const nlohmann::json& params);
Preview read_preview(const nlohmann::json& params);
Issue read_issue(const nlohmann::json& params);

// Any message a worker sends, taken apart.
struct Incoming {
    enum class Kind { Result, Failure, Notification, Invalid } kind = Kind::Invalid;
    std::int64_t id = -1;          // of the request it answers
    std::string method;            // of a notification
    nlohmann::json value;          // the result, or the parameters of a notification
    int error_code = 0;
    std::string error, error_path; // the message for the user, and the file concerned
};
nlohmann::json parse(const std::string& payload);  // discarded when it is not JSON, or nested deeper than any message
Incoming read_incoming(const std::string& payload);

const char* to_string(Severity severity);  // "info", "warning", "error"
std::string dump(const nlohmann::json& message);  // invalid UTF-8 is replaced, never thrown at

}  // namespace c2l::rpc
