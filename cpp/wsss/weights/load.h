#pragma once

#include <torch/nn/module.h>

#include <string>

#include "wsss/weights/state_dict.h"

namespace wsss {

/// Loads a weight file of any container into a network: names are translated, an output layer for another number of
/// classes is left out unless the file is our own.
///
/// @param strict   refuse, before anything is changed, unless every tensor of the network is in the file with its shape
/// and
///                 nothing is left over. What a file of that origin never has (the new layers) may be missing.
/// @throws Error   kIo, kWeights as read_weight_file() and load_state_dict().
LoadReport load_weight_file(torch::nn::Module& network, const std::string& path, bool strict);

}  // namespace wsss
