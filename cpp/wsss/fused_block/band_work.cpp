#include "wsss/fused_block/band_work.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>

#include "wsss/convolution/epilogue.h"
#include "wsss/convolution/stored.h"
#include "wsss/fused_block/loops.h"

namespace wsss {

namespace {

constexpr Bounds kRelu6 = bounds_of(Activation::kRelu6);

}  // namespace

BlockSizes::BlockSizes(const BlockShape& shape, std::int64_t in_height, std::int64_t in_width)
    : height(in_height),
      width(in_width),
      rows(side_padding(shape.padding, in_height, shape.kernel, shape.stride, shape.dilation)),
      columns(side_padding(shape.padding, in_width, shape.kernel, shape.stride, shape.dilation)),
      in_pixel(vectors_of(shape.in) * kLanes),
      out_pixel(vectors_of(shape.out) * kLanes),
      hidden_vectors(vectors_of(shape.hidden())),
      stride(shape.stride),
      reach(shape.reach()) {
  out_height = out_side(height, rows, reach, stride);
  out_width = out_side(width, columns, reach, stride);
}

template <typename T>
BandWork<T>::BandWork(const PackedBlock& block, const BlockSizes& sizes, std::int64_t band_rows, bool goes_on)
    : block_(block),
      sizes_(sizes),
      expanded_vector_(sizes.expanded_vector(band_rows)),
      goes_on_(goes_on),
      expanded_(at::empty({floats(sizes, band_rows, goes_on)}, at::kFloat)) {}

template <typename T>
std::int64_t BandWork<T>::floats(const BlockSizes& sizes, std::int64_t band_rows, bool goes_on) {
  // Only rows that the next band reads have to stay while other channels are worked on.
  return (goes_on ? sizes.hidden_vectors : kVectorsOfAPass) * sizes.expanded_vector(band_rows);
}

template <typename T>
void BandWork<T>::start(RowBand band) {
  const std::int64_t stride = sizes_.stride;
  // Rows are counted from the first of the padding.
  const std::int64_t first = band.begin * stride;
  const std::int64_t last = first + sizes_.rows_read(band.rows());
  const bool follows = goes_on_ && band.begin > 0 && band.begin == band_.end;
  const std::int64_t end_before = follows ? band_.begin * stride + sizes_.rows_read(band_.rows()) : first;
  kept_ = std::max<std::int64_t>(0, end_before - first);
  kept_from_ = (band.begin - band_.begin) * stride;
  band_ = band;
  const std::int64_t top = sizes_.rows.before;
  new_rows_ = {std::clamp<std::int64_t>(first + kept_ - top, 0, sizes_.height),
               std::clamp<std::int64_t>(last - top, 0, sizes_.height)};
  places_.clear();
  for (std::int64_t row = new_rows_.begin; row < new_rows_.end; ++row) {
    const std::int64_t start = (row + top - first) * sizes_.padded_width() + sizes_.columns.before;
    for (std::int64_t x = 0; x < sizes_.width; ++x) places_.push_back((start + x) * kLanes);
  }
}

template <typename T>
void BandWork<T>::fill_padding(std::int64_t channel, float* expanded) const {
  float values[kLanes] = {};
  const bool goes_through = block_.shape.padding == BlockPadding::kBeforeExpansion && block_.shape.expansion != 1;
  if (goes_through) {
    const float* shift = block_.expand.shift.const_data_ptr<float>() + channel;
    for (std::int64_t lane = 0; lane < kLanes; ++lane) values[lane] = std::clamp(shift[lane], kRelu6.low, kRelu6.high);
  }
  const auto fill = [&](std::int64_t row, std::int64_t from, std::int64_t to) {
    float* at = expanded + (row * sizes_.padded_width() + from) * kLanes;
    for (std::int64_t x = from; x < to; ++x, at += kLanes) std::memcpy(at, values, sizeof values);
  };
  const std::int64_t first = band_.begin * sizes_.stride;
  for (std::int64_t row = kept_; row < sizes_.rows_read(band_.rows()); ++row) {
    const std::int64_t y = first + row - sizes_.rows.before;
    const bool inside = y >= 0 && y < sizes_.height;
    fill(row, 0, inside ? sizes_.columns.before : sizes_.padded_width());
    if (inside) fill(row, sizes_.columns.before + sizes_.width, sizes_.padded_width());
  }
}

template <typename T>
void BandWork<T>::expand(std::int64_t chunk, const T* in, float* expanded) const {
  const std::int64_t first_vector = chunk * kVectorsOfAPass;
  const std::int64_t vectors = sizes_.vectors_in(chunk);
  for (std::int64_t v = 0; v < vectors; ++v) {
    fill_padding((first_vector + v) * kLanes, expanded + v * expanded_vector_);
  }
  const T* from = in + new_rows_.begin * sizes_.width * sizes_.in_pixel;
  const auto pixels = static_cast<std::int64_t>(places_.size());
  if (block_.shape.expansion == 1) {
    for (std::int64_t v = 0; v < vectors; ++v) {
      for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
        const T* values = from + pixel * sizes_.in_pixel + (first_vector + v) * kLanes;
        float* to = expanded + v * expanded_vector_ + places_[static_cast<std::size_t>(pixel)];
        for (std::int64_t lane = 0; lane < kLanes; ++lane) to[lane] = value_of(values[lane]);
      }
    }
    return;
  }
  Product<T, float> product{};
  product.in = from;
  product.in_pixel = sizes_.in_pixel;
  product.in_vector = kLanes;
  product.depth = block_.expand.depth;
  product.weight = block_.expand.weight_of<T>(chunk);
  product.shift = block_.expand.shift_of(chunk);
  product.vectors = vectors;
  product.out = expanded;
  product.places = places_.data();
  product.out_vector = expanded_vector_;
  product.bounds = kRelu6;
  product.pixels = pixels;
  multiply(product);
}

