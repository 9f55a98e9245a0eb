// What a process of a group computes of a step.
#pragma once

#include <ATen/core/Tensor.h>

#include "wsss/process_group/process_group.h"
#include "wsss/training/stage.h"

namespace wsss {

/// Leaves of a step's patches those of this process. One that has none computes one of another, without weight, or the
/// others would wait for it.
void keep_share(StepBatch& batch, const ProcessGroup& group);

/// Logits of all patches of a step, on the CPU.
///
/// @param own  of those that are here.
at::Tensor logits_of_all(const StepBatch& batch, const at::Tensor& own, const ProcessGroup& group);

}  // namespace wsss
