#include "wsss/optim/optimizer.h"

#include "wsss/core/libtorch.h"

namespace wsss {

namespace {

const std::string kMomentum = "momentum";
const std::string kFirstMoment = "exp_avg";
const std::string kSecondMoment = "exp_avg_sq";

/// Whether the elements of two tensors of one shape lie in one order: strides along a single element say nothing.
bool lie_alike(const at::Tensor& some, const at::Tensor& other) {
  for (std::int64_t d = 0; d < some.dim(); ++d) {
    if (some.size(d) != 1 && some.stride(d) != other.stride(d)) return false;
  }
  return true;
}

/// The gradient with the strides of its parameter, which the fused update walks through side by side.
at::Tensor gradient_like(const at::Tensor& parameter) {
  const at::Tensor& gradient = parameter.grad();
  if (lie_alike(gradient, parameter)) return gradient.as_strided(parameter.sizes(), parameter.strides());
  return at::empty_like(parameter).copy_(gradient);
}

}  // namespace

Optimizer::Optimizer(std::vector<ParameterGroup> groups, const OptimizerOptions& options)
    : groups_(std::move(groups)), options_(options), device_rates_(groups_.size()), steps_(groups_.size()) {}

void Optimizer::zero_grad() {
  for (auto& group : groups_) {
    for (auto& parameter : group.parameters) parameter.mutable_grad().reset();
  }
}

void Optimizer::clip() {
  std::vector<at::Tensor> gradients;
  for (const auto& group : groups_) {
    for (const auto& parameter : group.parameters) {
      if (parameter.grad().defined()) gradients.push_back(parameter.grad());
    }
  }
  if (gradients.empty()) return;
  const at::Tensor norm = at::linalg_vector_norm(at::stack(at::_foreach_norm(gradients)), 2.0);
  const at::Tensor factor = (options_.gradient_clip_norm / (norm + 1e-6)).clamp_max(1.0);
  // Elsewhere the question would wait for the device.
  if (factor.is_cpu() && factor.item<double>() == 1.0) return;
  at::_foreach_mul_(gradients, factor);
}

void Optimizer::set_learning_rate(double learning_rate) {
  learning_rate_ = learning_rate;
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    const auto& parameters = groups_[i].parameters;
    if (parameters.empty() || parameters.front().is_cpu()) continue;
    at::Tensor& rate = device_rates_[i];
    if (!rate.defined()) rate = at::empty({}, parameters.front().options().dtype(at::kFloat));
    rate.fill_(learning_rate * groups_[i].learning_rate_factor);
  }
}

void Optimizer::step() {
  const torch::NoGradGuard no_grad;
  if (options_.gradient_clip_norm > 0.0) clip();
  // All that needs memory comes before the first update, so that either all parameters have it or none.
  std::vector<Update> updates;
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    updates.push_back(update_of(groups_[i]));
    if (updates[i].parameters.empty() || steps_[i].defined()) continue;
    const auto options = updates[i].parameters.front().options().dtype(at::kFloat);
    steps_[i] = at::full({}, static_cast<double>(steps_before_), options);
  }
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    Update& update = updates[i];
    if (update.parameters.empty()) continue;
    if (update.parameters.front().is_cpu()) {
      apply(update, groups_[i], steps_[i], learning_rate_ * groups_[i].learning_rate_factor);
    } else {
      apply(update, groups_[i], steps_[i], device_rates_[i]);
    }
    // LibTorch's fused optimizers do not say that they have written, see TensorState.
    for (const auto& parameter : update.parameters) parameter.unsafeGetTensorImpl()->bump_version();
  }
}

template <typename Rate>
void Optimizer::apply(Update& update, const ParameterGroup& group, at::Tensor& steps, const Rate& rate) {
  if (options_.kind == OptimizerKind::kSgd) {
    at::_fused_sgd_(update.parameters, update.gradients, update.states[kMomentum], group.weight_decay,
                    options_.momentum, rate, /*dampening=*/0.0, options_.nesterov, /*maximize=*/false,
                    /*is_first_step=*/false);
    return;
  }
  steps.add_(1.0);
  const std::vector<at::Tensor> counts(update.parameters.size(), steps);
  at::_fused_adamw_(update.parameters, update.gradients, update.states[kFirstMoment], update.states[kSecondMoment],
                    /*max_exp_avg_sqs=*/{}, counts, rate, options_.beta1, options_.beta2, group.weight_decay,
                    options_.epsilon, /*amsgrad=*/false, /*maximize=*/false);
}

Optimizer::Update Optimizer::update_of(const ParameterGroup& group) {
  Update update;
  for (const auto& parameter : group.parameters) {
    if (!parameter.grad().defined()) continue;
    update.parameters.push_back(parameter);
    update.gradients.push_back(gradient_like(parameter));
    for (const auto& name : state_names()) update.states[name].push_back(ensured_state(name, parameter));
  }
  return update;
}

at::Tensor& Optimizer::ensured_state(const std::string& name, const at::Tensor& parameter) {
  at::Tensor& state = states_[name][parameter.unsafeGetTensorImpl()];
  if (!state.defined()) state = at::zeros_like(parameter);
  return state;
}

std::vector<std::string> Optimizer::state_names() const {
  if (options_.kind == OptimizerKind::kAdamW) return {kFirstMoment, kSecondMoment};
  return options_.momentum == 0.0 ? std::vector<std::string>{} : std::vector<std::string>{kMomentum};
}

at::Tensor Optimizer::state_of(const std::string& name, const at::Tensor& parameter) const {
  const auto named = states_.find(name);
  if (named == states_.end()) return {};
  const auto found = named->second.find(parameter.unsafeGetTensorImpl());
  return found == named->second.end() ? at::Tensor() : found->second;
}

void Optimizer::set_state(const std::string& name, const at::Tensor& parameter, const at::Tensor& state) {
  states_[name][parameter.unsafeGetTensorImpl()] = at::empty_like(parameter).copy_(state);
}

void Optimizer::set_steps(std::int64_t steps) {
  steps_before_ = steps;
  for (auto& count : steps_) count.reset();
}

}  // namespace wsss
