// Folds the input normalisation of pretrained weights into a network's first layer.
#pragma once

#include <array>
#include <string>

#include "wsss/weights/state_dict.h"

namespace wsss {

/// What was subtracted from red, green and blue values in [0, 1], and what they were then divided by.
struct InputNormalization {
  std::array<double, 3> mean, deviation;
};

/// The convolution that reads the patch, and the batch norm that reads its output and nothing else.
struct FirstLayer {
  std::string convolution;  ///< "" = the network of the file was trained on values in [0, 1].
  std::string norm;
  InputNormalization trained_on;
};

/// Statistics of ImageNet's training images, as torchvision has them.
inline constexpr InputNormalization kImageNetNormalization{{0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}};
/// (byte - 127) / 128, as EfficientNet-Lite has it.
inline constexpr InputNormalization kLiteNormalization{{127.0 / 255, 127.0 / 255, 127.0 / 255},
                                                       {128.0 / 255, 128.0 / 255, 128.0 / 255}};

/// Makes a network that was trained on normalised images read values in [0, 1]:
/// conv(W, (x - m) / s) = conv(W / s, x) - sum(W m / s), and the constant goes into the running mean of the batch norm
/// that follows. Exact except at the border, where the zeros of the padding now stand for black instead of the mean.
///
/// @param tensors  those that change are replaced by copies; the file's own memory stays as it is.
/// @return         whether the layer is there.
bool fold_normalization(StateDict& tensors, const FirstLayer& layer);

}  // namespace wsss
