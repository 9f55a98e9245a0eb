// Sizes of maps and pictures.
#pragma once

#include <cstdint>

namespace wsss::onnx {

/// Height and width of a map or a picture, in px.
struct MapSize {
  std::int64_t height, width;
};

/// From which size to which.
struct Enlargement {
  MapSize from, to;
};

}  // namespace wsss::onnx
