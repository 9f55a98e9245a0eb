// What the network is when a training begins.
#pragma once

#include <torch/nn/module.h>

#include <cstdint>

#include "wsss/process_group/process_group.h"
#include "wsss/training/stage.h"
#include "wsss/training/training_options.h"

namespace wsss {

/// Gives folded batch norms that will be trained their statistics back, from the first patches of the training set, and
/// every process of a group the network of process 0. A run that resumes has both behind it.
///
/// @param count  patches of the training set.
void make_first_state(TrainingStage& stage, const TrainingOptions& options, std::int64_t count);

/// Every process gets the statistics of process 0's batch norms.
void broadcast_buffers(torch::nn::Module& network, const ProcessGroup& group);

}  // namespace wsss