template <typename T>
void BandWork<T>::filter(std::int64_t chunk, const T* in, const FilteredMaps<T>& filtered) {
  const BlockShape& shape = block_.shape;
  const std::int64_t first_vector = chunk * kVectorsOfAPass;
  const std::int64_t vectors = sizes_.vectors_in(chunk);
  float* expanded = expanded_.data_ptr<float>() + (goes_on_ ? first_vector * expanded_vector_ : 0);
  const std::int64_t row = sizes_.padded_width() * kLanes;
  for (std::int64_t v = 0; kept_ > 0 && v < vectors; ++v) {
    float* to = expanded + v * expanded_vector_;
    std::memmove(to, to + kept_from_ * row, static_cast<std::size_t>(kept_ * row) * sizeof(float));
  }
  expand(chunk, in, expanded);
  const std::int64_t taps = shape.kernel * shape.kernel;
  for (std::int64_t v = first_vector; v < first_vector + vectors; ++v) {
    Filter<T> filter{};
    filter.in_row = row;
    filter.weight = block_.depthwise.weight.const_data_ptr<float>() + v * taps * kLanes;
    filter.shift = block_.depthwise.shift.const_data_ptr<float>() + v * kLanes;
    filter.dilation = shape.dilation;
    filter.pixels = sizes_.out_width;
    filter.bounds = kRelu6;
    for (std::int64_t y = 0; y < band_.rows(); ++y) {
      filter.in = expanded + (v - first_vector) * expanded_vector_ + y * shape.stride * row;
      const std::int64_t out_row = band_.begin + y - filtered.first_row;
      filter.out = filtered.values + v * sizes_.filtered_vector(filtered.rows) + sizes_.filtered_vector(out_row);
      filter_row(filter, shape.kernel, shape.stride);
    }
  }
}

template <typename T>
void project(const PackedBlock& block, const BlockSizes& sizes, const FilteredMaps<T>& filtered, std::int64_t first,
             std::int64_t last, const T* in, T* out) {
  const std::int64_t place = filtered.first_row * sizes.out_width + first;
  Product<T, T> product{};
  product.in = filtered.values + first * kLanes;
  product.in_pixel = kLanes;
  product.in_vector = sizes.filtered_vector(filtered.rows);
  product.depth = block.project.depth;
  product.out_pixel = sizes.out_pixel;
  product.out_vector = kLanes;
  product.shortcut_pixel = sizes.in_pixel;
  product.bounds = Bounds();
  product.pixels = last - first;
  for (std::int64_t pass = 0; pass < block.project.passes(); ++pass) {
    const std::int64_t channel = pass * kVectorsOfAPass * kLanes;
    product.weight = block.project.weight_of<T>(pass);
    product.shift = block.project.shift_of(pass);
    product.vectors = block.project.vectors(pass);
    product.shortcut = block.shape.has_shortcut ? in + place * sizes.in_pixel + channel : nullptr;
    product.out = out + place * sizes.out_pixel + channel;
    multiply(product);
  }
}

template class BandWork<float>;
template class BandWork<c10::BFloat16>;
template void project(const PackedBlock& block, const BlockSizes& sizes, const FilteredMaps<float>& filtered,
                      std::int64_t first, std::int64_t last, const float* in, float* out);
template void project(const PackedBlock& block, const BlockSizes& sizes, const FilteredMaps<c10::BFloat16>& filtered,
                      std::int64_t first, std::int64_t last, const c10::BFloat16* in, c10::BFloat16* out);

}  // namespace wsss
