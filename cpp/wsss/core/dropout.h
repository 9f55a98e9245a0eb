#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

namespace wsss {

/// Dropout from a generator of our own. A default-made object is inactive (evaluation).
class Dropout {
 public:
  Dropout() = default;
  /// @param generator  on the device of the features.
  /// @param factor     multiplies every probability; 0 turns dropout off, 1 is the paper's.
  Dropout(at::Generator generator, double factor) : generator_(std::move(generator)), factor_(factor) {}

  /// Drops whole channels of one image: x [N, C, H, W], probability in [0, 1).
  at::Tensor channels(const at::Tensor& x, double probability);
  /// Drops single elements, any shape.
  at::Tensor elements(const at::Tensor& x, double probability);

 private:
  at::Tensor apply(const at::Tensor& x, at::IntArrayRef mask_shape, double probability);

  at::Generator generator_;
  double factor_ = 0.0;
};

}  // namespace wsss
