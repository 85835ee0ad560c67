// The command line that does what a request to the worker does.
#pragma once

#include <QString>
#include <nlohmann/json.hpp>

namespace c2l::ui {

// "c2l run '/x/My section.c2l' --spots 100 --seed 0", quoted for a POSIX shell. Null members are left out.
QString command_line(const QString& method, const nlohmann::json& params);

}  // namespace c2l::ui
