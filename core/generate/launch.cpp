#include "generate/launch.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include "base/error.h"

namespace c2l {
namespace {

using Lookup = std::function<const char*(const char*)>;

int number(const Lookup& variable, const char* name, int low, int high) {
    const char* text = variable(name);
    if (!text) throw Error(ErrorCode::BadInput, std::string("this process was started as one of several, but ") + name + " is not set; start it with torchrun or srun");
    int value = 0;
    const auto [end, failed] = std::from_chars(text, text + std::strlen(text), value);
    if (failed != std::errc() || *end || value < low || value > high)
        throw Error(ErrorCode::BadInput, std::string("the environment variable ") + name + " is \"" + text + "\", which is not a number from " + std::to_string(low) + " to " + std::to_string(high));
    return value;
}

int number_or(const Lookup& variable, const char* name, int low, int high, int otherwise) { return variable(name) ? number(variable, name, low, high) : otherwise; }

constexpr int kMostProcesses = 1 << 16;

// Tasks of this step on this machine; 1 where Slurm does not say.
int slurm_local_world(const Lookup& variable, int world) {
    const int node = number_or(variable, "SLURM_NODEID", 0, kMostProcesses, 0);
    for (const char* name : {"SLURM_STEP_TASKS_PER_NODE", "SLURM_NTASKS_PER_NODE", "SLURM_TASKS_PER_NODE"}) {
        const char* text = variable(name);
        if (!text) continue;
        const std::string list = text;
        // --ntasks-per-node is one number for all machines.
        const int tasks = tasks_on_node(list, list.find_first_of(",(") == std::string::npos ? 0 : node);
        if (tasks < 1) throw Error(ErrorCode::BadInput, std::string("the environment variable ") + name + " is \"" + list + "\", which does not say how many tasks run on machine " + std::to_string(node));
        return std::min(tasks, world);
    }
    return 1;
}

}  // namespace

int tasks_on_node(const std::string& list, int node) {
    const char *at = list.c_str(), *end = at + list.size();
    for (int first = 0; at < end;) {
        int tasks = 0, machines = 1;
        auto read = std::from_chars(at, end, tasks);
        if (read.ec != std::errc() || tasks < 1 || tasks > kMostProcesses) return 0;
        at = read.ptr;
        if (end - at > 2 && at[0] == '(' && at[1] == 'x') {
            read = std::from_chars(at + 2, end, machines);
            if (read.ec != std::errc() || machines < 1 || machines > kMostProcesses || read.ptr == end || *read.ptr != ')') return 0;
            at = read.ptr + 1;
        }
        if (at < end && *at++ != ',') return 0;
        if (node < first + machines) return tasks;
        first += machines;
    }
    return 0;
}

std::string first_host(const std::string& list) {
    const auto end = list.find_first_of(",[");
    std::string host = list.substr(0, end);
    if (end == std::string::npos || list[end] == ',') return host;
    const auto stop = list.find_first_of("-,]", end);  // of the first number in the brackets, its leading zeros kept
    host += list.substr(end + 1, stop == std::string::npos ? std::string::npos : stop - end - 1);
    const auto close = list.find(']', end);
    if (close == std::string::npos) return host;
    const auto next = list.find(',', close);  // what follows the brackets belongs to the name
    return host + list.substr(close + 1, next == std::string::npos ? std::string::npos : next - close - 1);
}

Launch launch_from(const Lookup& variable) {
    Launch out;
    if (variable("RANK") || variable("WORLD_SIZE")) {
        out.world = number(variable, "WORLD_SIZE", 1, kMostProcesses);
        out.rank = number(variable, "RANK", 0, out.world - 1);
        out.local_rank = number_or(variable, "LOCAL_RANK", 0, out.world - 1, 0);
        out.local_world = number_or(variable, "LOCAL_WORLD_SIZE", 1, out.world, 1);
    } else if (variable("SLURM_STEP_ID") && variable("SLURM_PROCID")) {
        out.world = number_or(variable, "SLURM_STEP_NUM_TASKS", 1, kMostProcesses, number_or(variable, "SLURM_NTASKS", 1, kMostProcesses, 1));
        out.rank = number(variable, "SLURM_PROCID", 0, out.world - 1);
        out.local_rank = number_or(variable, "SLURM_LOCALID", 0, out.world - 1, 0);
        out.local_world = slurm_local_world(variable, out.world);
        // Where each task is bound to CPUs of its own, the mask that it sees is its share already and must not be shared again.
        out.cores = number_or(variable, "SLURM_CPUS_PER_TASK", 1, kMostProcesses, number_or(variable, "SLURM_CPUS_ON_NODE", 1, kMostProcesses, 0) / out.local_world);
    }
    if (out.world == 1) return out;
    for (const char* name : {"MASTER_ADDR", "SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST"})
        if (const char* text = variable(name); text && *text) {
            out.address = std::strcmp(name, "MASTER_ADDR") == 0 ? text : first_host(text);
            break;
        }
    if (out.address.empty()) throw Error(ErrorCode::BadInput, "several processes were started, but MASTER_ADDR does not say where the first one runs; start them with torchrun or srun");
    const char* job = variable("SLURM_JOB_ID");
    const int otherwise = job ? 20000 + static_cast<int>(std::strtoul(job, nullptr, 10) % 10000) : 29500;
    out.port = number_or(variable, "MASTER_PORT", 1, 65535, otherwise);
    // torchrun serves a meeting place of its own at this port, in the language of its own version: ours is beside it.
    if (const char* taken = variable("TORCHELASTIC_USE_AGENT_STORE"); taken && std::strcmp(taken, "True") == 0) out.port += out.port < 65535 ? 1 : -1;
    return out;
}

Launch launch_from_environment() {
    return launch_from([](const char* name) { return std::getenv(name); });
}

}  // namespace c2l
