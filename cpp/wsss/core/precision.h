// The choice between float32 and bfloat16 for what a thread's networks compute.
#pragma once

#include <ATen/core/Tensor.h>

namespace wsss {

/// The type that convolutions multiply in. Weights, sums and what the optimizer computes are float32 in either case; a
/// weight's gradient is rounded to bfloat16 once where it comes from a product in bfloat16.
enum class Precision {
  kFloat32,
  /// What a convolution multiplies, and the maps between layers, are rounded to eight significant bits: half as many
  /// bytes and, where the hardware multiplies them, twice as fast.
  kBfloat16,
};

/// Sets the precision of this thread's networks while it lives; without one it is float32.
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

/// Maps for results too fine for bfloat16, such as class scores: bfloat16 becomes float32, others stay as they are.
at::Tensor unrounded(const at::Tensor& maps);

}  // namespace wsss
