// The worker's end of the protocol: reads requests, runs one job at a time on its own thread, stays answerable meanwhile.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <thread>

#include "base/job.h"
#include "rpc/frame.h"

namespace c2l::rpc {

struct Service {
    nlohmann::json capabilities;  // the answer to "capabilities"
    std::function<bool(const std::string& method)> has;
    // Checks the parameters without doing anything; throws c2l::Error for a mistake of the caller.
    std::function<void(const std::string& method, const nlohmann::json& params)> check;
    std::function<nlohmann::json(const std::string& method, const nlohmann::json& params, const JobContext&)> run;
};

class Server {
public:
    // `write` gets whole frames, from one thread at a time.
    Server(Service service, std::function<void(std::string_view)> write);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    // Blocks until the input ends (`read` returns 0) or a shutdown was asked for; then stops the job and waits for it.
    void serve(const std::function<std::size_t(char* buffer, std::size_t size)>& read);

private:
    void send(const nlohmann::json& message);
    void handle(const std::string& payload);
    void start_job(const nlohmann::json& id, const std::string& method, const nlohmann::json& params);
    void run_job(const nlohmann::json& id, const std::string& method, const nlohmann::json& params, std::stop_token stop);
    nlohmann::json cancel(const nlohmann::json& params);
    void stop_job();

    Service service_;
    std::function<void(std::string_view)> write_;
    std::mutex writing_;
    std::mutex job_mutex_;
    nlohmann::json job_;  // id of the running request; null when none runs
    bool shutdown_ = false;
    std::jthread thread_;
};

}  // namespace c2l::rpc
