#include "wsss/core/synchronized_norm.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "wsss/core/libtorch.h"
#include "wsss/core/recompute.h"

namespace wsss {

namespace {

std::vector<double> doubles_of(const at::Tensor& values) {
  const at::Tensor read = values.to(at::kCPU, at::kDouble).contiguous();
  return {read.const_data_ptr<double>(), read.const_data_ptr<double>() + read.numel()};
}

at::Tensor like(const at::Tensor& parameter, const std::vector<double>& values) {
  return at::tensor(at::ArrayRef<double>(values), at::kDouble).to(parameter.options());
}

/// [C] -> [1, C, 1, 1]
at::Tensor along_channels(const at::Tensor& values) { return values.view({1, -1, 1, 1}); }

class SynchronizedNorm : public torch::autograd::Function<SynchronizedNorm> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const at::Tensor& bias, const at::Tensor& mean, const at::Tensor& inverse_deviation,
                            double count, std::int64_t step) {
    context->save_for_backward({x, weight, mean, inverse_deviation});
    context->saved_data["count"] = count;
    context->saved_data["step"] = step;
    const at::Tensor scale = weight * inverse_deviation;
    const at::Tensor values = x.to(weight.scalar_type());
    return (values * along_channels(scale) + along_channels(bias - mean * scale)).to(x.scalar_type());
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor& weight = saved[1];
    const at::Tensor& mean = saved[2];
    const at::Tensor& inverse = saved[3];
    const at::Tensor x = saved[0].to(weight.scalar_type());
    const at::Tensor gradient = gradients[0].to(weight.scalar_type());
    const at::Tensor sum = gradient.sum({0, 2, 3}, /*keepdim=*/false, at::kDouble);
    const at::Tensor products = (gradient * x).sum({0, 2, 3}, /*keepdim=*/false, at::kDouble);
    const at::Tensor of_bias = sum.to(weight.scalar_type());
    const at::Tensor of_weight =
        ((products - mean.to(at::kDouble) * sum) * inverse.to(at::kDouble)).to(weight.scalar_type());
    // The other processes' pixels depend on x too, through mean and deviation.
    std::vector<double> sums = doubles_of(sum);
    std::vector<double> product_sums = doubles_of(products);
    double unused = 0.0;
    sum_statistics(*step_of(context), sums, product_sums, unused);
    const double count = context->saved_data["count"].toDouble();
    const std::vector<double> means = doubles_of(mean);
    const std::vector<double> inverses = doubles_of(inverse);
    const std::vector<double> weights = doubles_of(weight);
    // A patch that does not count is in no mean and no deviation.
    const double own = step_of(context)->counts ? 1.0 : 0.0;
    std::vector<double> slope, offset;
    for (std::size_t c = 0; c < sums.size(); ++c) {
      const double whole_of_weight = (product_sums[c] - means[c] * sums[c]) * inverses[c];
      slope.push_back(own * -weights[c] * inverses[c] * inverses[c] * whole_of_weight / count);
      offset.push_back(own * -weights[c] * inverses[c] * sums[c] / count - slope[c] * means[c]);
    }
    const at::Tensor of_x = gradient * along_channels(weight * inverse) + x * along_channels(like(weight, slope)) +
                            along_channels(like(weight, offset));
    return {of_x.to(saved[0].scalar_type()), of_weight, of_bias, {}, {}, {}, {}};
  }

 private:
  /// It lives until the step's backward pass is over.
  static const SharedStep* step_of(torch::autograd::AutogradContext* context) {
    return reinterpret_cast<const SharedStep*>(context->saved_data["step"].toInt());
  }
};

}  // namespace

void update_running_statistics(torch::nn::BatchNorm2dImpl& norm, const at::Tensor& mean, const at::Tensor& variance,
                               double count) {
  const torch::NoGradGuard no_grad;
  norm.num_batches_tracked.add_(1);
  const double momentum = *norm.options.momentum();
  norm.running_mean.mul_(1.0 - momentum).add_(mean, momentum);
  norm.running_var.mul_(1.0 - momentum).add_(variance, momentum * count / (count - 1.0));
}

at::Tensor synchronized_norm(torch::nn::BatchNorm2dImpl& norm, const at::Tensor& x, const SharedStep& step) {
  std::vector<double> sums, squares;
  double count = static_cast<double>(x.numel() / x.size(1));
  {
    const torch::NoGradGuard no_grad;
    const at::Tensor values = x.to(norm.weight.scalar_type());
    sums = doubles_of(values.sum({0, 2, 3}, /*keepdim=*/false, at::kDouble));
    squares = doubles_of(values.square().sum({0, 2, 3}, /*keepdim=*/false, at::kDouble));
  }
  sum_statistics(step, sums, squares, count);
  std::vector<double> variance, inverse;
  for (std::size_t c = 0; c < sums.size(); ++c) {
    sums[c] /= count;
    variance.push_back(std::max(0.0, squares[c] / count - sums[c] * sums[c]));
    inverse.push_back(1.0 / std::sqrt(variance[c] + norm.options.eps()));
  }
  const at::Tensor mean = like(norm.weight.detach(), sums);
  if (!is_recomputing()) update_running_statistics(norm, mean, like(norm.running_var, variance), count);
  return SynchronizedNorm::apply(x, norm.weight, norm.bias, mean, like(norm.weight.detach(), inverse), count,
                                 reinterpret_cast<std::int64_t>(&step));
}

}  // namespace wsss
