#include "generate/pretrain_run.h"

#include <memory>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "generate/loss_table.h"

namespace c2l::generate {

using nlohmann::json;

Stage Run::stage(const std::string& name, std::int64_t steps, int batch, std::function<at::Tensor(std::int64_t)> learn) const {
    Stage out;
    out.name = name;
    out.steps = steps;
    out.work = work;
    out.fingerprint = sha256_hex(fingerprint + json{{"stage", name}, {"steps", steps}, {"rate", params.learning_rate}, {"batch", together(batch)}}.dump());
    out.learn = std::move(learn);
    out.processes = &processes;
    if (processes.first()) {
        const auto table = std::make_shared<LossTable>(work / (name + ".losses.tsv"));
        out.after = [table](std::int64_t step, double value) {
            table->add(step, value);
            return true;
        };
    }
    return out;
}

std::string Run::latents_fingerprint() const { return sha256_hex(stage("autoencoder", params.autoencoder_steps, params.autoencoder_batch, {}).fingerprint + " latents"); }

}  // namespace c2l::generate
