#include "wsss/pseudo_mask/grad_cam.h"

#include <algorithm>

#include "wsss/core/cancel.h"
#include "wsss/core/libtorch.h"
#include "wsss/core/precision.h"

namespace wsss {

namespace {

/// Keeps autograd from computing weight gradients while it lives.
class ParametersWithoutGradient {
 public:
  explicit ParametersWithoutGradient(torch::nn::Module& network) {
    for (auto& parameter : network.parameters()) {
      if (!parameter.requires_grad()) continue;
      parameter.requires_grad_(false);
      changed_.push_back(parameter);
    }
  }
  ~ParametersWithoutGradient() {
    for (auto& parameter : changed_) parameter.requires_grad_(true);
  }
  ParametersWithoutGradient(const ParametersWithoutGradient&) = delete;
  ParametersWithoutGradient& operator=(const ParametersWithoutGradient&) = delete;

 private:
  std::vector<at::Tensor> changed_;
};

using Classes = std::vector<std::vector<std::int64_t>>;

/// The channel weights of the deep level in closed form: [N, K, C].
at::Tensor deep_weights(const Classifier& network, const at::Tensor& deep, const Classes& wanted) {
  const at::Tensor one =
      network->class_weights().detach().flatten(1) / static_cast<double>(deep.size(2) * deep.size(3));
  at::Tensor weights = at::zeros({deep.size(0), one.size(0), one.size(1)}, one.options());
  for (std::size_t patch = 0; patch < wanted.size(); ++patch) {
    for (const auto k : wanted[patch]) weights[static_cast<std::int64_t>(patch)][k].copy_(one[k]);
  }
  return weights;
}

/// The patches that have a class of that rank, and the class.
struct Round {
  std::vector<std::int64_t> patches, classes;
};

Round round_of(const Classes& wanted, std::size_t rank) {
  Round round;
  for (std::size_t patch = 0; patch < wanted.size(); ++patch) {
    if (rank >= wanted[patch].size()) continue;
    round.patches.push_back(static_cast<std::int64_t>(patch));
    round.classes.push_back(wanted[patch][rank]);
  }
  return round;
}

GradCam combine(const at::Tensor& feature, const at::Tensor& weights) {
  const at::Tensor flat = unrounded(feature.detach()).contiguous().flatten(2);  // [N, C, h*w]
  at::Tensor maps = at::bmm(weights, flat).view({feature.size(0), weights.size(1), feature.size(2), feature.size(3)});
  return {maps, weights};
}

}  // namespace

std::vector<GradCam> grad_cam(Classifier& network, const at::Tensor& images, const std::vector<FeatureLevel>& levels,
                              const Classes& wanted) {
  const auto asks = [&](FeatureLevel level) { return std::find(levels.begin(), levels.end(), level) != levels.end(); };
  const bool needs_backward = asks(FeatureLevel::kShallow) || asks(FeatureLevel::kMiddle);
  const ParametersWithoutGradient guard(*network);
  Dropout inactive;

  at::Tensor shallow;
  {
    const torch::NoGradGuard no_grad;
    shallow = network->features_to_shallow(images);
  }
  const torch::AutoGradMode grad_mode(needs_backward);
  if (needs_backward) shallow = shallow.detach().requires_grad_(true);
  const FeatureLevels features = network->features_from_shallow(shallow, inactive);
  const at::Tensor logits = network->classify(features.deep, inactive);

  std::vector<at::Tensor> taps;
  std::vector<at::Tensor> tap_weights;
  for (const FeatureLevel level : {FeatureLevel::kShallow, FeatureLevel::kMiddle}) {
    if (!asks(level)) continue;
    const at::Tensor& feature = features.of(level);
    taps.push_back(feature);
    tap_weights.push_back(at::zeros({feature.size(0), network->class_count(), feature.size(1)}, logits.options()));
  }
  std::size_t rounds = 0;
  for (const auto& classes : wanted) rounds = std::max(rounds, classes.size());
  for (std::size_t rank = 0; needs_backward && rank < rounds; ++rank) {
    check_cancelled();
    const Round round = round_of(wanted, rank);
    const at::Tensor patches = at::tensor(round.patches, at::kLong).to(logits.device());
    const at::Tensor classes = at::tensor(round.classes, at::kLong).to(logits.device());
    const auto gradients = torch::autograd::grad({logits.index({patches, classes}).sum()}, taps, {},
                                                 /*retain_graph=*/rank + 1 < rounds);
    for (std::size_t t = 0; t < taps.size(); ++t) {
      const at::Tensor means = unrounded(gradients[t]).mean({2, 3});  // [N, C]
      tap_weights[t].index_put_({patches, classes}, means.index_select(0, patches));
    }
  }

  const torch::NoGradGuard no_grad;
  std::vector<GradCam> result;
  for (const FeatureLevel level : levels) {
    const at::Tensor& feature = features.of(level);
    if (level == FeatureLevel::kDeep) {
      result.push_back(combine(feature, deep_weights(network, feature, wanted)));
    } else {
      const bool first = level == FeatureLevel::kShallow || taps.size() == 1;
      result.push_back(combine(feature, tap_weights[first ? 0 : 1]));
    }
  }
  return result;
}

}  // namespace wsss
