// Tensors and state dicts from the pickles inside PyTorch files.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "wsss/weights/containers.h"
#include "wsss/weights/pickle.h"

namespace wsss {

/// The tensors of one pickle, made as they are asked for. Containers differ in what a persistent id stands for.
class PickledTensors {
 public:
  virtual ~PickledTensors() = default;

  /// Whether a value is a tensor or parameter, of whatever kind.
  virtual bool is_tensor(const PickleValue& value) const = 0;
  /// Why tensor() does not read it: "sparse", "complex64", "meta (it has no values)", ...; empty if it does.
  virtual std::string unread_kind(const PickleValue& value) const = 0;
  virtual at::Tensor tensor(const PickleValue& value, const std::string& name) const = 0;
};

/// Tensors as PyTorch has pickled them since version 0.2: calls of functions that put them together from a storage.
class TorchTensors : public PickledTensors {
 public:
  /// A storage as a flat tensor, for a persistent id.
  using FindStorage = std::function<at::Tensor(const Pickle& pickle, const PickleValue& persistent_id)>;

  TorchTensors(const Pickle& pickle, FindStorage find_storage)
      : pickle_(pickle), find_storage_(std::move(find_storage)) {}

  bool is_tensor(const PickleValue& value) const override;
  std::string unread_kind(const PickleValue& value) const override;
  at::Tensor tensor(const PickleValue& value, const std::string& name) const override;

 private:
  /// A call that makes a tensor.
  struct Rebuild {
    std::string_view function;
    std::span<const PickleValue> arguments;
  };

  /// The innermost call: parameters, tensors with attributes and those of a subclass wrap a tensor in one more call.
  Rebuild innermost(const PickleValue& value) const;

  const Pickle& pickle_;
  FindStorage find_storage_;
};

/// Finds the state dict in what was saved, whatever lies beside it, and reads it; if there are several, the one that
/// file.key names.
///
/// @throws Error  kWeights if there is none; if there are several and the key names none of them, with their keys.
WeightFile state_dict_of(const Pickle& pickle, const PickledTensors& tensors, const WeightBytes& file);

/// The element type of a storage or tensor class.
///
/// @throws Error  kWeights if PyTorch has no such class.
c10::ScalarType element_type(std::string_view class_name);

/// Fields of a persistent id ("storage", class, key, location, element count[, view]), as zip and legacy files write
/// it.
struct StorageId {
  c10::ScalarType type;
  std::string_view key;  ///< In the file.
  std::uint64_t count;
  const PickleValue* view;  ///< (key, offset, count) or null.

  StorageId(const Pickle& pickle, const PickleValue& persistent_id);
};

/// A storage that was read before, for another id of the same key.
///
/// @throws Error  kWeights if the two disagree.
const at::Tensor& same_storage(const at::Tensor& storage, const StorageId& id);

}  // namespace wsss
