// The two loops that inference of small networks spends its time in: products of pixels with 1x1 weights, and depthwise
// filters.
#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>

#include "wsss/convolution/epilogue.h"

namespace wsss {

/// A 1x1 convolution of some pixels to one pass of its outputs.
template <typename In, typename Out>
struct Product {
  const In* in;
  std::int64_t in_pixel, in_vector;  ///< Values to the next pixel, and to the next kLanes channels of the same.
  std::int64_t depth;                ///< As in PackedPointwise.
  const In* weight;
  const float* shift;
  std::int64_t vectors;
  const In* shortcut;  ///< Or null.
  std::int64_t shortcut_pixel;
  Out* out;
  const std::int64_t* places;  ///< Of the pixels in `out`; null = each out_pixel behind the one before.
  std::int64_t out_pixel, out_vector;
  Bounds bounds;
  std::int64_t pixels;
};

/// A depthwise convolution of a row of kLanes channels.
template <typename T>
struct Filter {
  const float* in;
  std::int64_t in_row;
  const float *weight, *shift;
  std::int64_t dilation;
  T* out;
  std::int64_t pixels;
  Bounds bounds;
};

/// Computes a product by the newest instructions that the processor has. `In` and `Out` are float or bfloat16; sums are
/// float.
template <typename In, typename Out>
void multiply(const Product<In, Out>& product);

/// @param kernel, stride  3 or 5, and 1 or 2.
template <typename T>
void filter_row(const Filter<T>& filter, std::int64_t kernel, std::int64_t stride);

}  // namespace wsss
