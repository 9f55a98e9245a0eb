#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <vector>

namespace wsss {

/// The masks of a step that is recorded once and replayed: a replay reads them where they lie, and draws none.
class HeldMasks {
 public:
  /// A mask of ones and zeros scaled up, which draw() will fill.
  at::Tensor add(at::IntArrayRef shape, const at::TensorOptions& options, double kept);
  /// Fills all masks anew, in the order in which the step asked for them.
  void draw(at::Generator generator);

 private:
  struct Mask {
    at::Tensor values;
    double kept;  ///< Probability of a one.
  };
  std::vector<Mask> masks_;
};

/// Dropout from a generator of our own. A default-made object is inactive (evaluation).
class Dropout {
 public:
  Dropout() = default;
  /// @param generator  on the device of the features.
  /// @param factor     multiplies every probability; 0 turns dropout off, 1 is the paper's.
  /// @param held       where a recorded step leaves its masks; without, they are drawn at once.
  Dropout(at::Generator generator, double factor, HeldMasks* held = nullptr)
      : generator_(std::move(generator)), factor_(factor), held_(held) {}

  /// Drops whole channels of one image: x [N, C, H, W], probability in [0, 1).
  at::Tensor channels(const at::Tensor& x, double probability);
  /// Drops single elements, any shape.
  at::Tensor elements(const at::Tensor& x, double probability);

 private:
  at::Tensor apply(const at::Tensor& x, at::IntArrayRef mask_shape, double probability);

  at::Generator generator_;
  double factor_ = 0.0;
  HeldMasks* held_ = nullptr;
};

}  // namespace wsss
