#include "wsss/fused_block/stem.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "wsss/fused_block/loops.h"

namespace wsss {

namespace {

constexpr std::int64_t kColours = 3;
constexpr double kLargestByte = 255.0;

/// What the pixels of an output row are products of.
class Surroundings {
 public:
  Surroundings(const at::Tensor& bytes, std::int64_t kernel, std::int64_t stride, SidePadding rows, SidePadding columns)
      : height_(bytes.size(2)),
        width_(bytes.size(3)),
        kernel_(kernel),
        stride_(stride),
        above_(rows.before),
        left_(columns.before),
        out_width_(out_side(width_, columns, kernel, stride)),
        line_(static_cast<std::size_t>((columns.before + width_ + columns.after) * kColours), 0.0F),
        values_(static_cast<std::size_t>(out_width_ * kernel * kernel * kColours)) {}

  /// [out width][kernel rows][kernel columns][colours]
  const float* of_row(const std::uint8_t* picture, std::int64_t row) {
    const auto piece = static_cast<std::size_t>(kernel_ * kColours);
    for (std::int64_t i = 0; i < kernel_; ++i) {
      const std::int64_t y = row * stride_ + i - above_;
      float* to = line_.data() + left_ * kColours;
      if (y >= 0 && y < height_) {
        std::copy_n(picture + y * width_ * kColours, width_ * kColours, to);
      } else {
        std::fill_n(to, width_ * kColours, 0.0F);
      }
      float* value = values_.data() + i * kernel_ * kColours;
      for (std::int64_t x = 0; x < out_width_; ++x) {
        std::memcpy(value, line_.data() + x * stride_ * kColours, piece * sizeof(float));
        value += kernel_ * kernel_ * kColours;
      }
    }
    return values_.data();
  }

 private:
  std::int64_t height_, width_, kernel_, stride_, above_, left_, out_width_;
  std::vector<float> line_;  // A row with its padding.
  std::vector<float> values_;
};

template <typename T>
void convolve(const at::Tensor& bytes, const PackedStem& stem, std::int64_t stride, SidePadding rows,
              SidePadding columns, Activation activation, const at::Tensor& out) {
  const std::int64_t height = out.size(2), width = out.size(3), channels = out.size(1);
  const std::int64_t picture = bytes.size(2) * bytes.size(3) * kColours;
  constexpr std::int64_t kRowsOfAThread = 8;
  at::parallel_for(0, out.size(0) * height, kRowsOfAThread, [&](std::int64_t begin, std::int64_t end) {
    Surroundings surroundings(bytes, stem.kernel, stride, rows, columns);
    Product<float, T> product{};
    product.in_pixel = stem.products.depth;
    product.in_vector = kLanes;
    product.depth = stem.products.depth;
    product.out_pixel = channels;
    product.out_vector = kLanes;
    product.bounds = bounds_of(activation);
    product.pixels = width;
    for (std::int64_t unit = begin; unit < end; ++unit) {
      product.in = surroundings.of_row(bytes.const_data_ptr<std::uint8_t>() + unit / height * picture, unit % height);
      for (std::int64_t pass = 0; pass < stem.products.passes(); ++pass) {
        product.weight = stem.products.weight_of<float>(pass);
        product.shift = stem.products.shift_of(pass);
        product.vectors = stem.products.vectors(pass);
        product.out = out.data_ptr<T>() + unit * width * channels + pass * kVectorsOfAPass * kLanes;
        multiply(product);
      }
    }
  });
}

}  // namespace

const PackedStem& ReadyStem::made_for(const NormedWeight& stem) {
  if (made_from_[0].stands(stem.weight) && made_from_[1].stands(stem.scale)) return packed_;
  const at::Tensor in_order = stem.weight.permute({0, 2, 3, 1}).reshape({stem.weight.size(0), -1, 1, 1});
  packed_ = {packed_pointwise(in_order, stem.scale / kLargestByte, stem.shift, at::kFloat), stem.weight.size(2)};
  made_from_ = {TensorState(stem.weight), TensorState(stem.scale)};
  return packed_;
}

at::Tensor stem_of_bytes(const at::Tensor& bytes, const PackedStem& stem, std::int64_t stride, SidePadding rows,
                         SidePadding columns, Activation activation, at::ScalarType type) {
  const at::Tensor pictures = bytes.contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor out = at::empty(
      {bytes.size(0), vectors_of(stem.products.out) * kLanes, out_side(bytes.size(2), rows, stem.kernel, stride),
       out_side(bytes.size(3), columns, stem.kernel, stride)},
      bytes.options().dtype(type).memory_format(at::MemoryFormat::ChannelsLast));
  if (type == at::kBFloat16) {
    convolve<c10::BFloat16>(pictures, stem, stride, rows, columns, activation, out);
  } else {
    convolve<float>(pictures, stem, stride, rows, columns, activation, out);
  }
  return out.narrow(1, 0, stem.products.out);
}

}  // namespace wsss
