// Classifier and segmenter as ONNX files.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "wsss/classifier/classifier.h"
#include "wsss/onnx/map_size.h"
#include "wsss/segmenter/deeplab.h"

namespace wsss::onnx {

/// What all our ONNX files have in common.
struct OnnxFile {
  std::string path;
  /// The one size of pictures that the model takes; none: any.
  std::optional<MapSize> fixed_size;
  std::map<std::string, std::string> metadata;
};

/// What a segmenter's model gives.
enum class SegmentationOutput {
  kLogits,         ///< "logits" [N, K, H, W] float32
  kProbabilities,  ///< "probabilities" [N, K, H, W] float32: their softmax
  kClassMap,       ///< "class_map" [N, H, W] uint8: the class of the highest logit, the first one where several are
};

// Both read "image" [N, 3, H, W] float32: red, green, blue, 0 to 255. N is free. Opset 17, batch norms folded into the
// convolutions before them.

/// Writes a classifier: "probabilities" [N, K], and the three feature maps that Grad-CAM reads, by the names of their
/// levels.
/// @throws Error kIo
void export_onnx(const Classifier& network, const OnnxFile& file);

/// Writes a segmenter, without a class gate.
/// @throws Error kIo
void export_onnx(const DeepLab& network, SegmentationOutput output, const OnnxFile& file);

}  // namespace wsss::onnx
