// Loading of a weight file into a network.
#pragma once

#include <torch/nn/module.h>

#include <functional>
#include <string>

#include "wsss/weights/state_dict.h"

namespace wsss {

/// How load_weight_file() reads a file.
struct WeightLoading {
  std::string path;
  /// Refuse, before anything is changed, unless every tensor of the network is in the file with its shape and nothing
  /// is left over. What a file of that origin never has (the new layers) may be missing.
  bool strict = true;
  /// ImageNet classifiers read normalised patches, our networks values in [0, 1]: fold mean and standard deviation into
  /// the first layer of such a file, so that both compute the same except for the zeros at the border.
  bool fold_normalization = true;
  /// Which of several state dicts, or which part of one, as in read_weight_file().
  std::string key;
};

/// Loads a weight file of any container into a network: names are translated, and an output layer for another number of
/// classes is left out unless the file is our own.
///
/// @param initialize  gives the network its random start; called only if the file does not fill all of it.
/// @throws Error      kIo, kWeights as read_weight_file() and load_state_dict().
LoadReport load_weight_file(torch::nn::Module& network, const WeightLoading& loading,
                            const std::function<void()>& initialize = {});

}  // namespace wsss
