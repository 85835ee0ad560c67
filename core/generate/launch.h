// Which of how many processes this one is, from the environment that torchrun or srun gives its processes. No LibTorch.
#pragma once

#include <functional>
#include <string>

namespace c2l {

struct Launch {
    int rank = 0, world = 1;              // this process, all processes
    int local_rank = 0, local_world = 1;  // on this machine (local_world 1 where the launcher does not say)
    int cores = 0;                        // CPUs that the launcher gives this process (0 where it does not say)
    std::string address;                  // of process 0; empty for a single process
    int port = 0;
};

// RANK, WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE, MASTER_ADDR, MASTER_PORT (torchrun, whose own store
// keeps that port: the next one is taken), else SLURM_PROCID, SLURM_NTASKS, SLURM_LOCALID, SLURM_STEP_TASKS_PER_NODE (or
// SLURM_NTASKS_PER_NODE, SLURM_TASKS_PER_NODE) and SLURM_CPUS_PER_TASK (or its share of SLURM_CPUS_ON_NODE) of an
// srun step (SLURM_STEP_ID; a batch script itself is one process), with MASTER_ADDR or the first machine of SLURM_STEP_NODELIST
// (SLURM_JOB_NODELIST), and MASTER_PORT or a port that follows from SLURM_JOB_ID. Nothing of these: one process.
// Throws Error(BadInput) naming the variable that is missing or makes no sense.
Launch launch_from(const std::function<const char*(const char*)>& variable);
Launch launch_from_environment();

// The first name of a Slurm list of machines: "gpu[003-006,9],login1" → "gpu003".
std::string first_host(const std::string& list);
// Tasks on the node-th machine of a Slurm list: "8(x2),4" → 8, 8, 4. 0 for a list that has no such machine or makes no sense.
int tasks_on_node(const std::string& list, int node);

}  // namespace c2l
