#include "wsss/classifier/pda.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace wsss {

at::Tensor pda_map(const at::Tensor& features, const at::Tensor& class_weights, double gamma, double divisor) {
  const at::Tensor maps = at::relu(at::conv2d(features, class_weights));
  const at::Tensor threshold = maps.detach().amax({2, 3}, /*keepdim=*/true) * gamma;
  const at::Tensor kept = maps.masked_fill(maps.detach() > threshold, 0.0);
  return kept.sum(1, /*keepdim=*/true) / divisor;
}

double GammaSchedule::gamma(std::int64_t epoch) const {
  double value = initial;
  for (std::int64_t e = decays_before_start ? 0 : start_epoch; e < epoch; ++e) {
    if (value <= floor) break;
    value *= decay;
  }
  return decays_before_start ? value : std::max(value, std::min(initial, floor));
}

}  // namespace wsss
