// The gradients of all processes of a group, added up while the backward pass goes on.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <memory>
#include <vector>

#include "wsss/process_group/process_group.h"

namespace wsss {

/// Adds up gradients in buckets: as soon as all gradients of a bucket are there its sum begins, while those of layers
/// nearer to the input are still being computed (Li et al. 2020, PyTorch Distributed).
class GradientSums {
 public:
  /// @param parameters  in the order of the forward pass; those that need no gradient are left out.
  /// @param rounds      send gradients in bfloat16: half the bytes, eight significant bits.
  GradientSums(std::shared_ptr<const ProcessGroup> group, const std::vector<at::Tensor>& parameters, bool rounds);
  ~GradientSums();
  GradientSums(const GradientSums&) = delete;
  GradientSums& operator=(const GradientSums&) = delete;

  /// Before a backward pass whose gradients are to be added up; others are left alone.
  void begin();
  /// After it: waits, and puts the sums in the place of the gradients. A parameter without a gradient stays without.
  void finish();

 private:
  struct Bucket {
    std::vector<at::Tensor> parameters;
    std::size_t missing = 0;  ///< Gradients of this pass that are not there yet.
    at::Tensor values;        ///< All gradients one behind the other, while they are added up.
    ProcessGroup::Pending sum;
  };

  void arrived(std::size_t bucket);
  void start(Bucket& bucket);

  std::shared_ptr<const ProcessGroup> group_;
  bool rounds_;
  bool active_ = false;
  std::vector<Bucket> buckets_;
  std::size_t started_ = 0;  ///< Buckets begin in order, the same in every process.
};

}  // namespace wsss
