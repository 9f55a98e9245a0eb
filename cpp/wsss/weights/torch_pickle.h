#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "wsss/weights/containers.h"
#include "wsss/weights/pickle.h"

namespace wsss {

/// The element type of a storage or tensor class, such as "torch.cuda.FloatStorage"; devices do not matter.
///
/// @throws Error  kWeights if it is none.
c10::ScalarType element_type(std::string_view class_name);

/// The tensors of one pickle, made as they are asked for. Containers differ in what a persistent id stands for.
class TorchTensors {
 public:
  /// A storage as a flat tensor, for a persistent id.
  using FindStorage = std::function<at::Tensor(const Pickle& pickle, const PickleValue& persistent_id)>;

  TorchTensors(const Pickle& pickle, FindStorage find_storage)
      : pickle_(pickle), find_storage_(std::move(find_storage)) {}

  /// Whether a value is a tensor or parameter.
  bool is_tensor(const PickleValue& value) const;
  at::Tensor tensor(const PickleValue& value, const std::string& name) const;

 private:
  const Pickle& pickle_;
  FindStorage find_storage_;
};

/// Finds the state dict in what was saved: the dictionary itself, or one under "state_dict", "model", "net" and the
/// like, checkpoints inside checkpoints included.
///
/// @param is_tensor, tensor  how values of this container become tensors.
/// @param file_size          bytes of the file, which bounds what its tensors may claim together.
WeightFile state_dict_of(const Pickle& pickle, const std::function<bool(const PickleValue&)>& is_tensor,
                         const std::function<at::Tensor(const PickleValue&, const std::string&)>& tensor,
                         std::size_t file_size);

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
