// The commands, each declared in the file named after it; private to core/pipeline.
#pragma once

#include "pipeline/command.h"

namespace c2l {

Command doctor_command();
Command info_command();
Command import_command();
Command register_command();
Command cut_command();
Command pretrain_command();
Command adapt_command();
Command synthesize_command();
Command assess_command();
Command fit_command();
Command predict_command();
Command evaluate_command();
Command experiment_command();
Command run_main_command();
Command demo_command();
Command export_command();
Command sample_command();

}  // namespace c2l
