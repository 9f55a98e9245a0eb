// What the processes of a group make sure of before they train together.
#pragma once

#include <cstdint>

#include "wsss/process_group/process_group.h"
#include "wsss/training/training_options.h"

namespace wsss {

/// Refuses what would let the processes wait for each other without end, or learn different things.
///
/// @param count   patches of the training set.
/// @throws Error  kOption if there are too few patches for the processes; kProcessGroup if options, data or versions
///                differ, with the first difference.
void require_alike(const ProcessGroup& group, const TrainingOptions& options, std::int64_t count);

}  // namespace wsss
