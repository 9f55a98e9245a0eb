// Conversion of weight files to safetensors or PyTorch's format.
#pragma once

#include <string>
#include <vector>

#include "wsss/core/cancel.h"

namespace wsss {

/// What a conversion did.
struct Conversion {
  std::string container;              ///< Of the input.
  std::string origin;                 ///< Whose names were translated, "" if none were.
  std::vector<std::string> dropped;   ///< Heads of another task and the like, left out by the translation.
  std::vector<std::string> unread;    ///< "name: kind" of tensors of kinds that are not read, left out.
  std::vector<std::string> stripped;  ///< What was taken off the start of names or out of them.
  std::string found_under;            ///< Where in a checkpoint the state dict was; "" at the top.
  std::int64_t tensor_count = 0;
};

/// Reads a weight file of any container and writes its tensors as safetensors or, where `output` ends in .pth, as a
/// file for Python's torch.load(weights_only=True). Metadata goes along from safetensors to safetensors.
///
/// @param key        which of several state dicts, as in read_weight_file().
/// @param translate  give the tensors the names that our (and the published) networks have, if their origin is known;
///                   otherwise names stay as they are.
/// @throws Error     kIo, kWeights, kCancelled.
Conversion convert_weights(const std::string& input, const std::string& key, const std::string& output, bool translate,
                           const CancelToken& cancel);

}  // namespace wsss
