// The optimizers of training: SGD with momentum, and AdamW.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace wsss {

enum class OptimizerKind {
  kSgd,    ///< Stochastic gradient descent with momentum.
  kAdamW,  ///< Adam with decoupled weight decay (Loshchilov & Hutter 2019).
};

struct OptimizerOptions {
  OptimizerKind kind = OptimizerKind::kSgd;
  double momentum = 0.9;  ///< Of SGD.
  bool nesterov = false;  ///< Of SGD.
  // Of AdamW, PyTorch's defaults.
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double gradient_clip_norm = 0.0;  ///< L2 norm over all gradients; 0 = no clipping.
};

/// Parameters that learn alike.
struct ParameterGroup {
  std::vector<at::Tensor> parameters;
  double learning_rate_factor = 1.0;  ///< Of the run's learning rate.
  double weight_decay = 0.0;
};

/// PyTorch's SGD and AdamW in their fused forms: one pass over all parameters of a group.
class Optimizer {
 public:
  Optimizer(std::vector<ParameterGroup> groups, const OptimizerOptions& options);

  void zero_grad();
  /// The learning rate of the steps that follow, times each group's factor. For a network on a device it lies there, so
  /// that a recorded step reads what was set last.
  void set_learning_rate(double learning_rate);
  /// Clips (if asked) and updates. Parameters without gradient stay.
  void step();

  /// What is kept of each parameter between steps: "momentum", or "exp_avg" and "exp_avg_sq", or nothing.
  std::vector<std::string> state_names() const;
  /// Undefined before the parameter's first step.
  at::Tensor state_of(const std::string& name, const at::Tensor& parameter) const;
  /// Continues with a state, which is copied.
  void set_state(const std::string& name, const at::Tensor& parameter, const at::Tensor& state);
  /// Continues after so many steps, which AdamW counts.
  void set_steps(std::int64_t steps);

 private:
  /// The parameters of a group that have a gradient, and what they are updated with.
  struct Update {
    std::vector<at::Tensor> parameters, gradients;
    std::map<std::string, std::vector<at::Tensor>> states;
  };

  void clip();
  Update update_of(const ParameterGroup& group);
  at::Tensor& ensured_state(const std::string& name, const at::Tensor& parameter);
  template <typename Rate>
  void apply(Update& update, const ParameterGroup& group, at::Tensor& steps, const Rate& rate);

  std::vector<ParameterGroup> groups_;
  OptimizerOptions options_;
  double learning_rate_ = 0.0;
  std::int64_t steps_before_ = 0;
  std::vector<at::Tensor> device_rates_;  ///< One for each group that is not on the CPU.
  std::vector<at::Tensor> steps_;         ///< Done, one scalar for each group, beside its parameters.
  std::map<std::string, std::map<const void*, at::Tensor>> states_;  ///< By name and parameter.
};

}  // namespace wsss
