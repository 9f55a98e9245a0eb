// The first convolution of a network of inverted residuals, on the bytes of pictures, for inference on a CPU.
#pragma once

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <vector>

#include "wsss/convolution/epilogue.h"
#include "wsss/fused_block/ready_block.h"

namespace wsss {

/// A stem's weights as the loops read them: inputs are the bytes of a pixel's surroundings, row by row.
struct PackedStem {
  PackedPointwise products;
  std::int64_t kernel = 0;
};

/// A packed stem, kept from call to call.
class ReadyStem {
 public:
  /// Packs the weight, unless it and the scale are those of the call before.
  ///
  /// @param stem  weight [K, 3, k, k] for inputs in [0, 1].
  const PackedStem& made_for(const NormedWeight& stem);
  void release() { *this = ReadyStem(); }

 private:
  PackedStem packed_;
  std::array<TensorState, 2> made_from_;
};

/// Convolution, batch norm and activation, without gradients. Products are float32.
///
/// @param bytes          [N, 3, H, W] uint8 channels-last; a byte is 255 times the input that the weights are for.
/// @param rows, columns  zeros around the picture.
/// @param type           float32 or bfloat16: what the output is stored as.
/// @return               channels-last; where its channels are no multiple of kLanes, each pixel is followed by zeros
/// up
///                       to one.
at::Tensor stem_of_bytes(const at::Tensor& bytes, const PackedStem& stem, std::int64_t stride, SidePadding rows,
                         SidePadding columns, Activation activation, at::ScalarType type);

/// What a network makes of pictures that it reads as bytes, a few at a time however many there are: each thread then
/// has pictures of its own, and the maps of all of them are small.
///
/// @param network  pictures [n, 3, H, W] -> [n, ...]
template <typename Network>
at::Tensor few_at_a_time(const at::Tensor& bytes, Network network) {
  constexpr std::int64_t kPicturesOfAThread = 2;
  const std::int64_t count = kPicturesOfAThread * at::get_num_threads();
  if (bytes.size(0) <= count) return network(bytes);
  std::vector<at::Tensor> results;
  for (const at::Tensor& part : bytes.split(count)) results.push_back(network(part));
  return at::cat(results);
}

}  // namespace wsss
