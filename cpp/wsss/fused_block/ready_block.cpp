#include "wsss/fused_block/ready_block.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace wsss {

const PackedBlock& ReadyBlock::made_for(const BlockShape& shape, at::ScalarType type, const NormedWeight& expand,
                                        const NormedWeight& depthwise, const NormedWeight& project) {
  const std::array<at::Tensor, 6> sources{expand.weight,   expand.scale,   depthwise.weight,
                                          depthwise.scale, project.weight, project.scale};
  const auto stands = [](const TensorState& state, const at::Tensor& source) { return state.stands(source); };
  if (packed_.type == type && std::equal(made_from_.begin(), made_from_.end(), sources.begin(), stands)) return packed_;
  packed_.shape = shape;
  packed_.type = type;
  if (expand.weight.defined()) packed_.expand = packed_pointwise(expand.weight, expand.scale, expand.shift, type);
  packed_.depthwise = packed_depthwise(depthwise.weight, depthwise.scale, depthwise.shift);
  packed_.project = packed_pointwise(project.weight, project.scale, project.shift, type);
  std::transform(sources.begin(), sources.end(), made_from_.begin(),
                 [](const at::Tensor& source) { return TensorState(source); });
  return packed_;
}

}  // namespace wsss
