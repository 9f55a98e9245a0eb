#include "wsss/convolution/affine_activation.h"

#include <optional>

#include "wsss/convolution/affine_launch.h"
#include "wsss/convolution/instruction_set.h"
#include "wsss/convolution/pixels.h"
#include "wsss/convolution/stored.h"
#include "wsss/core/libtorch.h"
#include "wsss/kernels/affine.h"
#include "wsss/kernels/launch.h"

namespace wsss {

namespace {

/// Maps of one backward pass.
template <typename T>
struct Gradients {
  const T *of_y, *y;
  T* of_x;
  T* of_shortcut;  ///< Or null.
};

/// Both passes over a part of the pixels.
template <typename T>
struct Loops {
  void (*forward)(const T* x, const Epilogue<T>& epilogue, std::int64_t channels, std::int64_t begin, std::int64_t end,
                  T* y);
  void (*backward)(const Gradients<T>& maps, const float* scale, const Bounds& bounds, std::int64_t channels,
                   std::int64_t begin, std::int64_t end);
};

#define WSSS_LOOPS "wsss/convolution/affine_loops.h"
#include "wsss/convolution/each_processor.h"

at::Tensor forward_pass(const at::Tensor& given, const at::Tensor& scale, const at::Tensor& shift,
                        const at::Tensor& given_shortcut, Activation activation) {
  const at::Tensor x = channels_last(given);
  const at::Tensor shortcut =
      given_shortcut.defined() ? channels_last(given_shortcut).to(x.scalar_type()) : at::Tensor();
  at::Tensor y = at::empty_like(x);
  if (!is_plain(x)) {
    launch_affine(x, scale, shift, shortcut, bounds_of(activation), y);
    return y;
  }
  for_type_of(x, [&]<typename T>(T) {
    const Epilogue<T> epilogue{scale.const_data_ptr<float>(), shift.const_data_ptr<float>(), data_or_null<T>(shortcut),
                               bounds_of(activation)};
    for_pixels(x, [&](std::int64_t begin, std::int64_t end) {
      best_loops(T()).forward(x.const_data_ptr<T>(), epilogue, x.size(1), begin, end, y.data_ptr<T>());
    });
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
    for_type_of(y, [&]<typename T>(T) {
      const Gradients<T> maps{gradient.const_data_ptr<T>(), y.const_data_ptr<T>(), of_x.data_ptr<T>(),
                              of_shortcut.defined() ? of_shortcut.data_ptr<T>() : nullptr};
      for_pixels(y, [&](std::int64_t begin, std::int64_t end) {
        best_loops(T()).backward(maps, scale.const_data_ptr<float>(), bounds, y.size(1), begin, end);
      });
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
