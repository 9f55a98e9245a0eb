// What patches look like to a classifier, as rows of numbers that can be compared and learned from in seconds.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <mutex>
#include <vector>

#include "wsss/classifier/classifier_inference.h"

namespace wsss {

/// A row for each patch of a set, filled in while the set is read. Several threads may use it.
class PatchFeatures {
 public:
  /// @throws Error kShape if count is below 1.
  explicit PatchFeatures(std::int64_t count);

  std::int64_t count() const { return static_cast<std::int64_t>(filled_.size()); }

  /// Takes rows [n, C] for n positions. All calls bring the same C.
  /// @throws Error kShape if a position is out of range or C differs.
  void set(const std::vector<std::int64_t>& positions, const at::Tensor& rows);

  /// [N, C] float32: each column with mean 0 and deviation 1 over the rows that are there, and all of it divided by the
  /// square root of C, so that a row has a length of about 1. Rows that are not there yet are 0.
  /// @throws Error kShape before the first row.
  at::Tensor standardised() const;

 private:
  void check(std::int64_t position) const;

  mutable std::mutex mutex_;
  at::Tensor rows_;
  std::vector<bool> filled_;
};

/// Rows for patches, [N, C]: the mean of each channel of the classifier's three feature levels. What a head reads, the
/// deepest level, knows objects; colours and textures of tissue stand in the two before it.
///
/// @throws Error kOutOfMemory, with what would fit; kCancelled.
at::Tensor describe_patches(Classifier& network, const PatchStore& patches, std::int64_t batch_size,
                            const ProgressObserver& progress, const CancelToken& cancel);

}  // namespace wsss
