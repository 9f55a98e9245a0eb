// Helpers for our own loops over the pixels of feature maps.
#pragma once

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cstdint>
#include <optional>

namespace wsss {

/// How many values are worth a thread of their own.
inline constexpr std::int64_t kValuesOfAThread = 1 << 15;

/// Whether our own loops take the maps: float32 or bfloat16 on the CPU.
inline bool is_plain(const at::Tensor& maps) {
  return maps.is_cpu() && (maps.scalar_type() == at::kFloat || maps.scalar_type() == at::kBFloat16);
}

/// The data of a tensor; null if it is undefined.
template <typename T>
const T* data_or_null(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.const_data_ptr<T>() : nullptr;
}

/// Calls work(value) with a value of the type that maps are stored as, float32 or bfloat16.
template <typename Work>
void for_type_of(const at::Tensor& maps, Work work) {
  if (maps.scalar_type() == at::kBFloat16) {
    work(c10::BFloat16());
  } else {
    work(float());
  }
}

inline at::Tensor channels_last(const at::Tensor& maps) { return maps.contiguous(at::MemoryFormat::ChannelsLast); }

/// How autograd's functions take a tensor that may be undefined.
inline std::optional<at::Tensor> defined_or_none(const at::Tensor& tensor) {
  return tensor.defined() ? std::make_optional(tensor) : std::nullopt;
}

/// Positions of all maps [N, C, H, W] together.
inline std::int64_t pixel_count(const at::Tensor& maps) { return maps.size(0) * maps.size(2) * maps.size(3); }

/// Calls work(begin, end) for parts of the pixels, on all threads.
template <typename Work>
void for_pixels(const at::Tensor& maps, Work work) {
  const std::int64_t channels = std::max<std::int64_t>(maps.size(1), 1);
  at::parallel_for(0, pixel_count(maps), std::max<std::int64_t>(1, kValuesOfAThread / channels), work);
}

}  // namespace wsss
