// Gradient checkpointing: blocks are computed again in the backward pass to save memory.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <functional>

namespace wsss {

/// While it lives and is on, the blocks of this thread's networks keep only their input, and compute what is inside
/// them again when the backward pass comes by (gradient checkpointing, Chen et al. 2016): a training takes less memory
/// and a fifth to two fifths more time (bench/growth.mjs). Its gradients are the same, except that those of a map that
/// goes to more than one block are added in another order.
class RecomputeScope {
 public:
  explicit RecomputeScope(bool on);
  ~RecomputeScope();
  RecomputeScope(const RecomputeScope&) = delete;
  RecomputeScope& operator=(const RecomputeScope&) = delete;

 private:
  bool previous_;
};

/// Whether a block of this thread is being computed for the second time. What a network accumulates, such as the
/// running statistics of batch norms, was already updated the first time.
bool is_recomputing();

/// block(x), computed again in the backward pass if a RecomputeScope is on; without one, or without gradients, simply
/// block(x).
///
/// @param module  whose parameters the block uses.
/// @param block   called twice, the second time from the backward pass: what it refers to must live that long, and it
///                must draw no random numbers.
at::Tensor recomputed(const torch::nn::Module& module, const at::Tensor& x,
                      const std::function<at::Tensor(const at::Tensor&)>& block);

/// recomputed() for a whole module of our networks.
template <typename Holder>
at::Tensor recomputed(Holder& module, const at::Tensor& x) {
  return recomputed(*module, x, [&module](const at::Tensor& in) { return module->forward(in); });
}

}  // namespace wsss
