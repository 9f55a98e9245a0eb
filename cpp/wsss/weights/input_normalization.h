#pragma once

#include <string>

#include "wsss/weights/state_dict.h"

namespace wsss {

/// The convolution that reads the patch, and the batch norm that reads nothing else than its output.
struct FirstLayer {
  std::string convolution;  ///< "" = the network of the file was not trained on ImageNet's normalised images.
  std::string norm;
};

/// Makes a network that was trained on images with ImageNet's mean taken off, divided by its standard deviation, read
/// values in [0, 1]: conv(W, (x - m) / s) = conv(W / s, x) - sum(W m / s), and the constant goes into the running mean
/// of the batch norm behind. Exact but at the border, where zeros are padded to other values.
///
/// @param tensors  changed for copies; the file's own memory stays.
/// @return         whether the layer is there.
bool fold_imagenet_normalization(StateDict& tensors, const FirstLayer& layer);

}  // namespace wsss
