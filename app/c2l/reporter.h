// What a person or a program sees on stderr while a command runs.
#pragma once

#include <memory>
#include <stop_token>

#include "base/job.h"

namespace c2l {

enum class ProgressStyle { None, Bar, JsonLines };

class Reporter {
public:
    explicit Reporter(ProgressStyle style);
    ~Reporter();  // leaves the line of the bar
    JobContext context(std::stop_token stop);
    void clear();  // takes the bar away before something else is printed
    // Without a terminal, issues wait for the end of a command that worked: one that failed prints its error and nothing else.
    void print_issues();

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace c2l
