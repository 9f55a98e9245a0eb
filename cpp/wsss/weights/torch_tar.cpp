// PyTorch 0.1: a tar archive of "storages", "tensors" and "pickle", each a stream of pickles and raw bytes.
// Source: torch/serialization.py, legacy_load.

#include <map>

#include "wsss/core/error.h"
#include "wsss/core/libtorch.h"
#include "wsss/weights/byte_reader.h"
#include "wsss/weights/containers.h"
#include "wsss/weights/raw_tensor.h"
#include "wsss/weights/tensor_kinds.h"
#include "wsss/weights/torch_pickle.h"

namespace wsss {

namespace {

using Kind = PickleValue::Kind;
using Members = std::map<std::string, std::span<const std::byte>, std::less<>>;
using Tensors = std::map<std::int64_t, at::Tensor>;

constexpr std::size_t kBlock = 512;
constexpr std::size_t kNameBytes = 100;
constexpr std::size_t kSizeAt = 124;
constexpr std::size_t kSizeBytes = 12;
constexpr std::size_t kChecksumAt = 148;
constexpr std::size_t kChecksumBytes = 8;
constexpr std::size_t kKindAt = 156;

Error broken(const std::string& what) { return Error(ErrorCode::kWeights, what); }

/// A field of octal digits, as tar writes numbers.
std::uint64_t octal(std::string_view field) {
  std::uint64_t value = 0;
  for (const char c : field) {
    if (c == ' ' && value == 0) continue;
    if (c < '0' || c > '7') break;
    if (value >> 60 != 0) throw broken("a member of its tar archive has an impossible size");
    value = value * 8 + static_cast<std::uint64_t>(c - '0');
  }
  return value;
}

bool is_header(std::string_view block) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < block.size(); ++i) {
    const bool in_checksum = i >= kChecksumAt && i < kChecksumAt + kChecksumBytes;
    sum += in_checksum ? ' ' : static_cast<unsigned char>(block[i]);
  }
  return sum == octal(block.substr(kChecksumAt, kChecksumBytes)) && sum != kChecksumBytes * ' ';
}

Members read_members(std::span<const std::byte> bytes) {
  Members members;
  ByteReader in(bytes);
  while (in.remaining() >= kBlock) {
    const std::string_view header = in.text(kBlock);
    if (header.find_first_not_of('\0') == std::string_view::npos) break;
    if (!is_header(header)) throw broken("its tar archive is damaged at byte " + std::to_string(in.position()));
    const std::string_view field = header.substr(0, kNameBytes);
    const std::uint64_t size = octal(header.substr(kSizeAt, kSizeBytes));
    const auto data = in.take(size);
    in.take(std::min<std::size_t>((kBlock - size % kBlock) % kBlock, in.remaining()));
    const bool is_file = header[kKindAt] == '0' || header[kKindAt] == '\0';
    if (is_file) members.emplace(field.substr(0, field.find('\0')), data);
  }
  return members;
}

ByteReader open_member(const Members& members, std::string_view name) {
  const auto found = members.find(name);
  if (found == members.end())
    throw broken("it is a tar archive, but not one of PyTorch: it lacks " + std::string(name));
  return ByteReader(found->second);
}

std::int64_t read_integer(ByteReader& in) {
  const Pickle pickle = Pickle::read(in);
  if (!pickle.root().is(Kind::kInteger)) throw broken("a number is missing");
  return pickle.root().integer;
}

/// A key is a number, written as one or as text.
std::int64_t key_of(const PickleValue& value) {
  if (value.is(Kind::kInteger)) return value.integer;
  if (!value.is(Kind::kText) || value.length == 0 || value.length > 20) throw broken("a key that is not a number");
  std::int64_t key = 0;
  for (const char c : value.text()) {
    if (c < '0' || c > '9' || __builtin_mul_overflow(key, 10, &key) || __builtin_add_overflow(key, c - '0', &key)) {
      throw broken("a key that is not a number");
    }
  }
  return key;
}

/// Fields of a tuple of a known length.
const std::vector<PickleValue>& fields_of(const Pickle& pickle, const PickleValue& value, std::size_t count) {
  if (!value.is(Kind::kTuple) || pickle.items(value).size() != count) throw broken("a record of another length");
  return pickle.items(value);
}

/// The element type of a storage; before PyTorch 0.2 there were none that are not read.
c10::ScalarType storage_type(const Pickle& pickle, const PickleValue& storage_class) {
  const c10::ScalarType type = element_type(pickle.object_name(storage_class));
  if (!is_read(type)) throw broken("a storage of a type that did not exist then");
  return type;
}

