// The class gate: how a classifier's probabilities close classes of the segmenter.
#pragma once

#include <ATen/core/Tensor.h>

namespace wsss {

/// What the gate does to the logits of a class that the classifier does not see.
enum class GateRule {
  /// Its logit becomes minus infinity. A patch whose classes are all closed is not gated.
  kExclude,
  /// Published: logits are multiplied by 0 or 1. A closed class (0) still beats open classes with negative logits; if
  /// all are closed, every logit is 0 and class 0 wins.
  kMultiply,
};

/// Which classes the classifier sees: [N, K] bool.
///
/// @param probabilities, threshold  as of gate_logits().
at::Tensor is_open(const at::Tensor& probabilities, double threshold);

/// Suppresses tissues that the classifier does not see in the patch (paper, inference).
///
/// @param logits         [N, K, H, W].
/// @param probabilities  [N, K] float32 of the classifier on the same patches.
/// @param threshold      a class is open if its probability is strictly above float32(threshold).
at::Tensor gate_logits(const at::Tensor& logits, const at::Tensor& probabilities, double threshold, GateRule rule);

}  // namespace wsss
