#include "wsss/dataset/patch_store.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "wsss/core/error.h"

namespace wsss {

namespace {

void require_positive(const char* name, std::int64_t value) {
  if (value < 1)
    throw Error(ErrorCode::kShape, std::string(name) + " must be at least 1, received " + std::to_string(value));
}

void require_below(const char* name, std::int64_t value, std::int64_t bound) {
  if (value >= 0 && value < bound) return;
  throw Error(ErrorCode::kShape, std::string(name) + " must be in 0.." + std::to_string(bound - 1) + ", received " +
                                     std::to_string(value));
}

/// Zeros that the operating system hands out untouched. at::zeros would fill them in an OpenMP region, here on the
/// JavaScript thread: that blocks the event loop, and the thread pool that it leaves behind makes libgomp stop spinning
/// in every other (more pool threads than cores), which halves the speed of small networks.
at::Tensor allocate(at::IntArrayRef shape) {
  const auto bytes = static_cast<std::size_t>(c10::multiply_integers(shape));
  void* memory = std::calloc(bytes, 1);
  if (memory == nullptr) {
    throw Error(ErrorCode::kOutOfMemory,
                "the host has no " + std::to_string(bytes >> 20) +
                    " MiB for the decoded patches; load fewer (a subset of the split) or smaller ones",
                {{"bytes", static_cast<double>(bytes)}});
  }
  return at::from_blob(memory, shape, [](void* data) { std::free(data); }, at::kByte);
}

}  // namespace

PatchStore::PatchStore(std::int64_t count, std::int64_t height, std::int64_t width, std::int64_t class_count) {
  require_positive("count", count);
  require_positive("height", height);
  require_positive("width", width);
  require_positive("classCount", class_count);
  images_ = allocate({count, height, width, 3});
  labels_ = allocate({count, class_count});
}

PatchStore PatchStore::part(std::int64_t begin, std::int64_t end) const {
  return {images_.slice(0, begin, end), labels_.slice(0, begin, end)};
}

std::uint8_t* PatchStore::patch(std::int64_t index) {
  require_below("patch index", index, count());
  return images_.data_ptr<std::uint8_t>() + index * height() * width() * 3;
}

const std::uint8_t* PatchStore::patch(std::int64_t index) const {
  require_below("patch index", index, count());
  return images_.const_data_ptr<std::uint8_t>() + index * height() * width() * 3;
}

std::uint8_t* PatchStore::labels(std::int64_t index) {
  require_below("patch index", index, count());
  return labels_.data_ptr<std::uint8_t>() + index * class_count();
}

const std::uint8_t* PatchStore::labels(std::int64_t index) const {
  require_below("patch index", index, count());
  return labels_.const_data_ptr<std::uint8_t>() + index * class_count();
}

MaskStore::MaskStore(std::int64_t count, std::int64_t height, std::int64_t width, std::int64_t level_count) {
  require_positive("count", count);
  require_positive("height", height);
  require_positive("width", width);
  require_positive("levelCount", level_count);
  masks_ = allocate({level_count, count, height, width});
}

MaskStore MaskStore::part(std::int64_t begin, std::int64_t end) const { return MaskStore(masks_.slice(1, begin, end)); }

std::uint8_t* MaskStore::mask(std::int64_t level, std::int64_t index) {
  require_below("mask level", level, level_count());
  require_below("mask index", index, count());
  return masks_.data_ptr<std::uint8_t>() + level * masks_.stride(0) + index * height() * width();
}

const std::uint8_t* MaskStore::mask(std::int64_t level, std::int64_t index) const {
  require_below("mask level", level, level_count());
  require_below("mask index", index, count());
  return masks_.const_data_ptr<std::uint8_t>() + level * masks_.stride(0) + index * height() * width();
}

std::int64_t MaskStore::pixels_below(std::int64_t level, std::int64_t index, std::int64_t limit) const {
  const std::uint8_t* pixels = mask(level, index);
  return std::count_if(pixels, pixels + height() * width(), [limit](std::uint8_t pixel) { return pixel < limit; });
}

}  // namespace wsss
