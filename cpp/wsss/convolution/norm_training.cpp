#include "wsss/convolution/norm_training.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "wsss/convolution/affine_activation.h"
#include "wsss/convolution/instruction_set.h"
#include "wsss/convolution/pixels.h"
#include "wsss/convolution/stored.h"
#include "wsss/core/libtorch.h"
#include "wsss/core/recompute.h"
#include "wsss/core/shared_step.h"
#include "wsss/core/synchronized_norm.h"
#include "wsss/kernels/affine.h"

namespace wsss {

namespace {

/// Two sums per channel.
struct Sums {
  std::vector<double> first, second;

  explicit Sums(std::int64_t channels)
      : first(static_cast<std::size_t>(channels)), second(static_cast<std::size_t>(channels)) {}
};

/// Sums and gradients of a part of the pixels.
template <typename T>
struct Loops {
  void (*sum)(const T* x, std::int64_t channels, std::int64_t begin, std::int64_t end, double* sum, double* squares);
  void (*sum_gradients)(const T* gradient, const T* y, const T* x, const Bounds& bounds, std::int64_t channels,
                        std::int64_t begin, std::int64_t end, double* sum, double* products);
  void (*spread_gradients)(const T* gradient, const T* y, const T* x, const Bounds& bounds, const float* scale,
                           const float* slope, const float* offset, std::int64_t channels, std::int64_t begin,
                           std::int64_t end, T* of_x, T* of_shortcut);
};

#define WSSS_LOOPS "wsss/convolution/norm_loops.h"
#include "wsss/convolution/each_processor.h"

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
                            const at::Tensor& mean, const at::Tensor& inverse_deviation, std::int64_t activation,
                            double count, std::int64_t step) {
    const at::Tensor scale = weight * inverse_deviation;
    const at::Tensor y = affine_activation(given, scale, bias - mean * scale, shortcut.value_or(at::Tensor()),
                                           static_cast<Activation>(activation));
    context->save_for_backward({given, y, weight, mean, inverse_deviation});
    context->saved_data["activation"] = activation;
    context->saved_data["has_shortcut"] = shortcut.has_value();
    context->saved_data["count"] = count;
    context->saved_data["step"] = step;
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
    Sums sums = summed(x, [&](std::int64_t begin, std::int64_t end, Sums& part) {
      for_type_of(x, [&]<typename T>(T) {
        best_loops(T()).sum_gradients(gradient.const_data_ptr<T>(), y.const_data_ptr<T>(), x.const_data_ptr<T>(),
                                      bounds, channels, begin, end, part.first.data(), part.second.data());
      });
    });
    // Of the own patches: gradients of parameters are added up over the processes when all are there.
    const at::Tensor of_bias = as_tensor(sums.first);
    const at::Tensor of_weight = gradient_of_weight(sums, mean, inverse_deviation);
    double own = 1.0;
    if (const auto* step = reinterpret_cast<const SharedStep*>(context->saved_data["step"].toInt())) {
      double unused = 0.0;
      sum_statistics(*step, sums.first, sums.second, unused);
      if (!step->counts) own = 0.0;  // A patch that does not count is in no mean and no deviation.
    }
    const double count = context->saved_data["count"].toDouble();
    std::vector<double> slope, offset;
    const auto* means = mean.const_data_ptr<float>();
    const auto* inverses = inverse_deviation.const_data_ptr<float>();
    const auto* weights = weight.const_data_ptr<float>();
    for (std::size_t c = 0; c < sums.first.size(); ++c) {
      const double inverse = inverses[c];
      const double product = (sums.second[c] - means[c] * sums.first[c]) * inverse;
      slope.push_back(own * -weights[c] * inverse * inverse * product / count);
      offset.push_back(own * -weights[c] * inverse * sums.first[c] / count - slope[c] * means[c]);
    }
    const at::Tensor scale = weight * inverse_deviation;
    const at::Tensor slopes = as_tensor(slope);
    const at::Tensor offsets = as_tensor(offset);
    at::Tensor of_x = at::empty_like(x);
    at::Tensor of_shortcut = context->saved_data["has_shortcut"].toBool() ? at::empty_like(x) : at::Tensor();
    for_pixels(x, [&](std::int64_t begin, std::int64_t end) {
      for_type_of(x, [&]<typename T>(T) {
        best_loops(T()).spread_gradients(gradient.const_data_ptr<T>(), y.const_data_ptr<T>(), x.const_data_ptr<T>(),
                                         bounds, scale.const_data_ptr<float>(), slopes.const_data_ptr<float>(),
                                         offsets.const_data_ptr<float>(), channels, begin, end, of_x.data_ptr<T>(),
                                         of_shortcut.defined() ? of_shortcut.data_ptr<T>() : nullptr);
      });
    });
    return {of_x, of_weight, of_bias, of_shortcut, {}, {}, {}, {}, {}};
  }

 private:
  static at::Tensor gradient_of_weight(const Sums& sums, const at::Tensor& mean, const at::Tensor& inverse_deviation) {
    const auto* means = mean.const_data_ptr<float>();
    const auto* inverses = inverse_deviation.const_data_ptr<float>();
    std::vector<double> of_weight;
    for (std::size_t c = 0; c < sums.first.size(); ++c) {
      of_weight.push_back((sums.second[c] - means[c] * sums.first[c]) * inverses[c]);
    }
    return as_tensor(of_weight);
  }
};

}  // namespace

at::Tensor norm_in_training(torch::nn::BatchNorm2dImpl& norm, const at::Tensor& given, Activation activation,
                            const at::Tensor& shortcut) {
  const at::Tensor x = channels_last(given);
  const std::int64_t channels = x.size(1);
  auto count = static_cast<double>(pixel_count(x));
  Sums sums = summed(x, [&](std::int64_t begin, std::int64_t end, Sums& part) {
    for_type_of(x, [&]<typename T>(T) {
      best_loops(T()).sum(x.const_data_ptr<T>(), channels, begin, end, part.first.data(), part.second.data());
    });
  });
  const SharedStep* step = shared_step();
  if (step != nullptr && !step->synchronizes_norms) step = nullptr;
  if (step != nullptr) sum_statistics(*step, sums.first, sums.second, count);
  std::vector<double> inverse;
  for (std::size_t c = 0; c < sums.first.size(); ++c) {
    double& mean = sums.first[c];
    double& variance = sums.second[c];
    mean /= count;
    variance = std::max(0.0, variance / count - mean * mean);
    inverse.push_back(1.0 / std::sqrt(variance + norm.options.eps()));
  }
  const at::Tensor mean = as_tensor(sums.first);
  if (!is_recomputing()) update_running_statistics(norm, mean, as_tensor(sums.second), count);
  return NormInTraining::apply(x, norm.weight, norm.bias, defined_or_none(shortcut), mean, as_tensor(inverse),
                               static_cast<std::int64_t>(activation), count, reinterpret_cast<std::int64_t>(step));
}

}  // namespace wsss
