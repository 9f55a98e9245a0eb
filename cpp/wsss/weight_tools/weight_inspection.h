// A report on a weight file: its tensors, and the networks that it fits.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "wsss/core/cancel.h"
#include "wsss/weights/weight_file.h"

namespace wsss {

/// One tensor of a weight file.
struct TensorSummary {
  std::string name;
  std::string dtype;  ///< As PyTorch spells it: "float32", "int64", ...
  std::vector<std::int64_t> shape;
  double sum = 0.0;      ///< In double precision; 0 for an empty tensor and where no statistics were asked for.
  double abs_max = 0.0;  ///< Largest absolute value, the same.
};

/// How a weight file compares with one of our networks, by names after translation.
struct NetworkFit {
  std::string network;  ///< "ResNet38 classifier", "DeepLab v3+ (ResNet101)", ...
  std::string origin;   ///< Whose names the file has, "" for our own.
  double width = 1.0;   ///< Channel multiplier, from the file's shapes.
  std::int64_t matched = 0;
  std::vector<std::string> missing;     ///< In the network, not in the file, except what no file of that origin has.
  std::vector<std::string> unexpected;  ///< In the file, not in the network.
  std::vector<std::string> stripped;    ///< What was taken off the start of names or out of them to make them fit.
  std::vector<std::string> rivals;      ///< Other prefixes under which the file holds this network.
  std::vector<std::string> unread;      ///< In both, but of a kind in the file that is not read.
};

/// What a weight file holds.
struct WeightInspection {
  std::string container;
  std::string found_under;
  std::vector<std::string> other_keys;
  std::map<std::string, std::string> metadata;
  std::vector<FoundStateDict> state_dicts;   ///< All that a checkpoint has.
  std::vector<UnreadTensor> unread;          ///< Tensors of kinds that are not read.
  std::vector<std::string> skipped_objects;  ///< Python objects in the file, never executed.
  std::vector<TensorSummary> tensors;
  std::vector<NetworkFit> fits;  ///< Networks that share names with the file, the best first.
};

/// Reads a weight file as read_weight_file() does and describes it.
///
/// @param key         which of several state dicts, as there.
/// @param statistics  whether every tensor is read through for its sum and largest absolute value.
/// @throws Error      kIo, kWeights; kCancelled.
WeightInspection inspect_weights(const std::string& path, const std::string& key, bool statistics,
                                 const CancelToken& cancel);

}  // namespace wsss
