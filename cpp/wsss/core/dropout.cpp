#include "wsss/core/dropout.h"

#include <ATen/ATen.h>

namespace wsss {

namespace {

void draw_mask(at::Tensor& mask, double kept, const at::Generator& generator) {
  mask.bernoulli_(kept, generator).div_(kept);
}

}  // namespace

at::Tensor HeldMasks::add(at::IntArrayRef shape, const at::TensorOptions& options, double kept) {
  masks_.push_back({at::empty(shape, options), kept});
  return masks_.back().values;
}

void HeldMasks::draw(at::Generator generator) {
  for (auto& mask : masks_) draw_mask(mask.values, mask.kept, generator);
}

at::Tensor Dropout::apply(const at::Tensor& x, at::IntArrayRef mask_shape, double probability) {
  const double drop = probability * factor_;
  if (drop <= 0.0) return x;
  const auto options = x.options().memory_format(x.suggest_memory_format());
  if (held_ != nullptr) return x * held_->add(mask_shape, options, 1.0 - drop);
  at::Tensor mask = at::empty(mask_shape, options);
  draw_mask(mask, 1.0 - drop, generator_);
  return x * mask;
}

at::Tensor Dropout::channels(const at::Tensor& x, double probability) {
  return apply(x, {x.size(0), x.size(1), 1, 1}, probability);
}

at::Tensor Dropout::elements(const at::Tensor& x, double probability) { return apply(x, x.sizes(), probability); }

}  // namespace wsss
