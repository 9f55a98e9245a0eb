#include "wsss/label_suggestion/label_probe.h"

#include <torch/optim/lbfgs.h>

#include <limits>

#include "wsss/core/error.h"
#include "wsss/core/libtorch.h"

namespace wsss {

namespace {

constexpr std::int64_t kMostSteps = 100;
constexpr double kEnough = 1e-7;

}  // namespace

at::Tensor answers_of(const std::vector<std::uint8_t>& bytes, std::int64_t class_count) {
  const auto size = static_cast<std::int64_t>(bytes.size());
  if (class_count < 1 || size % class_count != 0)
    throw Error(ErrorCode::kShape, "answers must be those to all classes");
  return at::tensor(at::ArrayRef<std::uint8_t>(bytes), at::kByte).view({size / class_count, class_count});
}

at::Tensor suggest_labels(const at::Tensor& features, const at::Tensor& answers, const CancelToken& cancel) {
  if (features.dim() != 2 || answers.dim() != 2 || features.size(0) != answers.size(0)) {
    throw Error(ErrorCode::kShape, "answers must be those to the patches whose features are given");
  }
  const at::Tensor present = answers.eq(kPresent);
  const at::Tensor absent = answers.eq(kAbsent);
  const at::Tensor learnable = present.any(0).logical_and(absent.any(0));
  const at::Tensor used = present.logical_or(absent).any(1).nonzero().flatten();
  const at::Tensor nothing = at::full({}, std::numeric_limits<float>::quiet_NaN());
  if (!learnable.any().item<bool>()) return nothing.expand(answers.sizes()).clone();

  const at::Tensor x = features.index_select(0, used).to(at::kDouble);
  const at::Tensor target = present.index_select(0, used).to(at::kDouble);
  const at::Tensor counts = present.logical_or(absent).index_select(0, used).to(at::kDouble);
  // Each class is a mean over its own answers; one that can't be learned has no say.
  const at::Tensor share = counts * learnable.to(at::kDouble) / counts.sum(0).clamp_min(1);
  at::Tensor weight = torch::zeros({features.size(1), answers.size(1)}, at::kDouble).requires_grad_();
  at::Tensor bias = torch::zeros({answers.size(1)}, at::kDouble).requires_grad_();
  torch::optim::LBFGS optimizer(
      {weight, bias},
      torch::optim::LBFGSOptions(1).max_iter(kMostSteps).tolerance_grad(kEnough).line_search_fn("strong_wolfe"));
  optimizer.step([&] {
    cancel.check();
    optimizer.zero_grad();
    const at::Tensor logits = torch::matmul(x, weight) + bias;
    const at::Tensor losses = torch::binary_cross_entropy_with_logits(logits, target, {}, {}, at::Reduction::None);
    at::Tensor loss = (losses * share).sum() + kProbePenalty / 2 * weight.square().sum();
    loss.backward();
    return loss;
  });
  const torch::NoGradGuard no_grad;
  const at::Tensor probabilities = torch::addmm(bias.to(at::kFloat), features, weight.to(at::kFloat)).sigmoid();
  return at::where(learnable, probabilities, nothing);
}

}  // namespace wsss
