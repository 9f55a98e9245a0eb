#include "wsss/optim/training.h"

#include <torch/torch.h>

#include <chrono>
#include <cmath>
#include <sstream>

#include "wsss/core/error.h"
#include "wsss/core/random.h"

namespace wsss {

namespace {

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

std::int64_t now_ns() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

}  // namespace

std::int64_t steps_per_epoch(std::int64_t count, const TrainingOptions& options) {
  const std::int64_t whole = count / options.batch_size;
  const bool has_rest = count % options.batch_size != 0;
  // A set smaller than one batch still trains, on the batch that it can fill.
  return whole + ((has_rest && (!options.drop_last_batch || whole == 0)) ? 1 : 0);
}

std::vector<std::vector<std::int64_t>> epoch_batches(std::int64_t count, const TrainingOptions& options,
                                                     std::int64_t epoch) {
  const auto order = shuffled_order(count, options.seed, static_cast<std::uint64_t>(epoch));
  std::vector<std::vector<std::int64_t>> batches;
  for (std::int64_t b = 0; b < steps_per_epoch(count, options); ++b) {
    const std::int64_t begin = b * options.batch_size;
    const std::int64_t end = std::min(begin + options.batch_size, count);
    batches.emplace_back(order.begin() + begin, order.begin() + end);
  }
  return batches;
}

GroupedSgd::GroupedSgd(std::vector<ParameterGroup> groups, const TrainingOptions& options)
    : groups_(std::move(groups)),
      momentum_(options.momentum),
      nesterov_(options.nesterov),
      clip_norm_(options.gradient_clip_norm) {}

void GroupedSgd::zero_grad() {
  for (auto& group : groups_) {
    for (auto& parameter : group.parameters) parameter.mutable_grad().reset();
  }
}

void GroupedSgd::clip() {
  std::vector<at::Tensor> gradients;
  for (const auto& group : groups_) {
    for (const auto& parameter : group.parameters) {
      if (parameter.grad().defined()) gradients.push_back(parameter.grad());
    }
  }
  if (gradients.empty()) return;
  const at::Tensor norm = at::linalg_vector_norm(at::stack(at::_foreach_norm(gradients)), 2.0);
  const at::Tensor factor = (clip_norm_ / (norm + 1e-6)).clamp_max(1.0);
  // Elsewhere the question would wait for the device.
  if (factor.is_cpu() && factor.item<double>() == 1.0) return;
  at::_foreach_mul_(gradients, factor);
}

void GroupedSgd::set_learning_rate(double learning_rate) {
  learning_rate_ = learning_rate;
  device_rates_.resize(groups_.size());
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    const auto& parameters = groups_[i].parameters;
    if (parameters.empty() || parameters.front().is_cpu()) continue;
    at::Tensor& rate = device_rates_[i];
    if (!rate.defined()) rate = at::empty({}, parameters.front().options().dtype(at::kFloat));
    rate.fill_(learning_rate * groups_[i].learning_rate_factor);
  }
}

void GroupedSgd::step() {
  const torch::NoGradGuard no_grad;
  if (clip_norm_ > 0.0) clip();
  // All that needs memory comes before the first update, so that either all parameters have it or none.
  std::vector<Update> updates;
  for (const auto& group : groups_) updates.push_back(update_of(group));
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    const ParameterGroup& group = groups_[i];
    Update& update = updates[i];
    if (update.parameters.empty()) continue;
    const auto apply = [&](const auto& rate) {
      at::_fused_sgd_(update.parameters, update.gradients, update.momenta, group.weight_decay, momentum_, rate,
                      /*dampening=*/0.0, nesterov_, /*maximize=*/false, /*is_first_step=*/false);
    };
    if (update.parameters.front().is_cpu()) {
      apply(learning_rate_ * group.learning_rate_factor);
    } else {
      apply(device_rates_[i]);
    }
    // LibTorch's fused optimizers do not say that they have written, see TensorState.
    for (const auto& parameter : update.parameters) parameter.unsafeGetTensorImpl()->bump_version();
  }
}

GroupedSgd::Update GroupedSgd::update_of(const ParameterGroup& group) {
  Update update;
  for (const auto& parameter : group.parameters) {
    if (!parameter.grad().defined()) continue;
    update.parameters.push_back(parameter);
    update.gradients.push_back(gradient_like(parameter));
    if (momentum_ == 0.0) continue;
    at::Tensor& momentum = momenta_[parameter.unsafeGetTensorImpl()];
    if (!momentum.defined()) momentum = at::zeros_like(parameter);
    update.momenta.push_back(momentum);
  }
  return update;
}

at::Tensor GroupedSgd::momentum_of(const at::Tensor& parameter) const {
  const auto found = momenta_.find(parameter.unsafeGetTensorImpl());
  return found == momenta_.end() ? at::Tensor() : found->second;
}

void GroupedSgd::set_momentum(const at::Tensor& parameter, const at::Tensor& momentum) {
  momenta_[parameter.unsafeGetTensorImpl()] = at::empty_like(parameter).copy_(momentum);
}

void require_finite_loss(double loss, std::int64_t step, double learning_rate) {
  if (std::isfinite(loss)) return;
  std::ostringstream message;
  message << "the loss became " << loss << " at step " << step << " (learning rate " << learning_rate
          << "); nothing saved was changed. Try a lower learning rate, or a gradient clip norm of 5";
  throw Error(ErrorCode::kDiverged, message.str(),
              {{"step", static_cast<double>(step)}, {"learningRate", learning_rate}});
}

Stopwatch::Stopwatch() : start_ns_(now_ns()) {}

double Stopwatch::elapsed_ms() const { return static_cast<double>(now_ns() - start_ns_) / 1e6; }

}  // namespace wsss
