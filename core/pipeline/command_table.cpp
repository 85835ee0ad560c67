#include "pipeline/command_table.h"

namespace c2l {

const std::vector<Command>& commands() {
    static const std::vector<Command> table = {doctor_command(), info_command(),     import_command(),   register_command(), cut_command(), pretrain_command(), adapt_command(),
                                               synthesize_command(), assess_command(), fit_command(),      predict_command(),  evaluate_command(),
                                               experiment_command(), run_main_command(),   demo_command(),   export_command(),   sample_command()};
    return table;
}

}  // namespace c2l
