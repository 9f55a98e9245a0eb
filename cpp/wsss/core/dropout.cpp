#include "wsss/core/dropout.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>

#include <cmath>
#include <mutex>
#include <vector>

#include "wsss/core/random.h"
#include "wsss/core/shared_step.h"

namespace wsss {

namespace {

/// Draws on all threads, the same on any number of them: from one number of the generator each pair of neighbours has
/// bits of its own. LibTorch draws one number after the other, on one thread.
///
/// @param first  position of the mask's first element in the mask of the whole step.
template <typename T>
void draw_everywhere(const at::Tensor& mask, double kept, std::uint64_t stream, std::int64_t first) {
  constexpr std::int64_t kPairsOfAThread = 1 << 14;
  const auto threshold = static_cast<std::uint64_t>(std::llround(kept * 0x1.0p32));
  const auto one = static_cast<T>(static_cast<float>(1.0 / kept));
  const auto zero = static_cast<T>(0.0F);
  const std::int64_t count = mask.numel();
  T* values = mask.data_ptr<T>();
  at::parallel_for(first / 2, (first + count + 1) / 2, kPairsOfAThread, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t pair = begin; pair < end; ++pair) {
      const std::uint64_t bits = mixed_bits(stream + static_cast<std::uint64_t>(pair));
      const std::int64_t at = 2 * pair - first;
      if (at >= 0) values[at] = (bits & 0xffffffffU) < threshold ? one : zero;
      if (at + 1 < count) values[at + 1] = (bits >> 32) < threshold ? one : zero;
    }
  });
}

/// Of a step that is shared each process has its patches' part of one mask: of position, not of process.
///
/// @param mask  without gaps.
void draw_mask(at::Tensor& mask, double kept, at::Generator generator) {
  const SharedStep* step = shared_step();
  const bool is_bfloat16 = mask.scalar_type() == at::kBFloat16;
  if (!mask.is_cpu() || !(is_bfloat16 || mask.scalar_type() == at::kFloat)) {
    if (step == nullptr) {
      mask.bernoulli_(kept, generator).div_(kept);
    } else {
      std::vector<std::int64_t> shape = mask.sizes().vec();
      shape.front() = step->patches;
      const at::Tensor whole = at::empty(shape, mask.options().memory_format(mask.suggest_memory_format()));
      mask.copy_(whole.bernoulli_(kept, generator).div_(kept).narrow(0, step->first, mask.size(0)));
    }
    return;
  }
  const std::int64_t first = step == nullptr ? 0 : step->first * (mask.numel() / mask.size(0));
  std::uint64_t stream = 0;
  {
    const std::lock_guard<std::mutex> lock(generator.mutex());
    stream = at::check_generator<at::CPUGeneratorImpl>(generator)->random64();
  }
  if (is_bfloat16) {
    draw_everywhere<c10::BFloat16>(mask, kept, stream, first);
  } else {
    draw_everywhere<float>(mask, kept, stream, first);
  }
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
