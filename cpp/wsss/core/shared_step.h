// A training step that several processes compute together, each on a part of its patches.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace wsss {

/// What layers and losses have to know of a step that is shared: which of its patches are here, and how to add up what
/// must be known of all of them. Every process makes the same calls in the same order.
class SharedStep {
 public:
  SharedStep() = default;
  virtual ~SharedStep() = default;
  SharedStep(const SharedStep&) = delete;
  SharedStep& operator=(const SharedStep&) = delete;

  /// Adds up values over all processes, in place; with equal results in each. On the CPU, without gaps.
  virtual void sum(at::Tensor& values) const = 0;

  std::int64_t patches = 0;  ///< Of the step, in all processes together.
  std::int64_t first = 0;    ///< Position in the step of the first patch that is here.
  /// False where a process has no patch of the step left: it computes one of another process, which adds nothing.
  bool counts = true;
  bool synchronizes_norms = true;  ///< Whether batch norms take the statistics of the whole step.
};

/// Makes a step the one that this thread computes, until the scope ends.
class SharedStepScope {
 public:
  /// @param step  null for a step that no other process computes.
  explicit SharedStepScope(const SharedStep* step);
  ~SharedStepScope();
  SharedStepScope(const SharedStepScope&) = delete;
  SharedStepScope& operator=(const SharedStepScope&) = delete;

 private:
  const SharedStep* previous_;
};

/// The step that this thread computes together with other processes; null if it does so alone.
const SharedStep* shared_step();

/// The sum over all processes of values that each adds up over its own patches; alone, the values themselves. The
/// gradient goes to the own ones, so that the sum of all processes' gradients is that of the whole step.
at::Tensor summed_over_processes(const at::Tensor& own);

/// Patches of the step in all processes together.
///
/// @param own  those that are here.
std::int64_t patches_of_step(std::int64_t own);

/// Adds up two sums per channel and their count over the processes of a step, in place.
void sum_statistics(const SharedStep& step, std::vector<double>& first, std::vector<double>& second, double& count);

}  // namespace wsss
