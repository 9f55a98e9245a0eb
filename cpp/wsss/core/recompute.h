#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <functional>

namespace wsss {

/// While it lives and is on, the blocks of this thread's networks keep their input alone, and compute what is inside
/// them again when the backward pass comes by (gradient checkpointing, Chen et al. 2016): a training takes less memory
/// and a fifth to two fifths more time (bench/growth.mjs). Its gradients are the same, but that a map which goes to
/// more than one block has its gradients added in another order.
class RecomputeScope {
 public:
  explicit RecomputeScope(bool on);
  ~RecomputeScope();
  RecomputeScope(const RecomputeScope&) = delete;
  RecomputeScope& operator=(const RecomputeScope&) = delete;

 private:
  bool previous_;
};

/// Whether a block of this thread is being computed the second time: what a network counts, such as the running
/// statistics of batch norms, it has counted at the first.
bool is_recomputing();

/// block(x) within a RecomputeScope that is on; in evaluation or without gradients, and without a scope, simply
/// block(x).
///
/// @param module  whose parameters the block learns; it must draw no random numbers.
/// @param block   called twice, the second time from the backward pass: what it refers to must live as long.
at::Tensor recomputed(const torch::nn::Module& module, const at::Tensor& x,
                      const std::function<at::Tensor(const at::Tensor&)>& block);

/// recomputed() of a whole module of our networks.
template <typename Holder>
at::Tensor recomputed(Holder& module, const at::Tensor& x) {
  return recomputed(*module, x, [&module](const at::Tensor& in) { return module->forward(in); });
}

}  // namespace wsss
