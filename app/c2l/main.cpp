// c2l: the engine. Parses the command line, runs one command, prints its result.
#include <malloc.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <new>

#include "base/error.h"
#include "c2l/command_line.h"
#include "c2l/signals.h"
#include "c2l/worker.h"
#include "rpc/message.h"

using namespace c2l;
using nlohmann::json;

namespace {

void print(const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    if (text.empty() || text.back() != '\n') std::fputc('\n', stdout);
    std::fflush(stdout);
}

int report(const Error& error, bool json_output) {
    std::string line = error.line();
    for (char& c : line)
        if (c == '\n' || c == '\r') c = ' ';
    std::fprintf(stderr, "c2l: %s\n", line.c_str());
    if (json_output)
        print(rpc::dump({{"error", {{"code", std::string(to_string(error.code()))}, {"message", error.what()}, {"path", error.path().string()}}}}));
    return error.code() == ErrorCode::Stopped ? 130 : 1;
}

int run(const CommandLine& line, std::stop_token stop) {
    json params;
    try {
        params = complete_params(*line.command, line.params);
    } catch (const Error& error) {
        report(error, line.json_output);
        return 2;  // as every other mistake in the options
    }
    try {
        json result;
        {
            Reporter reporter(line.progress);
            result = run_command(*line.command, params, reporter.context(stop));
            reporter.print_issues();
        }
        print(line.json_output ? rpc::dump(result) : line.command->summary ? line.command->summary(result) : result.dump(2, ' ', false, json::error_handler_t::replace));
        return 0;
    } catch (const Error& error) {
        return report(error, line.json_output);
    } catch (const std::bad_alloc&) {
        return report(Error(ErrorCode::Memory, "there is not enough memory; use a smaller batch or close other programs"), line.json_output);
    } catch (const std::exception& error) {
        return report(Error(ErrorCode::Internal, "failed unexpectedly; please report this", {}, error.what()), line.json_output);
    }
}

// GNU OpenMP lets waiting threads spin for milliseconds, which starves a machine that has other work to do (measured: three times the time of a
// training step beside one busy process). It reads this setting when it is loaded, hence the second start of the program.
void calm_openmp(char** argv) {
    if (std::getenv("OMP_WAIT_POLICY") || std::getenv("GOMP_SPINCOUNT")) return;
    if (::setenv("GOMP_SPINCOUNT", "1000", 0) == 0) ::execv("/proc/self/exe", argv);  // where it cannot be started again, it goes on as it is
}

}  // namespace

int main(int argc, char** argv) {
    calm_openmp(argv);
    // Tensors of megabytes come and go at every step: kept by the allocator they cost no page faults (1.7–2× in training).
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
    mallopt(M_TRIM_THRESHOLD, 2147483647);
    block_stop_signals();
    const CommandLine line = parse_command_line(argc, argv);
    if (line.exit_code >= 0) return line.exit_code;
    const std::stop_source stop = watch_stop_signals();
    const int code = line.worker ? run_worker(stop.get_token()) : run(line, stop.get_token());
    std::fflush(nullptr);
    std::_Exit(code);  // the destructors of LibTorch's globals take longer than they are worth, and the signal thread still sleeps
}
