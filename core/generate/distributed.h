// The processes of one training: c10d over Gloo (CPU) or NCCL (CUDA). Every one holds the whole model and a part of each batch, and
// adds its gradients to those of the others. A single process is the plain case: nothing is set up and every call returns at once.
//
// All processes must make the same calls in the same order. A process that has ended or hangs shows as Error(Io) in the others,
// at once where the network says so, else after the time limit; the training goes on from its last checkpoint when started again.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "generate/generate.h"
#include "generate/launch.h"

namespace at {
class Tensor;
}

namespace c2l {

class Processes {
public:
    // Meets the others at the launch's address. `device` is that of this process, see device_of().
    // Throws Error(Io) when they do not come in time, Error(Unsupported) when this build has no Gloo (NCCL).
    Processes(const Launch& launch, const std::string& device, std::chrono::seconds time_limit = std::chrono::minutes(10));
    Processes();  // one process
    ~Processes();
    Processes(const Processes&) = delete;
    Processes& operator=(const Processes&) = delete;

    int rank() const { return launch_.rank; }
    int count() const { return launch_.world; }
    bool first() const { return launch_.rank == 0; }

    void sum(at::Tensor tensor) const;                  // in place, over all processes; the same bits in all of them
    void broadcast(at::Tensor tensor) const;            // in place, from the first process
    at::Tensor gather(const at::Tensor& tensor) const;  // stacked: count() × the tensor's shape
    double sum(double value) const;
    bool any(bool value) const { return sum(value ? 1.0 : 0.0) > 0; }

    // Runs `work` in the first process while the others wait, however long it takes; what it throws ends the others too.
    // `name` must not repeat.
    void first_does(const std::string& name, const std::function<void()>& work) const;
    // The last call: nobody leaves while another still needs the meeting place.
    void part() const;

private:
    struct State;
    Launch launch_;
    std::unique_ptr<State> state_;
};

// Device and threads of one of several processes of a machine: its own GPU of those it sees, and the cores that the launcher gives it, else
// its share of those it may use. For one process the same as given.
ComputeParams compute_of(const Launch& launch, ComputeParams compute);

}  // namespace c2l
