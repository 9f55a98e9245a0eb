// Dropout of channels and elements, with masks that a recorded training step can reuse.
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstddef>
#include <vector>

namespace wsss {

/// The masks of a step that is computed once, then recorded and replayed: a replay reads them where they lie, and draws
/// none. They are made when the step is computed, never while it is recorded: memory allocated during a recording may
/// have held other things of that recording before, and a replay would write those over what was drawn.
class HeldMasks {
 public:
  /// The next mask of the step: drawn the first time, and later as draw() left it.
  at::Tensor next(at::IntArrayRef shape, const at::TensorOptions& options, double kept, at::Generator generator);
  /// The same step comes once more: next() begins at the first mask.
  void rewind();
  /// Fills all masks anew, in the order in which the step asked for them, and rewinds.
  void draw(at::Generator generator);

 private:
  struct Mask {
    at::Tensor values;
    double kept;  ///< Probability of a one.
  };
  std::vector<Mask> masks_;
  std::size_t next_ = 0;
  bool complete_ = false;  ///< Since the first rewind().
};

/// Dropout from a generator of our own. A default-made object is inactive (evaluation).
class Dropout {
 public:
  Dropout() = default;
  /// @param generator  on the device of the features.
  /// @param factor     multiplies every probability; 0 turns dropout off, 1 is the paper's.
  /// @param held       holds the masks of a step that will be recorded; without it each is drawn and forgotten.
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
