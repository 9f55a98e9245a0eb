#include "wsss/core/dropout.h"

#include <ATen/ATen.h>

#include "wsss/core/recompute.h"

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
}

at::Tensor RepeatedMasks::next(const std::function<at::Tensor()>& draw) {
  if (!is_recomputing()) {
    masks_.push_back(draw());
    return masks_.back();
  }
  TORCH_CHECK(next_ < masks_.size(), "a block that is recomputed asks for more masks than the first time");
  return masks_[next_++];
}

at::Tensor Dropout::apply(const at::Tensor& x, at::IntArrayRef mask_shape, double probability) {
  const double drop = probability * factor_;
  if (drop <= 0.0) return x;
  const auto options = x.options().memory_format(x.suggest_memory_format());
  const auto next = [&] { return next_mask(mask_shape, options, 1.0 - drop); };
  return x * (repeated_ ? repeated_->next(next) : next());
}

at::Tensor Dropout::next_mask(at::IntArrayRef shape, const at::TensorOptions& options, double kept) {
  if (held_ != nullptr) return held_->next(shape, options, kept, generator_);
  at::Tensor mask = at::empty(shape, options);
  draw_mask(mask, kept, generator_);
  return mask;
}

Dropout Dropout::repeated() const {
  Dropout own = *this;
  own.repeated_ = std::make_shared<RepeatedMasks>();
  return own;
}

void Dropout::rewind() const {
  if (repeated_) repeated_->rewind();
}

at::Tensor Dropout::channels(const at::Tensor& x, double probability) {
  return apply(x, {x.size(0), x.size(1), 1, 1}, probability);
}

at::Tensor Dropout::elements(const at::Tensor& x, double probability) { return apply(x, x.sizes(), probability); }

}  // namespace wsss
