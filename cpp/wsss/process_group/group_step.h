// A step of a training as a process group shares it.
#pragma once

#include <memory>
#include <utility>

#include "wsss/core/shared_step.h"
#include "wsss/process_group/process_group.h"

namespace wsss {

/// A SharedStep whose sums go over a process group.
class GroupStep : public SharedStep {
 public:
  explicit GroupStep(std::shared_ptr<const ProcessGroup> group) : group_(std::move(group)) {}
  void sum(at::Tensor& values) const override { group_->sum(values); }

 private:
  std::shared_ptr<const ProcessGroup> group_;
};

}  // namespace wsss
