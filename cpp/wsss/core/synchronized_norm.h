// Batch norm in training whose statistics are those of a step that several processes share.
#pragma once

#include <torch/nn/modules/batchnorm.h>

#include "wsss/core/shared_step.h"

namespace wsss {

/// norm(x) with the statistics of the patches of all processes, on any device and of any dtype (as PyTorch's
/// SyncBatchNorm); on the CPU norm_in_training() does the same faster. Updates the running statistics.
///
/// @param x  [N, C, H, W]
at::Tensor synchronized_norm(torch::nn::BatchNorm2dImpl& norm, const at::Tensor& x, const SharedStep& step);

/// Updates running statistics with those of a step.
///
/// @param mean, variance  [C]; the variance is that of a population.
/// @param count           values per channel that they are of.
void update_running_statistics(torch::nn::BatchNorm2dImpl& norm, const at::Tensor& mean, const at::Tensor& variance,
                               double count);

}  // namespace wsss
