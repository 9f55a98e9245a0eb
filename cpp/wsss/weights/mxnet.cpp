// MXNet's NDArray list (.params): arrays, then their names. Format: golden case K4; arrays of four generations.

#include <array>
#include <optional>

#include "wsss/core/error.h"
#include "wsss/core/libtorch.h"
#include "wsss/weights/byte_reader.h"
#include "wsss/weights/containers.h"
#include "wsss/weights/raw_tensor.h"

namespace wsss {

namespace {

constexpr std::uint64_t kListMagic = 0x112;
constexpr std::uint32_t kV1 = 0xF993FAC8;
constexpr std::uint32_t kV2 = 0xF993FAC9;
constexpr std::uint32_t kV3 = 0xF993FACA;
constexpr std::int32_t kDense = 0;
constexpr std::uint32_t kMostDimensions = 16;
constexpr std::array<c10::ScalarType, 7> kTypes{c10::kFloat, c10::kDouble, c10::kHalf, c10::kByte,
                                                c10::kInt,   c10::kChar,   c10::kLong};

Error broken(const std::string& what) { return Error(ErrorCode::kWeights, what); }

struct Array {
  int version = 0;
  at::Tensor values;
};

Array read_array(const WeightBytes& file, ByteReader& in, const std::string& where) {
  const auto first = in.read<std::uint32_t>();
  Array array;
  array.version = first == kV1 ? 1 : first == kV2 ? 2 : first == kV3 ? 3 : 0;
  if (array.version >= 2 && in.read<std::int32_t>() != kDense) throw broken(where + " is sparse");
  // Before there were versions an array began with its number of dimensions.
  const std::uint32_t dimensions = array.version == 0 ? first : in.read<std::uint32_t>();
  if (dimensions > kMostDimensions) throw broken(where + " has an impossible shape");
  std::vector<std::int64_t> shape;
  for (std::uint32_t d = 0; d < dimensions; ++d) {
    shape.push_back(array.version == 0 ? std::int64_t{in.read<std::uint32_t>()} : in.read<std::int64_t>());
  }
  // No dimensions meant "nothing here" until version 3 made it a single number.
  if (dimensions == 0 && array.version < 3) {
    static const at::Tensor empty = at::empty({0});
    array.values = empty;
    return array;
  }
  in.take(8);  // device and its number
  const auto type_flag = in.read<std::int32_t>();
  if (type_flag < 0 || static_cast<std::size_t>(type_flag) >= kTypes.size())
    throw broken(where + " has an unknown type");
  const c10::ScalarType type = kTypes[static_cast<std::size_t>(type_flag)];
  const std::int64_t count = checked_element_count(shape, where);
  std::uint64_t size = 0;
  if (__builtin_mul_overflow(static_cast<std::uint64_t>(count), c10::elementSize(type), &size)) {
    throw broken(where + " is too large");
  }
  array.values = flat_tensor(file.part(in.take(size)), type).view(shape);
  return array;
}

}  // namespace

bool is_mxnet(std::span<const std::byte> bytes) {
  return bytes.size() >= sizeof(kListMagic) && ByteReader(bytes).read<std::uint64_t>() == kListMagic;
}

WeightFile read_mxnet(const WeightBytes& file) {
  ByteReader in(file.bytes);
  in.take(2 * sizeof(std::uint64_t));  // magic and a reserved field
  const auto count = in.read<std::uint64_t>();
  std::vector<Array> arrays;
  int version = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    arrays.push_back(read_array(file, in, "array " + std::to_string(i)));
    version = std::max(version, arrays.back().version);
  }
  const auto names = in.read<std::uint64_t>();
  if (names != 0 && names != count) throw broken("it has another number of names than of arrays");
  WeightFile result;
  result.container = "MXNet NDArray list V" + std::to_string(version);
  for (std::uint64_t i = 0; i < count; ++i) {
    std::string name = names == 0 ? std::to_string(i) : std::string(in.text(in.read<std::uint64_t>()));
    result.tensors.emplace_back(std::move(name), std::move(arrays[i].values));
  }
  return result;
}

}  // namespace wsss
