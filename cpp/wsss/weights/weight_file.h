// The reader of weight files in any supported format.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "wsss/weights/state_dict.h"

namespace wsss {

/// A tensor whose values are not read: of a kind that none of our networks has.
struct UnreadTensor {
  std::string name;
  std::string kind;  ///< "sparse", "complex64", "meta (it has no values)", ...
};

/// A dictionary of tensors in a checkpoint.
struct FoundStateDict {
  std::string key;  ///< The key that leads to it, such as "model.ema"; "" for the top level.
  std::size_t tensors = 0;
};

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
  std::vector<FoundStateDict> state_dicts;  ///< All that a checkpoint has, also the one that was read.
  std::vector<UnreadTensor> unread;         ///< Tensors of the state dict that were left out.
  /// Python objects beside the weights, such as "argparse.Namespace": skipped, never executed; the first hundred names.
  std::vector<std::string> skipped_objects;
  std::string key_prefix;            ///< The prefix that a key has chosen, which was taken off the names.
  std::vector<std::string> outside;  ///< Tensors whose names do not begin with it, which were left out.
};

/// Reads a weight file, whatever its container: PyTorch's zip, its pickle stream before 1.6, its tar before 0.2,
/// MXNet's NDArray list, safetensors. The content decides, not the file's name. Nothing in the file is ever executed,
/// and memory stays within a small factor of the file's size whatever the file claims.
///
/// @param key     which state dict is meant if a checkpoint has several, such as "model_ema" or "0.teacher", or which
///                part of its tensors, by the start of their names; empty = the main one, if there clearly is one.
/// @throws Error  kIo if the file cannot be read; kWeights, naming file and fault, if it is broken, of another kind or
///                made to run code, or if it holds several state dicts and the key does not say which.
WeightFile read_weight_file(const std::string& path, const std::string& key = {});

/// The same from bytes already in memory, which must outlive the result; `keep_alive` is held by every tensor.
WeightFile read_weights(std::span<const std::byte> bytes, const std::shared_ptr<const void>& keep_alive,
                        const std::string& key = {});

}  // namespace wsss
