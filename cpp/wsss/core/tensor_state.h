// Detects whether a tensor has changed since it was last looked at.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace wsss {

/// Remembers the content of a tensor, without a copy, to tell later whether it is still the same.
///
/// Notices set_data() and what LibTorch's operations write, except those that do not report it: the fused optimizers
/// (Optimizer reports for them), and at::batch_norm() when it updates running statistics (BatchNorm drops what it made
/// from them). Does not notice what a loop of our own writes through a pointer.
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
