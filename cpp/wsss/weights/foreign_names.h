// From the tensor names of other people's weight files to those of our networks.
#pragma once

#include <string>
#include <vector>

#include "wsss/weights/input_normalization.h"
#include "wsss/weights/weight_file.h"

namespace wsss {

/// A tensor of a kind that is not read, and its name in the network.
struct UnreadForNetwork {
  UnreadTensor tensor;
  std::string name;
};

/// Tensors of a file under the names that our networks have.
struct NamedForNetwork {
  /// Whose names they were: "", "MXNet ResNet38", "torchvision ResNet", "MobileNetV2", "EfficientNet-Lite",
  /// "published DeepLab".
  std::string origin;
  StateDict tensors;
  /// Left out: heads of another task, such as ImageNet's; second names of tensors that are there already; and what lies
  /// beside the network, under names without the prefix that was taken off.
  std::vector<std::string> dropped;
  /// Prefixes of layers that such a file never has; they keep their fresh start and may be missing in a strict load.
  std::vector<std::string> fresh;
  /// The first layer, if the network of the file was trained on normalised images.
  FirstLayer first_layer;
  /// What was taken off the start of names or out of them: "module.encoder_q.", "_orig_mod.", ...
  std::vector<std::string> stripped;
  /// Other prefixes under which the file has a network that fits as well; then nobody knows which one is meant.
  std::vector<std::string> rivals;
  /// Tensors of the file whose kind is not read, except those among `dropped`.
  std::vector<UnreadForNetwork> unread;
};

/// Translates the names in files that others wrote: of MXNet's ResNet38 (golden case K3), of torchvision's ResNets, of
/// MobileNetV2 as a backbone or classifier (by torchvision or in the older numbering of the published code), of the
/// published segmenter with MobileNetV2, which names each tensor twice, and of EfficientNet-Lite's first PyTorch port.
/// Wrappers inside names are taken out, and whatever prefix the names have ("module.", "model.", "module.encoder_q.",
/// ...) is taken off if they fit better without it. Names of our own are left as they are.
///
/// @param network_names  what the network calls its tensors.
NamedForNetwork named_for_network(const WeightFile& file, const std::vector<std::string>& network_names);

/// The tensors as the published segmenters list them: for MobileNetV2, "backbone.features.N" once more as
/// "backbone.low_level_features.N" or "backbone.high_level_features.N".
StateDict with_published_aliases(const StateDict& tensors);

/// "res4b3_branch2b1_weight" with or without "arg:" or "aux:" to "b4_3.conv_branch2b1.weight"; empty for names that
/// ResNet38 does not have.
std::string resnet38_name(std::string_view mxnet_name);

}  // namespace wsss
