#include "wsss/convolution/affine_launch.h"

#include <ATen/ATen.h>

#include <cstdint>

#include "wsss/convolution/pixels.h"
#include "wsss/kernels/affine.h"
#include "wsss/kernels/launch.h"

namespace wsss {

namespace {

template <typename T>
const Pack<T>* packs(const at::Tensor& maps) {
  if (!maps.defined()) return nullptr;
  const auto* packs = reinterpret_cast<const Pack<T>*>(maps.const_data_ptr<T>());
  TORCH_INTERNAL_ASSERT(reinterpret_cast<std::uintptr_t>(packs) % sizeof(Pack<T>) == 0);
  return packs;
}

template <typename T>
Pack<T>* writable_packs(at::Tensor& maps) {
  return const_cast<Pack<T>*>(packs<T>(maps));
}

}  // namespace

void launch_affine(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& shift, const at::Tensor& shortcut,
                   const Bounds& bounds, at::Tensor& y) {
  const at::Tensor scales = scale.to(at::kFloat), shifts = shift.to(at::kFloat);
  for_type_of(x, [&](auto value) {
    using T = decltype(value);
    AffineForward<T> op{};
    op.x = packs<T>(x);
    op.shortcut = packs<T>(shortcut);
    op.scale = scales.const_data_ptr<float>();
    op.shift = shifts.const_data_ptr<float>();
    op.channels = x.size(1);
    op.low = bounds.low;
    op.high = bounds.high;
    op.y = writable_packs<T>(y);
    launch(op, x.numel() / Pack<T>::kSize, x.device());
  });
}

void launch_affine_gradient(const at::Tensor& gradient, const at::Tensor& y, const at::Tensor& scale,
                            const Bounds& bounds, at::Tensor& of_x, at::Tensor& of_shortcut) {
  const at::Tensor scales = scale.to(at::kFloat);
  for_type_of(y, [&](auto value) {
    using T = decltype(value);
    AffineBackward<T> op{};
    op.gradient = packs<T>(gradient);
    op.y = packs<T>(y);
    op.scale = scales.const_data_ptr<float>();
    op.channels = y.size(1);
    op.low = bounds.low;
    op.high = bounds.high;
    op.of_x = writable_packs<T>(of_x);
    op.of_shortcut = writable_packs<T>(of_shortcut);
    launch(op, y.numel() / Pack<T>::kSize, y.device());
  });
}

}  // namespace wsss
