#include "base/cores.h"

#include <algorithm>
#include <thread>

#ifdef __linux__
#include <sched.h>
#endif

namespace c2l {
namespace {

int count_cores() {
#ifdef __linux__
    // The mask must be as wide as the kernel's; CPU_SETSIZE (1,024) is not on the largest machines.
    for (int width = CPU_SETSIZE; width <= 64 * CPU_SETSIZE; width *= 2) {
        cpu_set_t* mask = CPU_ALLOC(static_cast<std::size_t>(width));
        if (!mask) break;
        const std::size_t bytes = CPU_ALLOC_SIZE(static_cast<std::size_t>(width));
        const int cores = sched_getaffinity(0, bytes, mask) == 0 ? CPU_COUNT_S(bytes, mask) : 0;
        CPU_FREE(mask);
        if (cores > 0) return cores;
    }
#endif
    return static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

}  // namespace

int usable_cores() {
    static const int cores = count_cores();
    return cores;
}

}  // namespace c2l
