#include "wsss/weights/raw_tensor.h"

#include <algorithm>
#include <cstring>

#include "wsss/core/error.h"
#include "wsss/core/libtorch.h"

namespace wsss {

std::int64_t checked_element_count(const std::vector<std::int64_t>& shape, const std::string& name) {
  std::int64_t count = 1;
  std::int64_t reach = 1;  // Strides count an extent of 0 as 1, and must not overflow either.
  for (const auto extent : shape) {
    if (extent < 0 || __builtin_mul_overflow(reach, std::max<std::int64_t>(extent, 1), &reach)) {
      throw Error(ErrorCode::kWeights, "tensor " + name + " has an impossible shape");
    }
    count *= extent;
  }
  return count;
}

at::Tensor flat_tensor(const WeightBytes& bytes, c10::ScalarType type) {
  const std::size_t element = c10::elementSize(type);
  const auto count = static_cast<std::int64_t>(bytes.bytes.size() / element);
  const auto address = reinterpret_cast<std::uintptr_t>(bytes.bytes.data());
  if (count > 0 && address % element == 0) {
    // Tensors have no read-only kind; nobody writes to the tensors of a WeightFile.
    return at::from_blob(
        const_cast<std::byte*>(bytes.bytes.data()), {count}, [held = bytes.keep_alive](void*) {},
        at::TensorOptions(type));
  }
  at::Tensor copy = at::empty({count}, type);
  if (count > 0) std::memcpy(copy.data_ptr(), bytes.bytes.data(), bytes.bytes.size());
  return copy;
}

at::Tensor strided_view(const at::Tensor& flat, const std::vector<std::int64_t>& shape,
                        const std::vector<std::int64_t>& strides, std::int64_t offset, const std::string& name) {
  const std::int64_t count = checked_element_count(shape, name);
  const auto refuse = [&](const std::string& what) {
    return Error(ErrorCode::kWeights, "tensor " + name + " " + what);
  };
  if (shape.size() != strides.size()) throw refuse("has another number of strides than of extents");
  if (shape.size() > 16) throw refuse("has more than 16 dimensions");
  std::int64_t last = offset;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    std::int64_t reach = 0;
    if (strides[d] < 0) throw refuse("has impossible strides");
    if (count == 0) continue;  // Nothing is reached.
    if (__builtin_mul_overflow(shape[d] - 1, strides[d], &reach) || __builtin_add_overflow(last, reach, &last)) {
      throw refuse("has impossible strides");
    }
  }
  if (offset < 0 || offset > flat.numel() || (count > 0 && last >= flat.numel())) {
    throw refuse("lies outside its storage");
  }
  if (count > flat.numel()) throw refuse("repeats elements of its storage (an expanded tensor)");
  // A storage may itself be a view of another one.
  return flat.as_strided(shape, strides, flat.storage_offset() + offset);
}

}  // namespace wsss
