#include "wsss/slide_segmentation/tile_blend.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace wsss {

TileBlend::TileBlend(std::int64_t classes, std::int64_t tile, std::int64_t overlap, std::int64_t columns,
                     RowConsumer consume)
    : classes_(classes),
      tile_(tile),
      overlap_(overlap),
      stride_(tile - overlap),
      columns_(columns),
      consume_(std::move(consume)),
      ramp_(static_cast<std::size_t>(tile), 1.0F),
      sums_(static_cast<std::size_t>((classes + 1) * tile * tile), 0.0F),
      from_above_(static_cast<std::size_t>((classes + 1) * overlap * columns * (tile - overlap)), 0.0F),
      for_below_(from_above_.size(), 0.0F),
      line_(static_cast<std::size_t>(classes * stride_)),
      weights_(static_cast<std::size_t>(stride_)) {
  for (std::int64_t i = 0; i < overlap_; ++i) {
    const double sine =
        std::sin(std::acos(-1.0) / 2.0 * (static_cast<double>(i) + 0.5) / static_cast<double>(overlap_));
    ramp_[static_cast<std::size_t>(i)] = static_cast<float>(sine * sine);
    ramp_[static_cast<std::size_t>(tile_ - 1 - i)] = static_cast<float>(sine * sine);
  }
}

void TileBlend::begin_row() {
  from_above_.swap(for_below_);
  std::fill(for_below_.begin(), for_below_.end(), 0.0F);
  std::fill(sums_.begin(), sums_.end(), 0.0F);
  current_ = 0;
}

void TileBlend::add(std::int64_t column, const float* logits) {
  give_out_before(column);
  float* weights = sums_.data() + classes_ * tile_ * tile_;
  for (std::int64_t y = 0; y < tile_; ++y) {
    const float down = ramp_[static_cast<std::size_t>(y)];
    for (std::int64_t k = 0; k < classes_; ++k) {
      const float* from = logits + (k * tile_ + y) * tile_;
      float* to = sums_.data() + (k * tile_ + y) * tile_;
      for (std::int64_t x = 0; x < tile_; ++x) to[x] += down * ramp_[static_cast<std::size_t>(x)] * from[x];
    }
    for (std::int64_t x = 0; x < tile_; ++x) weights[y * tile_ + x] += down * ramp_[static_cast<std::size_t>(x)];
  }
}

void TileBlend::end_row() { give_out_before(columns_); }

void TileBlend::give_out_before(std::int64_t column) {
  while (current_ < column) {
    give_out(current_);
    // What is left of the tile belongs to the next column.
    for (std::int64_t line = 0; line < (classes_ + 1) * tile_; ++line) {
      float* row = sums_.data() + line * tile_;
      std::copy(row + stride_, row + tile_, row);
      std::fill(row + overlap_, row + tile_, 0.0F);
    }
    ++current_;
  }
}

void TileBlend::give_out(std::int64_t column) {
  const std::int64_t left = column * stride_;
  const std::int64_t across = columns_ * stride_;
  for (std::int64_t y = 0; y < stride_; ++y) {
    for (std::int64_t k = 0; k <= classes_; ++k) {
      const float* from = sums_.data() + (k * tile_ + y) * tile_;
      float* to = k < classes_ ? line_.data() + k * stride_ : weights_.data();
      const float* above = y < overlap_ ? from_above_.data() + (k * overlap_ + y) * across + left : nullptr;
      for (std::int64_t x = 0; x < stride_; ++x) to[x] = from[x] + (above == nullptr ? 0.0F : above[x]);
    }
    for (std::int64_t k = 0; k < classes_; ++k) {
      float* logits = line_.data() + k * stride_;
      for (std::int64_t x = 0; x < stride_; ++x) {
        const float weight = weights_[static_cast<std::size_t>(x)];
        if (weight > 0.0F) logits[x] /= weight;
      }
    }
    consume_(y, left, stride_, line_.data(), weights_.data());
  }
  for (std::int64_t k = 0; k <= classes_; ++k) {
    for (std::int64_t y = 0; y < overlap_; ++y) {
      const float* from = sums_.data() + (k * tile_ + stride_ + y) * tile_;
      std::copy(from, from + stride_, for_below_.data() + (k * overlap_ + y) * across + left);
    }
  }
}

}  // namespace wsss
