#include "wsss/convolution/norm_training.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "wsss/convolution/affine_activation.h"
#include "wsss/convolution/pixels.h"

namespace wsss {

namespace {

/// Two sums per channel.
struct Sums {
  std::vector<double> first, second;

  explicit Sums(std::int64_t channels)
      : first(static_cast<std::size_t>(channels)), second(static_cast<std::size_t>(channels)) {}
};

/// Sums of x and of its square.
WSSS_FOR_EACH_PROCESSOR
void sum_pixels(const float* __restrict x, std::int64_t channels, std::int64_t begin, std::int64_t end,
                double* __restrict sum, double* __restrict squares) {
  constexpr std::int64_t kTogether = 4;  // Each visit of the sums takes so many pixels.
  std::int64_t pixel = begin;
  for (; pixel + kTogether <= end; pixel += kTogether) {
    const float* __restrict in = x + pixel * channels;
    for (std::int64_t c = 0; c < channels; ++c) {
      const double a = in[c], b = in[channels + c], d = in[2 * channels + c], e = in[3 * channels + c];
      sum[c] += (a + b) + (d + e);
      squares[c] += (a * a + b * b) + (d * d + e * e);
    }
  }
  for (; pixel < end; ++pixel) {
    const float* __restrict in = x + pixel * channels;
    for (std::int64_t c = 0; c < channels; ++c) {
      const double value = in[c];
      sum[c] += value;
      squares[c] += value * value;
    }
  }
}

/// Sums of the gradient that passes the activation, and of it times x.
WSSS_FOR_EACH_PROCESSOR
void sum_gradients(const float* __restrict gradient, const float* __restrict y, const float* __restrict x,
                   const Bounds& bounds, std::int64_t channels, std::int64_t begin, std::int64_t end,
                   double* __restrict sum, double* __restrict products) {
  const float low = bounds.low;
  const float high = bounds.high;
  for (std::int64_t pixel = begin; pixel < end; ++pixel) {
    const std::int64_t at = pixel * channels;
    for (std::int64_t c = 0; c < channels; ++c) {
      const double passed = (y[at + c] <= low || y[at + c] >= high) ? 0.0F : gradient[at + c];
      sum[c] += passed;
      products[c] += passed * x[at + c];
    }
  }
}

/// of_x = passed * scale + x * slope + offset, of_shortcut = passed.
WSSS_FOR_EACH_PROCESSOR
void spread_gradients(const float* __restrict gradient, const float* __restrict y, const float* __restrict x,
                      const Bounds& bounds, const float* __restrict scale, const float* __restrict slope,
                      const float* __restrict offset, std::int64_t channels, std::int64_t begin, std::int64_t end,
                      float* __restrict of_x, float* __restrict of_shortcut) {
  const float low = bounds.low;
  const float high = bounds.high;
  for (std::int64_t pixel = begin; pixel < end; ++pixel) {
    const std::int64_t at = pixel * channels;
    if (of_shortcut == nullptr) {
      for (std::int64_t c = 0; c < channels; ++c) {
        const float passed = (y[at + c] <= low || y[at + c] >= high) ? 0.0F : gradient[at + c];
        of_x[at + c] = passed * scale[c] + x[at + c] * slope[c] + offset[c];
      }
    } else {
      for (std::int64_t c = 0; c < channels; ++c) {
        const float passed = (y[at + c] <= low || y[at + c] >= high) ? 0.0F : gradient[at + c];
        of_shortcut[at + c] = passed;
        of_x[at + c] = passed * scale[c] + x[at + c] * slope[c] + offset[c];
      }
    }
  }
}

/// Adds up what `work(begin, end, sums)` finds in parts of the pixels: the parts are those of the threads, and they
/// are added in order.
template <typename Work>
Sums summed(const at::Tensor& maps, Work work) {
  const std::int64_t channels = maps.size(1);
  const std::int64_t pixels = pixel_count(maps);
  const std::int64_t parts = std::clamp<std::int64_t>(pixels * channels / kValuesOfAThread, 1, at::get_num_threads());
  std::vector<Sums> partial(static_cast<std::size_t>(parts), Sums(channels));
  at::parallel_for(0, parts, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t part = first; part < last; ++part) {
      work(pixels * part / parts, pixels * (part + 1) / parts, partial[static_cast<std::size_t>(part)]);
    }
  });
  for (std::size_t part = 1; part < partial.size(); ++part) {
    for (std::size_t c = 0; c < partial[0].first.size(); ++c) {
      partial[0].first[c] += partial[part].first[c];
      partial[0].second[c] += partial[part].second[c];
    }
  }
  return std::move(partial.front());
}

/// [C] float32 of double values.
at::Tensor as_tensor(const std::vector<double>& values) {
  return at::tensor(at::ArrayRef<double>(values), at::kDouble).to(at::kFloat);
}

