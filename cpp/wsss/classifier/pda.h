// Progressive dropout attention, which hides the classifier's strongest evidence while it trains.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace wsss {

/// Progressive dropout attention (paper, section on the classification stage): the multiplier that makes the network
/// look beyond the most discriminative spot of each class.
///
/// Class activation maps are rectified; per image and class everything strictly above gamma times the map's maximum is
/// dropped to 0; the rest is summed over the classes and divided. Multiply the features with the result. Gradients flow
/// through the kept pixels; the threshold is a constant.
///
/// @param features       [N, C, h, w], relu(bn7).
/// @param class_weights  [K, C, 1, 1], fc8.
/// @param gamma          scalar of the features' dtype and device: 0 drops every positive pixel, 1 none.
/// @param divisor        the published code divides by 4 whatever K is; K is what the paper's mean says.
/// @return               [N, 1, h, w], 0 or more.
at::Tensor pda_map(const at::Tensor& features, const at::Tensor& class_weights, const at::Tensor& gamma,
                   double divisor);

/// The attention map from class activation maps [N, K, h, w], by ATen's operations alone: for where we have no kernel,
/// and for the tests to compare with.
at::Tensor composed_pda_attention(const at::Tensor& maps, const at::Tensor& gamma, double divisor);

/// How gamma shrinks over the epochs.
struct GammaSchedule {
  std::int64_t start_epoch = 3;  ///< PDA is on from this epoch, counted from 0.
  double initial = 1.0;
  double decay = 0.985;
  double floor = 0.65;
  /// Published: gamma decays from epoch 0 although PDA starts later, and its last step may fall below the floor.
  /// Otherwise it decays from the start of PDA and stops at the floor, as the paper writes.
  bool decays_before_start = false;

  bool enabled(std::int64_t epoch) const { return epoch >= start_epoch; }
  double gamma(std::int64_t epoch) const;
};

}  // namespace wsss
