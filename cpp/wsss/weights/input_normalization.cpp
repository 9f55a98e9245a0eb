#include "wsss/weights/input_normalization.h"

#include <algorithm>

#include "wsss/core/libtorch.h"

namespace wsss {

namespace {

at::Tensor* find(StateDict& tensors, const std::string& name) {
  const auto found = std::find_if(tensors.begin(), tensors.end(), [&](const auto& item) { return item.first == name; });
  return found == tensors.end() ? nullptr : &found->second;
}

}  // namespace

bool fold_normalization(StateDict& tensors, const FirstLayer& layer) {
  if (layer.convolution.empty()) return false;
  at::Tensor* weight = find(tensors, layer.convolution + ".weight");
  at::Tensor* running_mean = find(tensors, layer.norm + ".running_mean");
  const bool fits = weight != nullptr && running_mean != nullptr && weight->dim() == 4 && weight->size(1) == 3 &&
                    running_mean->dim() == 1 && running_mean->size(0) == weight->size(0);
  if (!fits) return false;
  const torch::NoGradGuard no_grad;
  const auto per_channel = [](const std::array<double, 3>& values) {
    return at::tensor({values[0], values[1], values[2]}, at::kDouble).view({1, 3, 1, 1});
  };
  const at::Tensor mean = per_channel(layer.trained_on.mean);
  const at::Tensor deviation = per_channel(layer.trained_on.deviation);
  const at::Tensor scaled = weight->to(at::kDouble) / deviation;
  *running_mean = (running_mean->to(at::kDouble) + (scaled * mean).sum({1, 2, 3})).to(running_mean->scalar_type());
  *weight = scaled.to(weight->scalar_type());
  return true;
}

}  // namespace wsss
