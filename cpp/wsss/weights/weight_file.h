#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "wsss/weights/state_dict.h"

namespace wsss {

/// What a weight file of any supported kind holds.
struct WeightFile {
  /// "safetensors", "zip", "legacy pickle stream", "tar (PyTorch <= 0.1.9)", "MXNet NDArray list V0" ... "V3".
  std::string container;
  /// The tensors of its state dict under the names of the file, in file order, on the CPU. They may be views of the
  /// mapped file: read only.
  StateDict tensors;
  std::map<std::string, std::string> metadata;  ///< safetensors only.
  /// Where in a nested checkpoint the state dict was found, such as "state_dict"; empty at the top.
  std::string found_under;
  /// Keys beside the state dict, such as "epoch" and "optimizer".
  std::vector<std::string> other_keys;
};

/// Reads a weight file, whatever its container: PyTorch's zip, its pickle stream before 1.6, its tar before 0.2,
/// MXNet's NDArray list, safetensors. The content decides, not the file's name. Nothing in the file is ever executed,
/// and memory stays within a small factor of the file's size whatever the file claims.
///
/// @throws Error  kIo if the file cannot be read; kWeights, naming file and fault, if it is broken, of another kind, or
/// asks for
///                Python objects beyond plain tensors.
WeightFile read_weight_file(const std::string& path);

/// The same from bytes already in memory, which must outlive the result; `keep_alive` is held by every tensor.
WeightFile read_weights(std::span<const std::byte> bytes, const std::shared_ptr<const void>& keep_alive);

}  // namespace wsss
