#include "wsss/core/batch_norm.h"

#include <algorithm>
#include <map>
#include <vector>

#include "wsss/core/libtorch.h"
#include "wsss/core/recompute.h"
#include "wsss/core/shared_step.h"
#include "wsss/core/synchronized_norm.h"

namespace wsss {

namespace {

/// Sums over the inputs that a norm has seen.
struct InputSums {
  at::Tensor sum, squares;  // [C] float64
  double count = 0.0;
};
using Probe = std::map<const torch::nn::BatchNorm2dImpl*, InputSums>;

// Where the thread's norms report their inputs. NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables)
thread_local Probe* probe = nullptr;

class ProbeScope {
 public:
  explicit ProbeScope(Probe& own) { probe = &own; }
  ~ProbeScope() { probe = nullptr; }
  ProbeScope(const ProbeScope&) = delete;
  ProbeScope& operator=(const ProbeScope&) = delete;
};

bool is_all(const at::Tensor& tensor, double value) { return tensor.eq(value).all().item<bool>(); }

bool is_folded(const torch::nn::BatchNorm2dImpl& norm) {
  return is_all(norm.running_var, 1.0) && is_all(norm.weight, 1.0) && !is_all(norm.bias, 0.0);
}

std::vector<torch::nn::BatchNorm2dImpl*> norms_of(torch::nn::Module& network) {
  std::vector<torch::nn::BatchNorm2dImpl*> norms;
  for (const auto& module : network.modules(/*include_self=*/false)) {
    if (auto* norm = module->as<torch::nn::BatchNorm2d>()) norms.push_back(norm);
  }
  return norms;
}

std::vector<torch::nn::BatchNorm2dImpl*> folded_norms(torch::nn::Module& network) {
  auto norms = norms_of(network);
  std::erase_if(norms, [](const auto* norm) { return !is_folded(*norm); });
  return norms;
}

}  // namespace

at::Tensor BatchNormImpl::forward(const at::Tensor& x) {
  if (probe != nullptr) {
    if (const auto own = probe->find(this); own != probe->end()) {
      const at::Tensor values = x.detach().to(at::kDouble).transpose(0, 1).flatten(1);  // [C, N * H * W]
      InputSums& sums = own->second;
      sums.sum = sums.count == 0.0 ? values.sum(1) : sums.sum + values.sum(1);
      sums.squares = sums.count == 0.0 ? values.square().sum(1) : sums.squares + values.square().sum(1);
      sums.count += static_cast<double>(values.size(1));
    }
  }
  if (is_training()) {
    kept_ = {};
    const SharedStep* step = shared_step();
    if (step != nullptr && step->synchronizes_norms) return synchronized_norm(*this, x, *step);
  }
  if (is_training() && is_recomputing()) {
    return at::batch_norm(x, weight, bias, {}, {}, /*training=*/true, /*momentum=*/0.0, options.eps(),
                          /*cudnn_enabled=*/true);
  }
  return torch::nn::BatchNorm2dImpl::forward(x);
}

bool BatchNormImpl::is_affine() const {
  const bool learns = at::GradMode::is_enabled() && (weight.requires_grad() || bias.requires_grad());
  return !is_training() && probe == nullptr && !learns;
}

ScaleShift BatchNormImpl::scale_shift() {
  const torch::NoGradGuard no_grad;
  const std::array<at::Tensor, 4> sources{weight, bias, running_mean, running_var};
  const auto stands = [](const TensorState& state, const at::Tensor& source) { return state.stands(source); };
  if (kept_.scale.defined() && std::equal(made_from_.begin(), made_from_.end(), sources.begin(), stands)) return kept_;
  const at::Tensor scale = weight * (running_var + options.eps()).rsqrt();
  const ScaleShift made{scale, bias - running_mean * scale};
  // What a GPU makes while a step is recorded belongs to the recording.
  if (!weight.is_cpu()) return made;
  std::transform(sources.begin(), sources.end(), made_from_.begin(),
                 [](const at::Tensor& source) { return TensorState(source); });
  return kept_ = made;
}

void set_batch_norms_trainable(torch::nn::Module& network, bool trainable) {
  for (auto* norm : norms_of(network)) {
    norm->weight.requires_grad_(trainable);
    norm->bias.requires_grad_(trainable);
  }
}

void use_running_statistics(torch::nn::Module& network) {
  for (auto* norm : norms_of(network)) norm->eval();
}

bool has_folded_batch_norms(torch::nn::Module& network) { return !folded_norms(network).empty(); }

void unfold_batch_norms(torch::nn::Module& network, const std::function<void()>& run) {
  const torch::NoGradGuard no_grad;
  Probe seen;
  for (const auto* norm : folded_norms(network)) seen[norm];
  {
    const ProbeScope scope(seen);
    run();
  }
  for (auto* norm : folded_norms(network)) {
    const InputSums& sums = seen[norm];
    if (sums.count == 0.0) continue;
    const at::Tensor mean = sums.sum / sums.count;
    const at::Tensor variance = (sums.squares / sums.count - mean.square()).clamp_min(0.0);
    const double eps = norm->options.eps();
    // As it computes now: (x - old mean) / sqrt(1 + eps) + bias.
    const at::Tensor old_scale = norm->running_var.to(at::kDouble).add(eps).rsqrt() * norm->weight.to(at::kDouble);
    norm->bias.add_(((mean - norm->running_mean) * old_scale).to(norm->bias.scalar_type()));
    norm->weight.copy_(old_scale * (variance + eps).sqrt());
    norm->running_mean.copy_(mean);
    norm->running_var.copy_(variance);
  }
}

}  // namespace wsss
