#pragma once

#include <ATen/core/Tensor.h>

namespace wsss {

/// In what convolutions multiply. Weights, sums and what the optimizer computes are float32 in either case; a weight's
/// gradient is rounded to bfloat16 once where a product of bfloat16 makes it.
enum class Precision {
  kFloat32,
  /// What a convolution multiplies, and the maps between layers, are rounded to eight significant bits: half as many
  /// bytes and, where the hardware multiplies them, twice as fast.
  kBfloat16,
};

/// In what the networks of this thread compute while it lives; without one, in float32.
class PrecisionScope {
 public:
  explicit PrecisionScope(Precision precision);
  ~PrecisionScope();
  PrecisionScope(const PrecisionScope&) = delete;
  PrecisionScope& operator=(const PrecisionScope&) = delete;

 private:
  Precision previous_;
};

/// That of the innermost PrecisionScope of this thread.
Precision current_precision();

/// Maps for what is too fine for bfloat16, such as class scores: float32 of bfloat16, and others as they are.
at::Tensor unrounded(const at::Tensor& maps);

}  // namespace wsss
