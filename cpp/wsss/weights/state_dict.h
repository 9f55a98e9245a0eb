// Named tensors of a network: listing, copying and loading them.
#pragma once

#include <torch/nn/module.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace wsss {

/// Named tensors in a fixed order.
using StateDict = std::vector<std::pair<std::string, at::Tensor>>;

/// All parameters and buffers of a network under their checkpoint names, module by module as registered. The tensors
/// are the network's own, not copies.
StateDict state_dict(const torch::nn::Module& network);

/// A contiguous copy on the CPU, which later training does not change.
StateDict snapshot(const torch::nn::Module& network);

/// A few digits that are others for other names, types, shapes or values.
std::string fingerprint_of(const torch::nn::Module& network);

/// What a load found. Nothing is silent: every name is in one of these lists.
struct LoadReport {
  std::vector<std::string> loaded;
  std::vector<std::string> missing;     ///< In the network, not in the file.
  std::vector<std::string> unexpected;  ///< In the file, not in the network.
  std::vector<std::string> misshapen;   ///< "name: file [..], network [..]".
  /// In the file, by design not loaded: the output layer of another task, or a second name of a tensor.
  std::vector<std::string> dropped;
  std::vector<std::string> fresh;  ///< In the network, and by design not in files of this origin.
  std::string container;
  std::string origin;                        ///< Whose names the file had, "" for our own.
  bool folded_normalization = false;         ///< Whether ImageNet's normalisation was folded into the first layer.
  std::string found_under;                   ///< Where in a checkpoint the state dict was; "" at the top.
  std::vector<std::string> other_keys;       ///< Beside it.
  std::vector<std::string> stripped;         ///< What was taken off or out of names, such as "module.".
  std::vector<std::string> unread;           ///< "name: kind" of tensors of kinds that are not read, left out.
  std::vector<std::string> skipped_objects;  ///< Python objects in the file, never executed.
  std::string hint;                          ///< What may explain names that did not fit; a clause of a message.

  bool complete() const { return missing.empty() && unexpected.empty() && misshapen.empty(); }
};

/// How load_state_dict() deals with what does not agree.
struct LoadOptions {
  /// Refuse, before anything is changed, unless names and shapes agree exactly. `num_batches_tracked` may be missing:
  /// older checkpoints lack it and nothing of the method reads it.
  bool strict = true;
  /// Prefixes of names that may be missing even if strict.
  std::vector<std::string> fresh;
  /// Called before anything is copied if some tensors of the network will not be: gives them their random start.
  std::function<void()> initialize;
  /// Goes into the message of a refusal, before the advice.
  std::string hint;
};

/// Copies tensors into a network by name.
///
/// @param source   where the tensors come from, for the message.
/// @throws Error   kWeights with the lists, if strict and they are not empty.
LoadReport load_state_dict(torch::nn::Module& network, const StateDict& tensors, const std::string& source,
                           const LoadOptions& options = {});

/// @throws Error  kWeights if two tensors have one name, or one the name that safetensors keeps for itself.
void require_unique_names(const StateDict& tensors, const std::string& path);

}  // namespace wsss
