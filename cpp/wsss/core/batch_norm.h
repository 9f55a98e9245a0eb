// The batch norm layer of all our networks, and how folded ones get their statistics back.
#pragma once

#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/pimpl.h>

#include <array>
#include <functional>

#include "wsss/core/tensor_state.h"

namespace wsss {

/// What a batch norm does to each channel in evaluation: x * scale + shift.
struct ScaleShift {
  at::Tensor scale, shift;  ///< [C]
};

/// Batch normalisation of [N, C, H, W] whose inputs and scales can be looked at; all our networks use it.
class BatchNormImpl : public torch::nn::BatchNorm2dImpl {
 public:
  using torch::nn::BatchNorm2dImpl::BatchNorm2dImpl;
  at::Tensor forward(const at::Tensor& x);
  /// Whether it now does nothing but scale_shift(): its statistics are fixed and its parameters need no gradients.
  bool is_affine() const;
  /// On a CPU the same tensors again, as long as what they are made from has not changed.
  ScaleShift scale_shift();
  /// Whether it takes the statistics of its input.
  bool takes_statistics() const { return is_training(); }

 private:
  std::array<TensorState, 4> made_from_;
  ScaleShift kept_;
};
TORCH_MODULE(BatchNorm);

/// Lets the scales and shifts of all batch norms of a network learn, or not.
void set_batch_norms_trainable(torch::nn::Module& network, bool trainable);
/// Puts all batch norms of a network into evaluation: they use their running statistics and leave them as they are.
void use_running_statistics(torch::nn::Module& network);

/// Whether batch norms of a network were folded: their variance and scale are 1, but their shift is not 0. Files made
/// for inference are like that: the convolutions hold the norms' scales, and no statistics are left for a training with
/// batch statistics to start from.
bool has_folded_batch_norms(torch::nn::Module& network);

/// Gives folded batch norms statistics again, without changing what the network computes in evaluation: with m and v
/// the mean and the variance that a norm's input has on these patches, x + b = (x - m) / sqrt(v + eps) * sqrt(v + eps)
/// + b + m.
///
/// @param run  evaluates the network on some patches; in evaluation, without gradients.
void unfold_batch_norms(torch::nn::Module& network, const std::function<void()>& run);

}  // namespace wsss
