#include "rpc/server.h"

#include <vector>

#include "base/error.h"
#include "rpc/message.h"
#include "rpc/notifier.h"

namespace c2l::rpc {

using nlohmann::json;

Server::Server(Service service, std::function<void(std::string_view)> write) : service_(std::move(service)), write_(std::move(write)) {}

Server::~Server() { stop_job(); }

void Server::stop_job() {
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
}

void Server::send(const json& message) {
    const std::string text = frame(dump(message));
    const std::lock_guard lock(writing_);
    write_(text);
}

void Server::serve(const std::function<std::size_t(char*, std::size_t)>& read) {
    FrameReader frames;
    std::vector<char> buffer(1 << 16);
    while (!shutdown_) {
        const std::size_t size = read(buffer.data(), buffer.size());
        if (size == 0) break;
        for (const auto& item : frames.feed({buffer.data(), size})) {
            if (item.error.empty())
                handle(item.payload);
            else
                send(failure(nullptr, kParseError, item.error));
            if (shutdown_) break;
        }
    }
    stop_job();
}

void Server::handle(const std::string& payload) {
    const json message = parse(payload);
    if (message.is_discarded()) return send(failure(nullptr, kParseError, "a message is not valid JSON, or is nested too deeply"));
    const json id = message.is_object() ? message.value("id", json()) : json();
    const bool named = id.is_null() || id.is_string() || id.is_number_integer();
    if (!message.is_object() || !named || !message.contains("method") || !message["method"].is_string())
        return send(failure(named ? id : json(), kInvalidRequest, "a message is not a JSON-RPC request"));
    const std::string method = message["method"];
    const json params = message.value("params", json::object());
    if (!params.is_object()) return send(failure(id, kInvalidParams, "the parameters must be an object"));

    if (method == "capabilities") return send(result(id, service_.capabilities));
    if (method == "cancel") {
        const json answer = cancel(params);
        if (!id.is_null()) send(result(id, answer));
        return;
    }
    if (method == "shutdown") {
        stop_job();
        shutdown_ = true;
        if (!id.is_null()) send(result(id, nullptr));
        return;
    }
    if (!service_.has(method)) return send(failure(id, kMethodNotFound, "there is no method '" + method + "'"));
    if (id.is_null()) return send(failure(id, kInvalidRequest, "a job needs an id, to be cancelled by"));
    start_job(id, method, params);
}

json Server::cancel(const json& params) {
    const std::lock_guard lock(job_mutex_);
    const bool meant = !job_.is_null() && (!params.contains("job") || params["job"] == job_);
    if (meant) thread_.request_stop();
    return {{"stopping", meant}};
}

void Server::start_job(const json& id, const std::string& method, const json& params) {
    {
        const std::lock_guard lock(job_mutex_);
        if (!job_.is_null()) return send(failure(id, kBusy, "another job is running; wait for it or cancel it"));
    }
    try {
        service_.check(method, params);
    } catch (const Error& error) {
        return send(failure(id, kInvalidParams, error.what()));
    }
    if (thread_.joinable()) thread_.join();
    {
        const std::lock_guard lock(job_mutex_);
        job_ = id;
    }
    thread_ = std::jthread([this, id, method, params](std::stop_token stop) { run_job(id, method, params, stop); });
}

void Server::run_job(const json& id, const std::string& method, const json& params, std::stop_token stop) {
    json answer;
    {
        ProgressNotifier notifier(id, [this](const json& message) { send(message); });
        JobContext ctx;
        ctx.stop = stop;
        ctx.on_progress = [&](const Progress& progress) { notifier.progress(progress); };
        ctx.on_preview = [&](const Preview& preview) {
            notifier.flush();
            send(notification("preview", preview_params(id, preview)));
        };
        ctx.on_issue = [&](const Issue& issue) { send(notification("issue", issue_params(id, issue))); };
        try {
            answer = result(id, service_.run(method, params, ctx));
        } catch (const Error& error) {
            answer = failure(id, error);
        } catch (const std::bad_alloc&) {
            answer = failure(id, Error(ErrorCode::Memory, "there is not enough memory; use a smaller batch or close other programs"));
        } catch (const std::exception& error) {
            answer = failure(id, Error(ErrorCode::Internal, "the job failed unexpectedly; please report this", {}, error.what()));
        }
    }
    {
        const std::lock_guard lock(job_mutex_);
        job_ = nullptr;
    }
    send(answer);
}

}  // namespace c2l::rpc
