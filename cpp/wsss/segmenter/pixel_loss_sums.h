// Sums of the pixel loss over each mask level, by our kernels or by ATen.
#pragma once

#include <ATen/core/Tensor.h>

namespace wsss {

/// The negative log-likelihood of each mask level under coarse logits, summed over its pixels. On the CPU and with the
/// CUDA plugin the logits are enlarged and compared in one pass (kernels/pixel_loss.h), elsewhere by ATen's operations.
///
/// @param logits            [N, K, h, w] float32 or float64.
/// @param masks             [L, N, H, W] uint8: 0..K, ignored above K.
/// @param background_logit  K in the masks is a class with the published constant logit; otherwise it is ignored too.
/// @return                  [L], differentiable in `logits`.
at::Tensor pixel_loss_sums(const at::Tensor& logits, const at::Tensor& masks, bool background_logit);

/// The same by ATen's operations alone: what runs where we have no kernel, and what the tests compare with.
at::Tensor composed_pixel_loss_sums(const at::Tensor& logits, const at::Tensor& masks, bool background_logit);

}  // namespace wsss
