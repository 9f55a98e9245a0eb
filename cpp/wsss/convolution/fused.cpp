#include "wsss/convolution/fused.h"

#include "wsss/convolution/affine_activation.h"
#include "wsss/convolution/norm_training.h"
#include "wsss/convolution/pixels.h"
#include "wsss/core/libtorch.h"

namespace wsss {

namespace {

at::Tensor activated(const at::Tensor& x, Activation activation) {
  switch (activation) {
    case Activation::kRelu:
      return at::relu(x);
    case Activation::kRelu6:
      return at::hardtanh(x, 0.0, 6.0);
    case Activation::kNone:
      break;
  }
  return x;
}

/// activation(norm(x) + shortcut) of a norm that is more than a scale and a shift.
at::Tensor normed(BatchNorm& norm, const at::Tensor& x, Activation activation, const at::Tensor& shortcut) {
  if (is_plain(x) && norm->takes_statistics() && pixel_count(x) > 1) {
    return norm_in_training(*norm, x, activation, shortcut);
  }
  const at::Tensor out = norm(x);
  return activated(shortcut.defined() ? out + shortcut : out, activation);
}

}  // namespace

at::Tensor conv_norm(Conv2d& conv, BatchNorm& norm, const at::Tensor& x, Activation activation,
                     const at::Tensor& shortcut) {
  if (!norm->is_affine()) return normed(norm, conv(x), activation, shortcut);
  const ScaleShift affine = norm->scale_shift();
  if (is_plain(x) && !at::GradMode::is_enabled()) {
    return conv->forward_with(x, affine.scale, affine.shift, shortcut, activation);
  }
  const at::Tensor out = conv(x);
  return takes_affine(out) ? affine_activation(out, affine.scale, affine.shift, shortcut, activation)
                           : normed(norm, out, activation, shortcut);
}

at::Tensor conv_add(Conv2d& conv, const at::Tensor& x, const at::Tensor& shortcut) {
  if (is_plain(x) && !at::GradMode::is_enabled()) return conv->forward_with(x, {}, {}, shortcut, Activation::kNone);
  return shortcut + conv(x);
}

at::Tensor norm_activation(BatchNorm& norm, const at::Tensor& x, Activation activation) {
  if (takes_affine(x) && norm->is_affine()) {
    const ScaleShift affine = norm->scale_shift();
    return affine_activation(x, affine.scale, affine.shift, {}, activation);
  }
  return normed(norm, x, activation, {});
}

}  // namespace wsss
