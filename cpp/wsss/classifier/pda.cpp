#include "wsss/classifier/pda.h"

#include <algorithm>

#include "wsss/core/libtorch.h"
#include "wsss/kernels/launch.h"
#include "wsss/kernels/pda_attention.h"

namespace wsss {

namespace {

template <typename T>
DroppedMaps<T> dropped_maps(const at::Tensor& maps, const at::Tensor& thresholds) {
  return {maps.const_data_ptr<T>(), thresholds.const_data_ptr<T>(), maps.size(1), maps.size(2) * maps.size(3)};
}

class Attention : public torch::autograd::Function<Attention> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& given,
                            const at::Tensor& thresholds, double divisor) {
    const at::Tensor maps = given.contiguous();
    at::Tensor attention = at::empty({maps.size(0), 1, maps.size(2), maps.size(3)}, maps.options());
    AT_DISPATCH_FLOATING_TYPES(maps.scalar_type(), "pda_attention", [&] {
      const PdaAttention<scalar_t> op{dropped_maps<scalar_t>(maps, thresholds), static_cast<scalar_t>(divisor),
                                      attention.data_ptr<scalar_t>()};
      launch(op, attention.numel(), maps.device());
    });
    context->save_for_backward({maps, thresholds});
    context->saved_data["divisor"] = divisor;
    return attention;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor& maps = saved[0];
    const at::Tensor of_attention = gradients[0].contiguous();
    at::Tensor of_maps = at::empty_like(maps);
    AT_DISPATCH_FLOATING_TYPES(maps.scalar_type(), "pda_attention_gradient", [&] {
      const PdaAttentionGradient<scalar_t> op{dropped_maps<scalar_t>(maps, saved[1]),
                                              static_cast<scalar_t>(context->saved_data["divisor"].toDouble()),
                                              of_attention.const_data_ptr<scalar_t>(), of_maps.data_ptr<scalar_t>()};
      launch(op, of_maps.numel(), maps.device());
    });
    return {of_maps, at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor composed_pda_attention(const at::Tensor& maps, const at::Tensor& gamma, double divisor) {
  const at::Tensor rectified = at::relu(maps);
  const at::Tensor threshold = rectified.detach().amax({2, 3}, /*keepdim=*/true) * gamma;
  const at::Tensor kept = rectified.masked_fill(rectified.detach() > threshold, 0.0);
  return kept.sum(1, /*keepdim=*/true) / divisor;
}

at::Tensor pda_map(const at::Tensor& features, const at::Tensor& class_weights, const at::Tensor& gamma,
                   double divisor) {
  const at::Tensor maps = at::conv2d(features, class_weights);
  if (!can_launch(maps)) return composed_pda_attention(maps, gamma, divisor);
  const at::Tensor thresholds = at::relu(maps.detach().amax({2, 3})) * gamma;
  return Attention::apply(maps, thresholds, divisor);
}

double GammaSchedule::gamma(std::int64_t epoch) const {
  double value = initial;
  for (std::int64_t e = decays_before_start ? 0 : start_epoch; e < epoch; ++e) {
    if (value <= floor) break;
    value *= decay;
  }
  return decays_before_start ? value : std::max(value, std::min(initial, floor));
}

}  // namespace wsss
