#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace wsss {

/// Remembers what a tensor held, without a copy, to tell later whether that still stands.
///
/// Sees what set_data() exchanges and what LibTorch's operations write, but for those that tell nobody: its fused
/// optimizers (Optimizer tells for them), and at::batch_norm() of its running statistics (BatchNorm forgets itself).
/// Does not see what a loop of our own writes through a pointer.
class TensorState {
 public:
  TensorState() = default;
  /// @param tensor  may be undefined. Its memory is held, so that no other tensor can take its place.
  explicit TensorState(const at::Tensor& tensor);
  bool stands(const at::Tensor& tensor) const;

 private:
  at::Tensor held_;
  std::uint32_t version_ = 0;
};

}  // namespace wsss
