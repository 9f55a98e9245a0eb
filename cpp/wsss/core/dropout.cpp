#include "wsss/core/dropout.h"

#include <ATen/ATen.h>

namespace wsss {

namespace {

void draw_mask(at::Tensor& mask, double kept, const at::Generator& generator) {
  mask.bernoulli_(kept, generator).div_(kept);
}

}  // namespace

at::Tensor HeldMasks::next(at::IntArrayRef shape, const at::TensorOptions& options, double kept,
                           at::Generator generator) {
  if (next_ == masks_.size()) {
    TORCH_CHECK(!complete_, "a step that comes again asks for more masks than the first time");
    masks_.push_back({at::empty(shape, options), kept});
    draw_mask(masks_.back().values, kept, generator);
  }
  return masks_[next_++].values;
}

void HeldMasks::rewind() {
  next_ = 0;
  complete_ = true;
}

void HeldMasks::draw(at::Generator generator) {
  for (auto& mask : masks_) draw_mask(mask.values, mask.kept, generator);
  rewind();
}

at::Tensor Dropout::apply(const at::Tensor& x, at::IntArrayRef mask_shape, double probability) {
  const double drop = probability * factor_;
  if (drop <= 0.0) return x;
  const auto options = x.options().memory_format(x.suggest_memory_format());
  if (held_ != nullptr) return x * held_->next(mask_shape, options, 1.0 - drop, generator_);
  at::Tensor mask = at::empty(mask_shape, options);
  draw_mask(mask, 1.0 - drop, generator_);
  return x * mask;
}

at::Tensor Dropout::channels(const at::Tensor& x, double probability) {
  return apply(x, {x.size(0), x.size(1), 1, 1}, probability);
}

at::Tensor Dropout::elements(const at::Tensor& x, double probability) { return apply(x, x.sizes(), probability); }

}  // namespace wsss
