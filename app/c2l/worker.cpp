#include "c2l/worker.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "base/error.h"
#include "pipeline/command.h"
#include "rpc/server.h"

namespace c2l {

using nlohmann::json;

namespace {

// Bytes of stdin; 0 at its end, and when a stop was asked for.
std::size_t read_input(char* buffer, std::size_t size, std::stop_token stop) {
    while (!stop.stop_requested()) {
        pollfd input{STDIN_FILENO, POLLIN, 0};
        const int ready = ::poll(&input, 1, 200);
        if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
        if (ready < 0) return 0;
        const ssize_t got = ::read(STDIN_FILENO, buffer, size);
        if (got < 0 && errno == EINTR) continue;
        return got > 0 ? static_cast<std::size_t>(got) : 0;
    }
    return 0;
}

void write_all(int descriptor, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t done = ::write(descriptor, bytes.data(), bytes.size());
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return;  // the reader is gone; the end of stdin follows
        bytes.remove_prefix(static_cast<std::size_t>(done));
    }
}

}  // namespace

int run_worker(std::stop_token stop) {
    // The protocol keeps stdout for itself: whatever a library prints goes to stderr.
    const int channel = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    ::dup2(STDERR_FILENO, STDOUT_FILENO);
    rpc::Service service;
    service.capabilities = describe_commands();
    service.has = [](const std::string& method) { return find_command(method) != nullptr; };
    service.check = [](const std::string& method, const json& params) { complete_params(*find_command(method), params); };
    service.run = [](const std::string& method, const json& params, const JobContext& ctx) { return run_command(*find_command(method), params, ctx); };
    rpc::Server server(std::move(service), [channel](std::string_view bytes) { write_all(channel, bytes); });
    server.serve([stop](char* buffer, std::size_t size) { return read_input(buffer, size, stop); });
    return stop.stop_requested() ? 130 : 0;
}

}  // namespace c2l
