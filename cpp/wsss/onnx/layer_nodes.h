// The layers of our networks as nodes of an ONNX graph.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "wsss/convolution/epilogue.h"
#include "wsss/onnx/map_size.h"
#include "wsss/onnx/network_part.h"
#include "wsss/onnx/onnx_graph.h"

namespace wsss::onnx {

/// How a convolution pads its map with zeros.
enum class Padding {
  kOwn,         ///< As its options say.
  kTensorFlow,  ///< With a stride as TensorFlow's "same" does, by the size of the map; without one as kOwn.
};

/// A convolution that no batch norm follows.
Value conv(OnnxGraph& graph, const NetworkPart& conv, Value x);

/// activation(norm(conv(x)) + shortcut), the batch norm folded into the convolution.
///
/// @param shortcut  nullptr for none.
Value conv_norm(OnnxGraph& graph, const NetworkPart& conv, const NetworkPart& norm, Value x, Activation activation,
                Value shortcut = nullptr, Padding padding = Padding::kOwn);

/// activation(norm(conv(maps behind each other, spread))): `spread` [N, C, 1, 1] stands for its value at every
/// position. As a sum, since a convolution of 1x1 is linear in its channels: nothing has to be spread.
Value conv_norm_of_parts(OnnxGraph& graph, const NetworkPart& conv, const NetworkPart& norm,
                         const std::vector<Value>& maps, Value spread, Activation activation);

/// A batch norm that follows no convolution, and the activation after it.
Value norm(OnnxGraph& graph, const NetworkPart& norm, Value x, Activation activation);

Value activate(OnnxGraph& graph, Value x, Activation activation);
Value add(OnnxGraph& graph, Value a, Value b);
/// Rows and columns of zeros around a map, so many on each side.
Value padded(OnnxGraph& graph, Value x, std::int64_t sides);

/// Bilinear, with coinciding corners, to the height and width of another map.
///
/// @param known  both sizes where they are fixed: by factors, which more engines can do than sizes that they have to
/// find out.
Value resized_like(OnnxGraph& graph, Value x, Value like, const std::optional<Enlargement>& known);

}  // namespace wsss::onnx
