// Self-training: pseudo masks drawn again by a segmenter that has learned from earlier ones.
#pragma once

#include <optional>

#include "wsss/image/glass.h"
#include "wsss/process_group/process_group.h"
#include "wsss/segmenter/segmenter_inference.h"

namespace wsss {

struct RedrawOptions {
  std::int64_t batch_size = 8;
  std::optional<GlassRule> glass;
  PatchViews views = PatchViews::kOne;  ///< Over which logits are averaged.
};

/// Masks of every patch from a segmenter that may choose among the classes of the patch's label only: one of a single
/// class is of that class everywhere. Glass is class K; a patch whose label names no class is K everywhere.
///
/// @param masks   one level; written in place.
/// @throws Error  kShape if masks and patches differ in number or size; kOutOfMemory, with what would fit; kCancelled.
void redraw_masks(DeepLab& network, const RedrawOptions& options, const PatchStore& patches, MaskStore& masks,
                  const ProgressObserver& progress, const CancelToken& cancel);

/// redraw_masks() by the processes of a group, each for its part of the patches: all have all masks then.
///
/// @throws Error  also kProcessGroup.
void redraw_masks_together(DeepLab& network, const RedrawOptions& options, const PatchStore& patches, MaskStore& masks,
                           ProcessGroup& group, const ProgressObserver& progress, const CancelToken& cancel);

}  // namespace wsss
