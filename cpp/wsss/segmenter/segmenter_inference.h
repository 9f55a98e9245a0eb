// A trained segmenter at work: masks, probabilities, evaluation and whole slides, with or without the class gate.
#pragma once

#include <functional>
#include <optional>

#include "wsss/classifier/classifier_inference.h"
#include "wsss/core/precision.h"
#include "wsss/evaluation/patch_counts.h"
#include "wsss/image/patch_views.h"
#include "wsss/segmenter/class_gate.h"
#include "wsss/segmenter/deeplab.h"
#include "wsss/slide_segmentation/segment_slide.h"

namespace wsss {

/// What the classifier says about every patch of a store, and how the gate applies it.
struct ClassGate {
  at::Tensor probabilities;  ///< [N, K] float32 on the CPU.
  double threshold = 0.1;
  GateRule rule = GateRule::kExclude;
};

/// Segments every patch: argmax over the (gated) logits, the first class on ties.
///
/// @param views          over which logits are averaged.
/// @param predictions    level 0 receives the class indices; null = none wanted.
/// @param probabilities  [N, K, H, W] float32 on the CPU, receives the softmax of the gated logits; undefined = none
///                       wanted.
/// @throws Error         kShape if sizes disagree; kOutOfMemory, with what would fit; kCancelled.
void segment_patches(DeepLab& network, const PatchStore& patches, std::int64_t batch_size, PatchViews views,
                     const std::optional<ClassGate>& gate, MaskStore* predictions, at::Tensor probabilities,
                     const ProgressObserver& progress, const CancelToken& cancel);

/// Counts of every patch against level 0 of the ground truth.
///
/// @param views               over which logits are averaged.
/// @param boundary_tolerance  as in ComparisonOptions.
/// @throws Error              kShape if sizes disagree; kOutOfMemory, with what would fit; kCancelled.
PatchCounts count_segmentation(DeepLab& network, const PatchStore& patches, const MaskStore& truth,
                               std::int64_t batch_size, PatchViews views, const std::optional<ClassGate>& gate,
                               double boundary_tolerance, const ProgressObserver& progress, const CancelToken& cancel);

/// Called with a patch's index and its class indices, [height, width] row by row.
using PredictionObserver = std::function<void(std::int64_t, const std::uint8_t*)>;

/// Confusion over a whole set against level 0 of the ground truth, without a gate: what a training is validated with.
///
/// @param observe  is called for every patch, in their order; may be empty.
ConfusionMatrix evaluate_segmenter(DeepLab& network, const PatchStore& patches, const MaskStore& truth,
                                   std::int64_t batch_size, const PredictionObserver& observe,
                                   const CancelToken& cancel);

/// A classifier as the gate of a slide.
struct SlideGateNetwork {
  Classifier network{nullptr};
  Precision precision = Precision::kFloat32;
  std::int64_t patch = 0;  ///< Side of the patches that it was trained on, in px of the map.
  double threshold = 0.1;
  GateRule rule = GateRule::kExclude;
};

/// segment_slide() with networks: `work.segment` and `work.gate` are set here.
///
/// @param views  over which the logits of a tile are averaged.
/// @throws Error as there; kOutOfMemory, with what batch would fit; kCancelled.
void segment_slide_with(DeepLab& network, PatchViews views, const std::optional<SlideGateNetwork>& gate,
                        const Slide& slide, const TissueMask& tissue, SlideSegmentation work,
                        const TileObserver& progress, const CancelToken& cancel);

}  // namespace wsss
