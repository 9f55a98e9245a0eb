// PyTorch 0.2 to 1.5: five pickles in a row (magic number, protocol, system, the saved object, the keys of its
// storages), then the storages themselves, each with its element count. Source: torch/serialization.py, _legacy_save.

#include <algorithm>
#include <map>

#include "wsss/core/error.h"
#include "wsss/core/libtorch.h"
#include "wsss/weights/byte_reader.h"
#include "wsss/weights/containers.h"
#include "wsss/weights/raw_tensor.h"
#include "wsss/weights/torch_pickle.h"

namespace wsss {

namespace {

using Kind = PickleValue::Kind;

// 0x1950a86a20f9469cfc6c, as the bytes of a Python integer.
constexpr std::string_view kMagic("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 10);
constexpr std::int64_t kProtocol = 1001;

Error broken(const std::string& what) { return Error(ErrorCode::kWeights, what); }

void read_preamble(ByteReader& in) {
  const Pickle magic = Pickle::read(in);
  if (!magic.root().is(Kind::kText) || magic.root().text() != kMagic) {
    throw broken(
        "it is a Python pickle, but torch.save did not write it; in Python, load it and save its "
        "tensors with torch.save(state_dict, FILE)");
  }
  const Pickle protocol = Pickle::read(in);
  if (!protocol.root().is(Kind::kInteger) || protocol.root().integer != kProtocol) {
    throw broken("it has a protocol of torch.save that never was");
  }
  const Pickle system = Pickle::read(in);
  if (!system.root().is(Kind::kDictionary)) return;
  const PickleValue* little = system.find(system.root(), "little_endian");
  if (little != nullptr && little->is(Kind::kBoolean) && little->integer == 0) throw broken("it is big endian");
}

/// A storage as it lies in the file; its type stands in the persistent ids that name it.
using Storages = std::map<std::string, std::span<const std::byte>, std::less<>>;

/// Types by storage key, from every persistent id: the raw part gives only element counts.
std::map<std::string_view, StorageId> storage_ids(const Pickle& pickle) {
  std::map<std::string_view, StorageId> ids;
  for (const PickleValue& value : pickle.persistent_ids()) {
    StorageId id(pickle, value);
    ids.try_emplace(id.key, id);
  }
  return ids;
}

Storages read_storages(ByteReader& in, const Pickle& pickle) {
  const auto ids = storage_ids(pickle);
  const Pickle keys = Pickle::read(in);
  if (!keys.root().is(Kind::kList)) throw broken("the list of its storages is missing");
  Storages storages;
  for (const PickleValue& key : keys.items(keys.root())) {
    if (!key.is(Kind::kText)) throw broken("a storage without a key");
    const auto id = ids.find(key.text());
    if (id == ids.end()) throw broken("storage " + std::string(key.text()) + " belongs to nothing");
    const auto count = in.read<std::int64_t>();
    std::uint64_t size = 0;
    if (count < 0 || static_cast<std::uint64_t>(count) != id->second.count ||
        __builtin_mul_overflow(static_cast<std::uint64_t>(count), c10::elementSize(id->second.type), &size)) {
      throw broken("storage " + std::string(id->first) + " does not have the size that it should have");
    }
    storages[std::string(id->first)] = in.take(size);
  }
  return storages;
}

/// The part of a storage that a persistent id means: all of it, or a view (key, offset, count).
at::Tensor view_of(const at::Tensor& storage, const Pickle& pickle, const StorageId& id) {
  if (id.view == nullptr) return storage;
  if (!id.view->is(Kind::kTuple)) throw broken("a view of storage " + std::string(id.key) + " that is none");
  const auto& fields = pickle.items(*id.view);
  if (fields.size() != 3 || !fields[1].is(Kind::kInteger) || !fields[2].is(Kind::kInteger)) {
    throw broken("a view of storage " + std::string(id.key) + " that is none");
  }
  return strided_view(storage, {fields[2].integer}, {1}, fields[1].integer, "view of storage " + std::string(id.key));
}

}  // namespace

bool is_torch_legacy(std::span<const std::byte> bytes) {
  return bytes.size() >= 2 && bytes[0] == std::byte{0x80} && bytes[1] <= std::byte{5};
}

WeightFile read_torch_legacy(const WeightBytes& file) {
  ByteReader in(file.bytes);
  read_preamble(in);
  const Pickle pickle = Pickle::read(in);
  const Storages raw = read_storages(in, pickle);
  std::map<std::string, at::Tensor, std::less<>> storages;
  const TorchTensors tensors(pickle, [&](const Pickle& owner, const PickleValue& persistent_id) {
    const StorageId id(owner, persistent_id);
    auto known = storages.find(id.key);
    if (known == storages.end()) {
      const auto found = raw.find(id.key);
      if (found == raw.end()) throw broken("storage " + std::string(id.key) + " is missing");
      known = storages.emplace(std::string(id.key), flat_tensor(file.part(found->second), id.type)).first;
    }
    return view_of(same_storage(known->second, id), owner, id);
  });
  WeightFile result = state_dict_of(pickle, tensors, file);
  result.container = "legacy pickle stream";
  return result;
}

}  // namespace wsss
