// A list of our networks with their tensor names, to recognise weight files by.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "wsss/weights/state_dict.h"

namespace wsss {

/// One of our networks as far as weight files are concerned.
struct KnownNetwork {
  std::string title;               ///< "ResNet38 classifier", "DeepLab v3+ (ResNet101)", ...
  std::vector<std::string> names;  ///< Of all tensors; they do not depend on class count, stride or width.
  std::string width_tensor;        ///< A tensor whose first extent tells the width, ...
  double channels_at_width_1;      ///< ... and that extent in the paper's network.

  std::int64_t shared_names(const StateDict& tensors) const;
};

/// All our networks.
const std::vector<KnownNetwork>& known_networks();

}  // namespace wsss
