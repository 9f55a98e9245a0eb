#include "wsss/convolution/affine_activation.h"

#include <torch/torch.h>

#include <optional>

#include "wsss/convolution/affine_launch.h"
#include "wsss/convolution/pixels.h"
#include "wsss/kernels/affine.h"
#include "wsss/kernels/launch.h"

namespace wsss {

namespace {

WSSS_FOR_EACH_PROCESSOR
void forward_pixels(const float* __restrict x, const Epilogue& epilogue, std::int64_t channels, std::int64_t begin,
                    std::int64_t end, float* __restrict y) {
  const float* __restrict scale = epilogue.scale;
  const float* __restrict shift = epilogue.shift;
  const float low = epilogue.bounds.low;
  const float high = epilogue.bounds.high;
  for (std::int64_t pixel = begin; pixel < end; ++pixel) {
    const float* __restrict in = x + pixel * channels;
    float* __restrict out = y + pixel * channels;
    if (epilogue.shortcut == nullptr) {
      for (std::int64_t c = 0; c < channels; ++c) {
        out[c] = clamped(in[c] * scale[c] + shift[c], low, high);
      }
    } else {
      const float* __restrict more = epilogue.shortcut + pixel * channels;
      for (std::int64_t c = 0; c < channels; ++c) {
        out[c] = clamped(in[c] * scale[c] + shift[c] + more[c], low, high);
      }
    }
  }
}

WSSS_FOR_EACH_PROCESSOR
void backward_pixels(const float* __restrict gradient, const float* __restrict y, const float* __restrict scale,
                     const Bounds& bounds, std::int64_t channels, std::int64_t begin, std::int64_t end,
                     float* __restrict of_x, float* __restrict of_shortcut) {
  const float low = bounds.low;
  const float high = bounds.high;
  for (std::int64_t pixel = begin; pixel < end; ++pixel) {
    const float* __restrict in = gradient + pixel * channels;
    const float* __restrict out = y + pixel * channels;
    float* __restrict x = of_x + pixel * channels;
    if (of_shortcut == nullptr) {
      for (std::int64_t c = 0; c < channels; ++c) x[c] = passed(in[c] * scale[c], out[c], low, high);
    } else {
      float* __restrict more = of_shortcut + pixel * channels;
      for (std::int64_t c = 0; c < channels; ++c) {
        const float through = passed(in[c], out[c], low, high);
        more[c] = through;
        x[c] = through * scale[c];
      }
    }
  }
}

at::Tensor forward_pass(const at::Tensor& given, const at::Tensor& scale, const at::Tensor& shift,
                        const at::Tensor& given_shortcut, Activation activation) {
  const at::Tensor x = channels_last(given);
  const at::Tensor shortcut = given_shortcut.defined() ? channels_last(given_shortcut) : at::Tensor();
  at::Tensor y = at::empty_like(x);
  if (!is_plain(x)) {
    launch_affine(x, scale, shift, shortcut, bounds_of(activation), y);
    return y;
  }
  const Epilogue epilogue{scale.const_data_ptr<float>(), shift.const_data_ptr<float>(),
                          shortcut.defined() ? shortcut.const_data_ptr<float>() : nullptr, bounds_of(activation)};
  for_pixels(x, [&](std::int64_t begin, std::int64_t end) {
    forward_pixels(x.const_data_ptr<float>(), epilogue, x.size(1), begin, end, y.data_ptr<float>());
  });
  return y;
}

class AffineActivation : public torch::autograd::Function<AffineActivation> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x, const at::Tensor& scale,
                            const at::Tensor& shift, const std::optional<at::Tensor>& shortcut,
                            std::int64_t activation) {
    const at::Tensor y =
        forward_pass(x, scale, shift, shortcut.value_or(at::Tensor()), static_cast<Activation>(activation));
    context->save_for_backward({y, scale});
    context->saved_data["activation"] = activation;
    context->saved_data["has_shortcut"] = shortcut.has_value();
    return y;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor& y = saved[0];
    const at::Tensor& scale = saved[1];
    const Bounds bounds = bounds_of(static_cast<Activation>(context->saved_data["activation"].toInt()));
    const at::Tensor gradient = channels_last(gradients[0]);
    at::Tensor of_x = at::empty_like(y);
    at::Tensor of_shortcut = context->saved_data["has_shortcut"].toBool() ? at::empty_like(y) : at::Tensor();
    if (!is_plain(y)) {
      launch_affine_gradient(gradient, y, scale, bounds, of_x, of_shortcut);
      return {of_x, at::Tensor(), at::Tensor(), of_shortcut, at::Tensor()};
    }
    for_pixels(y, [&](std::int64_t begin, std::int64_t end) {
      backward_pixels(gradient.const_data_ptr<float>(), y.const_data_ptr<float>(), scale.const_data_ptr<float>(),
                      bounds, y.size(1), begin, end, of_x.data_ptr<float>(),
                      of_shortcut.defined() ? of_shortcut.data_ptr<float>() : nullptr);
    });
    return {of_x, at::Tensor(), at::Tensor(), of_shortcut, at::Tensor()};
  }
};

}  // namespace

bool takes_affine(const at::Tensor& x) {
  if (is_plain(x)) return true;
  const bool known = x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16;
  return x.is_cuda() && can_launch(x.device()) && known && x.size(1) % Pack<float>::kSize == 0;
}

at::Tensor affine_activation(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& shift,
                             const at::Tensor& shortcut, Activation activation) {
  const bool differentiates =
      at::GradMode::is_enabled() && (x.requires_grad() || (shortcut.defined() && shortcut.requires_grad()));
  if (!differentiates) return forward_pass(x, scale, shift, shortcut, activation);
  return AffineActivation::apply(x, scale, shift, defined_or_none(shortcut), static_cast<std::int64_t>(activation));
}

}  // namespace wsss
