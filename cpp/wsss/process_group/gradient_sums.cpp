#include "wsss/process_group/gradient_sums.h"

#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <utility>

#include "wsss/core/libtorch.h"

namespace wsss {

namespace {

/// Enough that a sum's start is cheap beside it, few enough that the last one is soon over.
constexpr std::size_t kBucketBytes = 4 << 20;

/// Called when a parameter has its gradient.
class ArrivalHook : public torch::autograd::PostAccumulateGradHook {
 public:
  explicit ArrivalHook(std::function<void()> arrived) : arrived_(std::move(arrived)) {}
  void operator()(const torch::autograd::Variable& /*parameter*/) override { arrived_(); }

 private:
  std::function<void()> arrived_;
};

}  // namespace

GradientSums::GradientSums(std::shared_ptr<const ProcessGroup> group, const std::vector<at::Tensor>& parameters,
                           bool rounds)
    : group_(std::move(group)), rounds_(rounds) {
  std::size_t bytes = kBucketBytes;
  for (auto parameter = parameters.rbegin(); parameter != parameters.rend(); ++parameter) {
    if (!parameter->requires_grad()) continue;
    if (bytes >= kBucketBytes) {
      buckets_.emplace_back();
      bytes = 0;
    }
    buckets_.back().parameters.push_back(*parameter);
    bytes += parameter->nbytes();
    torch::autograd::impl::set_post_acc_grad_hooks(
        *parameter, std::make_unique<ArrivalHook>([this, bucket = buckets_.size() - 1] { arrived(bucket); }));
  }
}

GradientSums::~GradientSums() {
  for (const auto& bucket : buckets_) {
    for (const auto& parameter : bucket.parameters) torch::autograd::impl::set_post_acc_grad_hooks(parameter, nullptr);
  }
}

void GradientSums::begin() {
  for (auto& bucket : buckets_) bucket.missing = bucket.parameters.size();
  started_ = 0;
  active_ = true;
}

void GradientSums::arrived(std::size_t bucket) {
  if (!active_) return;
  --buckets_[bucket].missing;
  while (started_ < buckets_.size() && buckets_[started_].missing == 0) start(buckets_[started_++]);
}

void GradientSums::start(Bucket& bucket) {
  const torch::NoGradGuard no_grad;
  std::vector<at::Tensor> gradients;
  for (const auto& parameter : bucket.parameters) {
    if (parameter.grad().defined()) gradients.push_back(parameter.grad().reshape({-1}));
  }
  if (gradients.empty()) return;
  const at::Tensor values = at::cat(gradients);
  bucket.values = values.to(at::kCPU, rounds_ ? at::kBFloat16 : values.scalar_type());
  bucket.sum = group_->start_sum(bucket.values);
}

void GradientSums::finish() {
  active_ = false;
  // What a step does not use has no gradient, in no process.
  while (started_ < buckets_.size()) start(buckets_[started_++]);
  const torch::NoGradGuard no_grad;
  for (auto& bucket : buckets_) {
    std::exchange(bucket.sum, {}).wait();
    const at::Tensor values = std::exchange(bucket.values, {});
    std::int64_t offset = 0;
    for (const auto& parameter : bucket.parameters) {
      const at::Tensor& gradient = parameter.grad();
      if (!gradient.defined()) continue;
      gradient.copy_(values.narrow(0, offset, gradient.numel()).view(gradient.sizes()));
      offset += gradient.numel();
    }
  }
}

}  // namespace wsss
