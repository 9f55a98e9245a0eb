// The counts of an evaluation, by processes that share its patches out.
#pragma once

#include <optional>

#include "wsss/process_group/process_group.h"
#include "wsss/segmenter/segmenter_inference.h"

namespace wsss {

/// count_segmentation() by the processes of a group, each for its part of the patches: all have all counts then.
///
/// @param gate   of all patches.
/// @throws Error also kProcessGroup.
PatchCounts count_segmentation_together(DeepLab& network, const PatchStore& patches, const MaskStore& truth,
                                        std::int64_t batch_size, PatchViews views, const std::optional<ClassGate>& gate,
                                        double boundary_tolerance, ProcessGroup& group,
                                        const ProgressObserver& progress, const CancelToken& cancel);

}  // namespace wsss
