#include "wsss/pseudo_mask/grad_cam.h"

#include <torch/torch.h>

#include <algorithm>

#include "wsss/core/cancel.h"
#include "wsss/core/error.h"

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

const at::Tensor& feature_of(const FeatureLevels& features, FeatureLevel level) {
  switch (level) {
    case FeatureLevel::kB4_5:
      return features.b4_5;
    case FeatureLevel::kB5_2:
      return features.b5_2;
    default:
      return features.bn7;
  }
}

/// The channel weights of bn7 in closed form: [N, K, C].
at::Tensor bn7_weights(const ResNet38& network, const at::Tensor& bn7, const std::vector<bool>& wanted) {
  at::Tensor weights = network->class_weights().detach().flatten(1) / static_cast<double>(bn7.size(2) * bn7.size(3));
  for (std::size_t k = 0; k < wanted.size(); ++k) {
    if (!wanted[k]) weights[static_cast<std::int64_t>(k)].zero_();
  }
  return weights.unsqueeze(0).expand({bn7.size(0), -1, -1});
}

GradCam combine(const at::Tensor& feature, const at::Tensor& weights) {
  const at::Tensor flat = feature.detach().contiguous().flatten(2);  // [N, C, h*w]
  at::Tensor maps = at::bmm(weights, flat).view({feature.size(0), weights.size(1), feature.size(2), feature.size(3)});
  return {maps, weights};
}

}  // namespace

FeatureLevel parse_feature_level(const std::string& name) {
  if (name == "b4_5") return FeatureLevel::kB4_5;
  if (name == "b5_2") return FeatureLevel::kB5_2;
  if (name == "bn7") return FeatureLevel::kBn7;
  throw Error(ErrorCode::kOption, "levels must be b4_5, b5_2 or bn7, received " + name, {{"option", "levels"}});
}

std::vector<GradCam> grad_cam(ResNet38& network, const at::Tensor& images, const std::vector<FeatureLevel>& levels,
                              const std::vector<bool>& wanted) {
  const auto asks = [&](FeatureLevel level) { return std::find(levels.begin(), levels.end(), level) != levels.end(); };
  const bool needs_backward = asks(FeatureLevel::kB4_5) || asks(FeatureLevel::kB5_2);
  const ParametersWithoutGradient guard(*network);
  Dropout inactive;

  at::Tensor b4_5;
  {
    const torch::NoGradGuard no_grad;
    b4_5 = network->features_to_b4_5(images);
  }
  const torch::AutoGradMode grad_mode(needs_backward);
  if (needs_backward) b4_5 = b4_5.detach().requires_grad_(true);
  const FeatureLevels features = network->features_from_b4_5(b4_5, inactive);
  const at::Tensor logits = network->classify(features.bn7, inactive);

  std::vector<at::Tensor> taps;
  std::vector<at::Tensor> tap_weights;
  for (const FeatureLevel level : {FeatureLevel::kB4_5, FeatureLevel::kB5_2}) {
    if (!asks(level)) continue;
    const at::Tensor& feature = feature_of(features, level);
    taps.push_back(feature);
    tap_weights.push_back(at::zeros({feature.size(0), network->class_count(), feature.size(1)}, feature.options()));
  }
  for (std::size_t k = 0; needs_backward && k < wanted.size(); ++k) {
    if (!wanted[k]) continue;
    check_cancelled();
    const auto class_index = static_cast<std::int64_t>(k);
    const auto gradients =
        torch::autograd::grad({logits.select(1, class_index).sum()}, taps, {}, /*retain_graph=*/true);
    for (std::size_t t = 0; t < taps.size(); ++t) {
      tap_weights[t].detach_().select(1, class_index).copy_(gradients[t].mean({2, 3}));
    }
  }

  const torch::NoGradGuard no_grad;
  std::vector<GradCam> result;
  for (const FeatureLevel level : levels) {
    const at::Tensor& feature = feature_of(features, level);
    if (level == FeatureLevel::kBn7) {
      result.push_back(combine(feature, bn7_weights(network, feature, wanted)));
    } else {
      const bool first = level == FeatureLevel::kB4_5 || taps.size() == 1;
      result.push_back(combine(feature, tap_weights[first ? 0 : 1]));
    }
  }
  return result;
}

}  // namespace wsss