class NormInTraining : public torch::autograd::Function<NormInTraining> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& given,
                            const at::Tensor& weight, const at::Tensor& bias, const std::optional<at::Tensor>& shortcut,
                            const at::Tensor& mean, const at::Tensor& inverse_deviation, std::int64_t activation) {
    const at::Tensor scale = weight * inverse_deviation;
    const at::Tensor y = affine_activation(given, scale, bias - mean * scale, shortcut.value_or(at::Tensor()),
                                           static_cast<Activation>(activation));
    context->save_for_backward({given, y, weight, mean, inverse_deviation});
    context->saved_data["activation"] = activation;
    context->saved_data["has_shortcut"] = shortcut.has_value();
    return y;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor& x = saved[0];
    const at::Tensor& y = saved[1];
    const at::Tensor& weight = saved[2];
    const at::Tensor& mean = saved[3];
    const at::Tensor& inverse_deviation = saved[4];
    const Bounds bounds = bounds_of(static_cast<Activation>(context->saved_data["activation"].toInt()));
    const at::Tensor gradient = channels_last(gradients[0]);
    const std::int64_t channels = x.size(1);
    const auto* passed = gradient.const_data_ptr<float>();
    const auto* out = y.const_data_ptr<float>();
    const auto* in = x.const_data_ptr<float>();
    const Sums sums = summed(x, [&](std::int64_t begin, std::int64_t end, Sums& part) {
      sum_gradients(passed, out, in, bounds, channels, begin, end, part.first.data(), part.second.data());
    });
    const auto count = static_cast<double>(pixel_count(x));
    std::vector<double> of_weight, slope, offset;
    const auto* means = mean.const_data_ptr<float>();
    const auto* inverses = inverse_deviation.const_data_ptr<float>();
    const auto* weights = weight.const_data_ptr<float>();
    for (std::size_t c = 0; c < sums.first.size(); ++c) {
      const double inverse = inverses[c];
      of_weight.push_back((sums.second[c] - means[c] * sums.first[c]) * inverse);
      slope.push_back(-weights[c] * inverse * inverse * of_weight[c] / count);
      offset.push_back(-weights[c] * inverse * sums.first[c] / count - slope[c] * means[c]);
    }
    const at::Tensor scale = weight * inverse_deviation;
    const at::Tensor slopes = as_tensor(slope);
    const at::Tensor offsets = as_tensor(offset);
    at::Tensor of_x = at::empty_like(x);
    at::Tensor of_shortcut = context->saved_data["has_shortcut"].toBool() ? at::empty_like(x) : at::Tensor();
    for_pixels(x, [&](std::int64_t begin, std::int64_t end) {
      spread_gradients(passed, out, in, bounds, scale.const_data_ptr<float>(), slopes.const_data_ptr<float>(),
                       offsets.const_data_ptr<float>(), channels, begin, end, of_x.data_ptr<float>(),
                       of_shortcut.defined() ? of_shortcut.data_ptr<float>() : nullptr);
    });
    return {of_x, as_tensor(of_weight), as_tensor(sums.first), of_shortcut, {}, {}, {}};
  }
};

}  // namespace

at::Tensor norm_in_training(torch::nn::BatchNorm2dImpl& norm, const at::Tensor& given, Activation activation,
                            const at::Tensor& shortcut) {
  const at::Tensor x = channels_last(given);
  const std::int64_t channels = x.size(1);
  const auto count = static_cast<double>(pixel_count(x));
  Sums sums = summed(x, [&](std::int64_t begin, std::int64_t end, Sums& part) {
    sum_pixels(x.const_data_ptr<float>(), channels, begin, end, part.first.data(), part.second.data());
  });
  std::vector<double> inverse;
  for (std::size_t c = 0; c < sums.first.size(); ++c) {
    double& mean = sums.first[c];
    double& variance = sums.second[c];
    mean /= count;
    variance = std::max(0.0, variance / count - mean * mean);
    inverse.push_back(1.0 / std::sqrt(variance + norm.options.eps()));
  }
  const at::Tensor mean = as_tensor(sums.first);
  {
    const torch::NoGradGuard no_grad;
    norm.num_batches_tracked.add_(1);
    const double momentum = *norm.options.momentum();
    norm.running_mean.mul_(1.0 - momentum).add_(mean, momentum);
    norm.running_var.mul_(1.0 - momentum).add_(as_tensor(sums.second), momentum * count / (count - 1.0));
  }
  return NormInTraining::apply(x, norm.weight, norm.bias, defined_or_none(shortcut), mean, as_tensor(inverse),
                               static_cast<std::int64_t>(activation));
}

}  // namespace wsss