/// Tensors are entries of their own here: parameters are calls around a persistent id, plain tensors the id itself.
class TarTensors : public PickledTensors {
 public:
  TarTensors(const Pickle& pickle, const Tensors& tensors) : pickle_(pickle), tensors_(tensors) {}

  bool is_tensor(const PickleValue& value) const override { return id_of(value) != nullptr; }

  std::string unread_kind(const PickleValue&) const override { return {}; }

  at::Tensor tensor(const PickleValue& value, const std::string& name) const override {
    const auto found = tensors_.find(key_of(pickle_.items(*id_of(value))[0]));
    if (found == tensors_.end()) throw broken("tensor " + name + " is missing");
    return found->second;
  }

 private:
  const PickleValue* id_of(const PickleValue& value) const {
    if (value.is(Kind::kPersistent)) return &value;
    if (!value.is(Kind::kCall)) return nullptr;
    const auto& items = pickle_.items(value);
    const bool is_parameter = items[0].text() == "torch._utils._rebuild_parameter" && items.size() >= 2;
    return is_parameter && items[1].is(Kind::kPersistent) ? &items[1] : nullptr;
  }

  const Pickle& pickle_;
  const Tensors& tensors_;
};

Tensors read_storages(const WeightBytes& file, ByteReader in) {
  Tensors storages;
  const std::int64_t count = read_integer(in);
  for (std::int64_t i = 0; i < count; ++i) {
    const Pickle pickle = Pickle::read(in);
    const auto& fields = fields_of(pickle, pickle.root(), 3);  // key, location, class
    const c10::ScalarType type = storage_type(pickle, fields[2]);
    const auto elements = in.read<std::int64_t>();
    std::uint64_t size = 0;
    if (elements < 0 || __builtin_mul_overflow(static_cast<std::uint64_t>(elements), c10::elementSize(type), &size)) {
      throw broken("a storage of an impossible size");
    }
    storages[key_of(fields[0])] = flat_tensor(file.part(in.take(size)), type);
  }
  const Pickle views = Pickle::read(in);
  if (!views.root().is(Kind::kList)) throw broken("the list of its storage views is missing");
  for (const auto& view : views.items(views.root())) {
    const auto& fields = fields_of(views, view, 4);  // key, root key, offset, count
    const auto root = storages.find(key_of(fields[1]));
    if (root == storages.end() || !fields[2].is(Kind::kInteger) || !fields[3].is(Kind::kInteger)) {
      throw broken("a view of a storage that is not there");
    }
    const at::Tensor part = strided_view(root->second, {fields[3].integer}, {1}, fields[2].integer, "(storage view)");
    storages[key_of(fields[0])] = part;
  }
  return storages;
}

Tensors read_tensors(const Tensors& storages, ByteReader in) {
  Tensors tensors;
  const std::int64_t count = read_integer(in);
  for (std::int64_t i = 0; i < count; ++i) {
    const Pickle pickle = Pickle::read(in);
    const auto& fields = fields_of(pickle, pickle.root(), 3);  // key, storage key, class
    const std::int64_t key = key_of(fields[0]);
    const auto dimensions = in.read<std::int32_t>();
    in.take(4);  // The count was once written as 8 bytes.
    if (dimensions < 0 || dimensions > 16) throw broken("a tensor of an impossible shape");
    std::vector<std::int64_t> shape(static_cast<std::size_t>(dimensions)), strides(shape.size());
    for (auto& extent : shape) extent = in.read<std::int64_t>();
    for (auto& stride : strides) stride = in.read<std::int64_t>();
    const auto offset = in.read<std::int64_t>();
    const auto storage = storages.find(key_of(fields[1]));
    if (storage == storages.end()) throw broken("a tensor without its storage");
    tensors[key] = strided_view(storage->second, shape, strides, offset, std::to_string(key));
  }
  return tensors;
}

}  // namespace

bool is_torch_tar(std::span<const std::byte> bytes) {
  return bytes.size() >= kBlock && is_header({reinterpret_cast<const char*>(bytes.data()), kBlock});
}

WeightFile read_torch_tar(const WeightBytes& file) {
  const Members members = read_members(file.bytes);
  const Tensors storages = read_storages(file, open_member(members, "storages"));
  const Tensors tensors = read_tensors(storages, open_member(members, "tensors"));
  ByteReader program = open_member(members, "pickle");
  const Pickle pickle = Pickle::read(program);
  WeightFile result = state_dict_of(pickle, TarTensors(pickle, tensors), file);
  result.container = "tar (PyTorch <= 0.1.9)";
  return result;
}

}  // namespace wsss
