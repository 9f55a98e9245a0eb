#include "wsss/dataset/patch_store.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

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

/// Memory of a store, kept by the tensors that lie in it.
struct Allocation {
  std::shared_ptr<std::uint8_t> bytes;
  std::string address;
};

std::shared_ptr<std::uint8_t> bytes_of(std::shared_ptr<SharedBytes> shared) {
  std::uint8_t* data = shared->data();
  return {std::move(shared), data};
}

/// Zeros that the operating system hands out untouched, or what another process has in them. at::zeros would fill them
/// in an OpenMP region, here on the JavaScript thread: that blocks the event loop, and the thread pool that it leaves
/// behind makes libgomp stop spinning in every other (more pool threads than cores), which halves the speed of small
/// networks.
Allocation allocate(std::int64_t size, const StoreMemory& memory) {
  const auto bytes = static_cast<std::size_t>(size);
  if (!memory.address.empty()) return {bytes_of(SharedBytes::attach(memory.address, bytes)), ""};
  if (memory.is_shared) {
    if (auto shared = SharedBytes::create(bytes)) return {bytes_of(shared), shared->address()};
  }
  void* own = std::calloc(bytes, 1);
  if (own == nullptr) {
    throw Error(ErrorCode::kOutOfMemory,
                "the host has no " + std::to_string(bytes >> 20) +
                    " MiB for the decoded patches; load fewer (a subset of the split) or smaller ones",
                {{"bytes", static_cast<double>(bytes)}});
  }
  return {{static_cast<std::uint8_t*>(own), [](std::uint8_t* data) { std::free(data); }}, ""};
}

/// A part of an allocation, which it keeps.
at::Tensor tensor_in(const Allocation& allocation, std::int64_t offset, at::IntArrayRef shape) {
  return at::from_blob(
      allocation.bytes.get() + offset, shape, [keeper = allocation.bytes](void* /*data*/) {}, at::kByte);
}

}  // namespace

PatchStore::PatchStore(std::int64_t count, std::int64_t height, std::int64_t width, std::int64_t class_count,
                       const StoreMemory& memory) {
  require_positive("count", count);
  require_positive("height", height);
  require_positive("width", width);
  require_positive("classCount", class_count);
  const std::int64_t bytes = count * height * width * 3;
  const Allocation allocation = allocate(bytes + count * class_count, memory);
  images_ = tensor_in(allocation, 0, {count, height, width, 3});
  labels_ = tensor_in(allocation, bytes, {count, class_count});
  address_ = allocation.address;
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

MaskStore::MaskStore(std::int64_t count, std::int64_t height, std::int64_t width, std::int64_t level_count,
                     const StoreMemory& memory) {
  require_positive("count", count);
  require_positive("height", height);
  require_positive("width", width);
  require_positive("levelCount", level_count);
  const Allocation allocation = allocate(level_count * count * height * width, memory);
  masks_ = tensor_in(allocation, 0, {level_count, count, height, width});
  address_ = allocation.address;
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
