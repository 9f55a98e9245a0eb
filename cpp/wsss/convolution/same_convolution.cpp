#include "wsss/convolution/same_convolution.h"

#include <algorithm>

#include "wsss/convolution/winograd.h"
#include "wsss/core/libtorch.h"

namespace wsss {

namespace {

/// Part of the positions of one side of a map, over the three taps, that read the map and not the padding.
double inside(std::int64_t side, std::int64_t dilation) {
  const double shifted = static_cast<double>(std::max<std::int64_t>(0, side - dilation));
  return (1.0 + 2.0 * shifted / static_cast<double>(side)) / 3.0;
}

bool goes_by_winograd(const at::Tensor& x, const at::Tensor& weight, std::int64_t dilation) {
  return winograd::takes(x, weight) && winograd::pays(x, weight, dilation);
}

std::int64_t padding_of(const at::Tensor& weight, std::int64_t dilation) { return dilation * (weight.size(2) / 2); }

at::Tensor direct(const at::Tensor& x, const at::Tensor& weight, std::int64_t dilation) {
  return at::conv2d(x, weight.to(x.scalar_type()), {}, 1, padding_of(weight, dilation), dilation);
}

at::Tensor direct_gradient(const at::Tensor& gradient, const at::Tensor& x, const at::Tensor& weight,
                           std::int64_t dilation, bool of_weight) {
  const std::int64_t padding = padding_of(weight, dilation);
  const auto gradients = at::convolution_backward(
      gradient, x, weight.to(x.scalar_type()), std::nullopt, {1, 1}, {padding, padding}, {dilation, dilation},
      /*transposed=*/false, {0, 0}, /*groups=*/1, {!of_weight, of_weight, false});
  return of_weight ? std::get<1>(gradients) : std::get<0>(gradients);
}

class SameConvolution : public torch::autograd::Function<SameConvolution> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            std::int64_t dilation) {
    context->saved_data["dilation"] = dilation;
    // A frozen weight needs no map kept.
    context->save_for_backward({weight.requires_grad() ? x : at::Tensor(), weight});
    context->saved_data["size"] = x.sizes();
    if (!goes_by_winograd(x, weight, dilation)) return direct(x, weight, dilation);
    return winograd::convolve(x, winograd::transformed_weight(weight, x.scalar_type()), dilation);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor& x = saved[0];
    const at::Tensor& weight = saved[1];
    const std::int64_t dilation = context->saved_data["dilation"].toInt();
    const at::Tensor gradient = gradients[0].contiguous(at::MemoryFormat::ChannelsLast);
    torch::autograd::variable_list result(3);
    const bool fast = goes_by_winograd(gradient, weight, dilation);
    if (context->needs_input_grad(0)) {
      // The values of the map do not matter to its gradient, only its size.
      const auto size = context->saved_data["size"].toIntVector();
      const at::Tensor like = x.defined() ? x : gradient.new_empty({1}).expand(size);
      result[0] = fast ? winograd::input_gradient(gradient, weight, dilation)
                       : direct_gradient(gradient, like, weight, dilation, /*of_weight=*/false);
    }
    if (context->needs_input_grad(1)) {
      constexpr double kMostlyPadding = 0.6;
      const std::int64_t kernel = weight.size(2);
      const bool by_taps = kernel == 1 || inside(x.size(2), dilation) * inside(x.size(3), dilation) < kMostlyPadding;
      if (fast) {
        result[1] = winograd::weight_gradient(x, gradient, dilation);
      } else if (by_taps) {
        result[1] = weight_gradient_by_taps(x, gradient, kernel, dilation).to(at::kFloat);
      } else {
        result[1] = direct_gradient(gradient, x, weight, dilation, /*of_weight=*/true).to(at::kFloat);
      }
    }
    return result;
  }
};

/// The part of a side that a tap reads, or that it writes to.
struct Span {
  std::int64_t from, writes, length;
};

Span span_of(std::int64_t tap, std::int64_t kernel, std::int64_t side, std::int64_t dilation) {
  const std::int64_t shift = (tap - kernel / 2) * dilation;
  return {std::max<std::int64_t>(0, shift), std::max<std::int64_t>(0, -shift),
          std::max<std::int64_t>(0, side - std::abs(shift))};
}

}  // namespace

at::Tensor same_convolution(const at::Tensor& x, const at::Tensor& weight, std::int64_t dilation) {
  const at::Tensor maps = x.contiguous(at::MemoryFormat::ChannelsLast);
  return SameConvolution::apply(maps, weight, dilation);
}

at::Tensor weight_gradient_by_taps(const at::Tensor& x, const at::Tensor& gradient, std::int64_t kernel,
                                   std::int64_t dilation) {
  const at::Tensor maps = x.permute({0, 2, 3, 1});              // [N, H, W, C]
  const at::Tensor gradients = gradient.permute({0, 2, 3, 1});  // [N, H, W, K]
  const std::int64_t in = x.size(1);
  const std::int64_t out = gradient.size(1);
  at::Tensor taps = at::zeros({kernel, kernel, out, in}, x.options());
  for (std::int64_t i = 0; i < kernel; ++i) {
    const Span rows = span_of(i, kernel, x.size(2), dilation);
    for (std::int64_t j = 0; j < kernel; ++j) {
      const Span cols = span_of(j, kernel, x.size(3), dilation);
      if (rows.length == 0 || cols.length == 0) continue;
      const at::Tensor read = maps.narrow(1, rows.from, rows.length).narrow(2, cols.from, cols.length);
      const at::Tensor written = gradients.narrow(1, rows.writes, rows.length).narrow(2, cols.writes, cols.length);
      at::Tensor tap = taps[i][j];
      at::mm_out(tap, written.reshape({-1, out}).t(), read.reshape({-1, in}));
    }
  }
  return taps.permute({2, 3, 0, 1});
}

}  // namespace wsss
