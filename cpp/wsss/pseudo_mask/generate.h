// Stage 2 of the paper: pseudo masks of all patches from a trained classifier.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "wsss/classifier/classifier_inference.h"
#include "wsss/image/glass.h"
#include "wsss/image/patch_views.h"
#include "wsss/process_group/process_group.h"
#include "wsss/pseudo_mask/grad_cam.h"
#include "wsss/pseudo_mask/index_mask.h"

namespace wsss {

struct PseudoMaskOptions {
  /// Names of the classifier's feature levels.
  std::vector<std::string> levels;
  std::int64_t batch_size = 8;
  std::optional<GlassRule> glass;
  CamScaling scaling = CamScaling::kPresent;
  PatchViews views = PatchViews::kOne;  ///< What Grad-CAM looks at.
  /// So many pixels around the patch go on mirrored while its maps are drawn: networks that pad with zeros see where a
  /// patch ends, and their maps differ from the middle to the border.
  std::int64_t padding = 0;
};

/// Called when the masks of some patches are finished, on all levels: with those patches, with how many patches are
/// done by now, and with how many there are.
using MaskObserver = std::function<void(const std::vector<std::int64_t>&, std::int64_t, std::int64_t)>;

/// Pseudo masks of every patch and level (stage 2 of the paper): Grad-CAM, half-pixel bilinear up-sampling, only the
/// classes of the patch's label, glass as class K. With CamScaling::kPresent a patch of one class needs no network. A
/// patch whose label names no class is background everywhere.
///
/// @param masks   one level for each of options.levels; written in place.
/// @throws Error  kOption for a level that the classifier does not have, or for a padding as wide as the patches;
/// kShape if masks and patches differ in number
///                or size; kOutOfMemory, with what would fit; kCancelled.
void generate_pseudo_masks(Classifier& network, const PseudoMaskOptions& options, const PatchStore& patches,
                           MaskStore& masks, const MaskObserver& observer, const CancelToken& cancel);

/// generate_pseudo_masks() by the processes of a group, each for its part of the patches: all have all masks then.
///
/// @param observer  told of this process's patches, and at the end of all others.
/// @throws Error    also kProcessGroup.
void generate_pseudo_masks_together(Classifier& network, const PseudoMaskOptions& options, const PatchStore& patches,
                                    MaskStore& masks, ProcessGroup& group, const MaskObserver& observer,
                                    const CancelToken& cancel);

}  // namespace wsss
