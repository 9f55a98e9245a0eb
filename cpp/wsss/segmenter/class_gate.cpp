#include "wsss/segmenter/class_gate.h"

#include <ATen/ATen.h>

#include <limits>

namespace wsss {

at::Tensor is_open(const at::Tensor& probabilities, double threshold) {
  return probabilities > static_cast<float>(threshold);
}

at::Tensor gate_logits(const at::Tensor& logits, const at::Tensor& probabilities, double threshold, GateRule rule) {
  at::Tensor open = is_open(probabilities, threshold);
  if (rule == GateRule::kMultiply) {
    return logits * open.to(logits.device(), logits.scalar_type()).unsqueeze(2).unsqueeze(3);
  }
  open = open.logical_or(open.any(1, /*keepdim=*/true).logical_not());
  const at::Tensor closed = open.logical_not().to(logits.device()).unsqueeze(2).unsqueeze(3);
  return logits.masked_fill(closed, -std::numeric_limits<double>::infinity());
}

}  // namespace wsss
