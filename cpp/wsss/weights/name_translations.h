// Translations of tensor names, one for PyTorch files and one for MXNet's ResNet38.
#pragma once

#include <functional>
#include <string_view>

#include "wsss/weights/foreign_names.h"

namespace wsss {

/// Whether the network has a tensor of that name.
using NetworkHas = std::function<bool(std::string_view)>;

/// Translates the names of PyTorch's files, wrappers and prefixes gone. Names of our own are left as they are.
NamedForNetwork translate_names(const StateDict& tensors, const NetworkHas& network_has);

/// Translates the names of MXNet's ResNet38.
NamedForNetwork translate_mxnet_names(const StateDict& tensors);

}  // namespace wsss
