#include "wsss/core/dropout.h"

#include <ATen/ATen.h>

namespace wsss {

at::Tensor Dropout::apply(const at::Tensor& x, at::IntArrayRef mask_shape, double probability) {
  const double drop = probability * factor_;
  if (drop <= 0.0) return x;
  at::Tensor mask = at::empty(mask_shape, x.options().memory_format(x.suggest_memory_format()));
  mask.bernoulli_(1.0 - drop, generator_).div_(1.0 - drop);
  return x * mask;
}

at::Tensor Dropout::channels(const at::Tensor& x, double probability) {
  return apply(x, {x.size(0), x.size(1), 1, 1}, probability);
}

at::Tensor Dropout::elements(const at::Tensor& x, double probability) { return apply(x, x.sizes(), probability); }

}  // namespace wsss
