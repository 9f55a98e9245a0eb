#include "wsss/core/shared_step.h"

#include <algorithm>
#include <utility>

#include "wsss/core/libtorch.h"

namespace wsss {

namespace {

// Of the thread. NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables)
thread_local const SharedStep* current = nullptr;

class SummedOverProcesses : public torch::autograd::Function<SummedOverProcesses> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& own) {
    const double weight = current->counts ? 1.0 : 0.0;
    context->saved_data["weight"] = weight;
    at::Tensor sum = own.to(at::kCPU, at::kDouble).mul(weight).contiguous();
    current->sum(sum);
    return sum.to(own.options());
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    return {gradients.front() * context->saved_data["weight"].toDouble()};
  }
};

}  // namespace

SharedStepScope::SharedStepScope(const SharedStep* step) : previous_(std::exchange(current, step)) {}

SharedStepScope::~SharedStepScope() { current = previous_; }

const SharedStep* shared_step() { return current; }

at::Tensor summed_over_processes(const at::Tensor& own) {
  return current == nullptr ? own : SummedOverProcesses::apply(own);
}

std::int64_t patches_of_step(std::int64_t own) { return current == nullptr ? own : current->patches; }

void sum_statistics(const SharedStep& step, std::vector<double>& first, std::vector<double>& second, double& count) {
  const auto channels = static_cast<std::int64_t>(first.size());
  at::Tensor all = at::zeros({2 * channels + 1}, at::kDouble);
  auto* values = all.data_ptr<double>();
  if (step.counts) {
    std::copy(first.begin(), first.end(), values);
    std::copy(second.begin(), second.end(), values + channels);
    values[2 * channels] = count;
  }
  step.sum(all);
  std::copy(values, values + channels, first.begin());
  std::copy(values + channels, values + 2 * channels, second.begin());
  count = values[2 * channels];
}

}  // namespace wsss
