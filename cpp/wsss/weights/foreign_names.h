#pragma once

#include <string>
#include <vector>

#include "wsss/weights/weight_file.h"

namespace wsss {

/// Tensors of a file under the names that our networks have.
struct NamedForNetwork {
  /// Whose names they were: "", "MXNet ResNet38", "torchvision ResNet".
  std::string origin;
  StateDict tensors;
  /// Heads of another task, such as ImageNet's classifier: left out.
  std::vector<std::string> dropped;
  /// Prefixes of layers that such a file never has; they keep their fresh start and may be missing in a strict load.
  std::vector<std::string> fresh;
};

/// Translates the names of files that others wrote: MXNet's ResNet38 (golden case K3), torchvision's ResNets as a
/// DeepLab backbone, and prefixes that wrappers put before every name ("module." of DataParallel, "_orig_mod." of
/// torch.compile). Names of our own are left as they are.
///
/// @param network_names  what the network calls its tensors.
NamedForNetwork named_for_network(const WeightFile& file, const std::vector<std::string>& network_names);

/// "res4b3_branch2b1_weight" with or without "arg:" or "aux:" to "b4_3.conv_branch2b1.weight"; empty for names that
/// ResNet38 does not have.
std::string resnet38_name(std::string_view mxnet_name);

}  // namespace wsss
