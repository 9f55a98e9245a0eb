#include "wsss/training/resumption.h"

#include "wsss/core/error.h"
#include "wsss/core/libtorch.h"

namespace wsss {

namespace {

Error not_resumable(const std::string& path, const std::string& why) {
  return Error(ErrorCode::kWeights, path + " cannot be resumed from: " + why, {{"path", path}});
}

}  // namespace

void require_same_run(const Checkpoint& checkpoint, const TrainingStage& stage, const TrainingOptions& options) {
  if (checkpoint.stage != stage.name()) throw not_resumable(options.resume_from, "it is of a " + checkpoint.stage);
  if (checkpoint.config != options.checkpoint_config) {
    throw not_resumable(options.resume_from, "its options or data are not those of this run");
  }
}

void require_same_length(const Checkpoint& checkpoint, const TrainingOptions& options) {
  const std::int64_t steps = options.schedule.steps_per_epoch;
  if (checkpoint.epoch < 0 || checkpoint.epoch > options.schedule.epochs ||
      checkpoint.steps < checkpoint.epoch * steps || checkpoint.steps > (checkpoint.epoch + 1) * steps ||
      static_cast<std::int64_t>(checkpoint.history.steps.rows()) != checkpoint.steps ||
      static_cast<std::int64_t>(checkpoint.history.epochs.rows()) != checkpoint.epoch) {
    throw not_resumable(options.resume_from, "it counts steps that this run does not have");
  }
}

std::map<std::string, StateDict> optimizer_states(const Optimizer& optimizer, const torch::nn::Module& network) {
  std::map<std::string, StateDict> states;
  for (const auto& name : optimizer.state_names()) {
    for (const auto& parameter : network.named_parameters()) {
      const at::Tensor state = optimizer.state_of(name, parameter.value());
      if (state.defined()) states[name].emplace_back(parameter.key(), state);
    }
  }
  return states;
}

void restore_optimizer(Optimizer& optimizer, torch::nn::Module& network, const Checkpoint& checkpoint,
                       const std::string& path) {
  auto parameters = network.named_parameters();
  optimizer.set_steps(checkpoint.steps);
  for (const auto& [state, tensors] : checkpoint.optimizer) {
    for (const auto& [name, tensor] : tensors) {
      const at::Tensor* parameter = parameters.find(name);
      if (parameter == nullptr || parameter->sizes() != tensor.sizes()) {
        throw Error(ErrorCode::kWeights, path + " has a " + state + " for " + name + ", which the network lacks",
                    {{"path", path}});
      }
      optimizer.set_state(state, *parameter, tensor);
    }
  }
}

}  // namespace wsss
