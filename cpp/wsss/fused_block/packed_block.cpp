#include "wsss/fused_block/packed_block.h"

#include <ATen/ATen.h>

#include <vector>

namespace wsss {

namespace {

/// [n, ...] with zeros up to a whole number of vectors.
at::Tensor filled_up(const at::Tensor& tensor) {
  const std::int64_t missing = vectors_of(tensor.size(0)) * kLanes - tensor.size(0);
  std::vector<std::int64_t> padding(static_cast<std::size_t>(2 * tensor.dim()), 0);
  padding.back() = missing;
  return at::constant_pad_nd(tensor, padding).contiguous();
}

/// [C, ...] times a factor for each channel.
at::Tensor folded(const at::Tensor& weight, const at::Tensor& scale) { return weight * scale.view({-1, 1, 1, 1}); }

}  // namespace

PackedPointwise packed_pointwise(const at::Tensor& weight, const at::Tensor& scale, const at::Tensor& shift,
                                 at::ScalarType type) {
  const std::int64_t group = inputs_at_once(type);
  const std::int64_t depth = (weight.size(1) + group - 1) / group * group;
  const at::Tensor rows = filled_up(folded(weight, scale).view({-1, weight.size(1)}));  // [vectors * kLanes, in]
  const at::Tensor groups = at::constant_pad_nd(rows, {0, depth - weight.size(1)}).view({rows.size(0), -1, group});
  std::vector<at::Tensor> passes;
  for (const at::Tensor& pass : groups.split(kVectorsOfAPass * kLanes)) {
    passes.push_back(pass.transpose(0, 1).reshape({-1}));
  }
  return {at::cat(passes).to(type), filled_up(shift), depth, weight.size(0)};
}

PackedDepthwise packed_depthwise(const at::Tensor& weight, const at::Tensor& scale, const at::Tensor& shift) {
  const std::int64_t taps = weight.size(2) * weight.size(3);
  const at::Tensor channels = filled_up(folded(weight, scale).view({-1, taps}));
  return {channels.view({-1, kLanes, taps}).transpose(1, 2).reshape({-1}), filled_up(shift)};
}

}  // namespace wsss
