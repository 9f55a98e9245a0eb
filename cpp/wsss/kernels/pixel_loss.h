// Kernels for the segmentation loss of every pixel on several mask levels, and for its gradient.
#pragma once

#include <cmath>
#include <cstdint>

#include "wsss/kernels/enlargement.h"
#include "wsss/kernels/host_device.h"

namespace wsss {

/// Coarse logits [N, K, h, w], contiguous, read as if they were enlarged to the size of the masks.
template <typename T>
struct EnlargedLogits {
  const T* logits;
  std::int64_t class_count;
  Enlargement<T> rows, columns;

  WSSS_HOST_DEVICE std::int64_t pixels() const { return rows.to * columns.to; }

  /// The logits at one pixel of the enlarged maps.
  class Pixel {
   public:
    WSSS_HOST_DEVICE Pixel(const EnlargedLogits& maps, std::int64_t index)
        : area_(maps.rows.from * maps.columns.from),
          patch_(maps.logits + index / maps.pixels() * maps.class_count * area_),
          width_(maps.columns.from),
          row_(maps.rows.place(index % maps.pixels() / maps.columns.to)),
          column_(maps.columns.place(index % maps.columns.to)) {}

    WSSS_HOST_DEVICE T operator()(std::int64_t k) const {
      const T* upper = patch_ + k * area_ + row_.first * width_;
      const T* lower = patch_ + k * area_ + row_.second * width_;
      return (1 - row_.share) * between(upper) + row_.share * between(lower);
    }

   private:
    WSSS_HOST_DEVICE T between(const T* row) const {
      return (1 - column_.share) * row[column_.first] + column_.share * row[column_.second];
    }

    std::int64_t area_;
    const T* patch_;
    std::int64_t width_;
    typename Enlargement<T>::Place row_, column_;
  };
};

/// The classes of all pixels on each mask level.
struct LevelTargets {
  const std::uint8_t* masks;  ///< [L, N, H, W]: 0..K-1, K = background, ignored above.
  std::int64_t level_count;
  std::int64_t pixel_count;  ///< N * H * W
  std::int64_t class_count;
  /// Published: background is a class of its own, with a logit that is not learned.
  bool background_logit;

  static constexpr int kBackgroundLogit = 100;

  WSSS_HOST_DEVICE std::int64_t of(std::int64_t level, std::int64_t pixel) const {
    return masks[level * pixel_count + pixel];
  }
  WSSS_HOST_DEVICE bool counts(std::int64_t target) const {
    return background_logit ? target <= class_count : target < class_count;
  }
  /// The logit of background: 100 where the first level says background, else 0.
  template <typename T>
  WSSS_HOST_DEVICE T background_at(std::int64_t pixel) const {
    return static_cast<T>(of(0, pixel) == class_count ? kBackgroundLogit : 0);
  }
};

/// log(sum of exp) over the logits of a pixel.
template <typename T>
WSSS_HOST_DEVICE T log_partition(const typename EnlargedLogits<T>::Pixel& logit, const LevelTargets& targets,
                                 std::int64_t pixel) {
  T highest = targets.background_logit ? targets.template background_at<T>(pixel) : logit(0);
  for (std::int64_t k = 0; k < targets.class_count; ++k) {
    const T value = logit(k);
    // Not std::max: a logit that is not a number must stay one.
    if (!(value <= highest)) highest = value;
  }
  T sum = targets.background_logit ? std::exp(targets.template background_at<T>(pixel) - highest) : T(0);
  for (std::int64_t k = 0; k < targets.class_count; ++k) sum += std::exp(logit(k) - highest);
  return highest + std::log(sum);
}

/// Forward: the negative log-likelihood of a pixel on every level, one softmax for all; 0 where it does not count.
template <typename T>
struct PixelLoss {
  EnlargedLogits<T> maps;
  LevelTargets targets;
  T* losses;  ///< [L, N, H, W]

  WSSS_HOST_DEVICE void operator()(std::int64_t pixel) const {
    const typename EnlargedLogits<T>::Pixel logit(maps, pixel);
    const T partition = log_partition<T>(logit, targets, pixel);
    for (std::int64_t level = 0; level < targets.level_count; ++level) {
      const std::int64_t target = targets.of(level, pixel);
      T loss = 0;
      if (targets.counts(target)) {
        loss = partition - (target == targets.class_count ? targets.template background_at<T>(pixel) : logit(target));
      }
      losses[level * targets.pixel_count + pixel] = loss;
    }
  }
};

/// Backward, first half: the gradient at the enlarged logits of a pixel.
template <typename T>
struct PixelLossGradient {
  EnlargedLogits<T> maps;
  LevelTargets targets;
  const T* level_gradients;  ///< [L]: of the sum of each level's losses.
  T* gradient;               ///< [N, K, H, W]

  WSSS_HOST_DEVICE void operator()(std::int64_t pixel) const {
    const typename EnlargedLogits<T>::Pixel logit(maps, pixel);
    const T partition = log_partition<T>(logit, targets, pixel);
    T* out = gradient + pixel / maps.pixels() * maps.class_count * maps.pixels() + pixel % maps.pixels();
    T total = 0;
    for (std::int64_t level = 0; level < targets.level_count; ++level) {
      if (targets.counts(targets.of(level, pixel))) total += level_gradients[level];
    }
    for (std::int64_t k = 0; k < maps.class_count; ++k) {
      T value = total * std::exp(logit(k) - partition);
      for (std::int64_t level = 0; level < targets.level_count; ++level) {
        if (targets.of(level, pixel) == k) value -= level_gradients[level];
      }
      out[k * maps.pixels()] = value;
    }
  }
};

/// Backward, second half: every coarse logit gathers from the pixels that read it, in one order: no atomic addition,
/// the same bits each time.
template <typename T>
struct CoarseGradient {
  const T* gradient;  ///< [N, K, H, W]
  Enlargement<T> rows, columns;
  T* coarse;  ///< [N, K, h, w]

  WSSS_HOST_DEVICE void operator()(std::int64_t index) const {
    const std::int64_t area = rows.from * columns.from;
    const T* map = gradient + index / area * rows.to * columns.to;
    const std::int64_t row = index % area / columns.from;
    const std::int64_t column = index % columns.from;
    T sum = 0;
    for (std::int64_t y = rows.first_reader(row); y < rows.end_of_readers(row); ++y) {
      const T share = rows.weight(y, row);
      if (share == 0) continue;
      T line = 0;
      for (std::int64_t x = columns.first_reader(column); x < columns.end_of_readers(column); ++x) {
        line += columns.weight(x, column) * map[y * columns.to + x];
      }
      sum += share * line;
    }
    coarse[index] = sum;
  }
};

}  // namespace wsss
