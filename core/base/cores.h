// How many threads make sense in this process.
#pragma once

namespace c2l {

// CPUs that this process may run on: those of the machine, less what taskset, a container's cpuset or srun --cpu-bind keep from it. At least 1.
// As it was at the first call: OpenMP may later bind single threads.
int usable_cores();

}  // namespace c2l
