// Patches and masks in host memory, as bytes, in the order of a split.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "wsss/dataset/shared_bytes.h"

namespace wsss {

/// Where the bytes of a store lie.
struct StoreMemory {
  /// Whether other processes of this machine may attach them.
  bool is_shared = false;
  /// Of another store of the same shape, whose bytes this one has too; empty: bytes of its own.
  std::string address;
};

/// Patches of one size, decoded once and kept in host memory, with their patch-level labels.
class PatchStore {
 public:
  /// @throws Error kShape if a size is below 1; kOutOfMemory if the host cannot hold the patches; kIo as
  ///         SharedBytes::attach().
  PatchStore(std::int64_t count, std::int64_t height, std::int64_t width, std::int64_t class_count,
             const StoreMemory& memory = {});

  /// The patches begin..end-1, in the same memory.
  PatchStore part(std::int64_t begin, std::int64_t end) const;

  std::int64_t count() const { return images_.size(0); }
  std::int64_t height() const { return images_.size(1); }
  std::int64_t width() const { return images_.size(2); }
  std::int64_t class_count() const { return labels_.size(1); }

  /// RGB bytes of one patch, height * width * 3, interleaved.
  /// @throws Error kShape if the index is out of range.
  std::uint8_t* patch(std::int64_t index);
  const std::uint8_t* patch(std::int64_t index) const;
  /// One byte per class: 1 if the patch holds the tissue.
  std::uint8_t* labels(std::int64_t index);
  const std::uint8_t* labels(std::int64_t index) const;

  /// [N, H, W, 3] uint8.
  const at::Tensor& images() const { return images_; }
  /// [N, K] uint8.
  const at::Tensor& label_matrix() const { return labels_; }
  /// Where another process attaches the bytes; empty if it can't.
  const std::string& address() const { return address_; }

 private:
  PatchStore(at::Tensor images, at::Tensor labels) : images_(std::move(images)), labels_(std::move(labels)) {}

  at::Tensor images_;
  at::Tensor labels_;
  std::string address_;
};

/// Index masks of one size, several per patch (one for each feature level). 0..K-1 is tissue, K background.
class MaskStore {
 public:
  /// @throws Error as PatchStore().
  MaskStore(std::int64_t count, std::int64_t height, std::int64_t width, std::int64_t level_count,
            const StoreMemory& memory = {});

  /// The masks of the patches begin..end-1, in the same memory.
  MaskStore part(std::int64_t begin, std::int64_t end) const;

  std::int64_t level_count() const { return masks_.size(0); }
  std::int64_t count() const { return masks_.size(1); }
  std::int64_t height() const { return masks_.size(2); }
  std::int64_t width() const { return masks_.size(3); }

  /// height * width bytes.
  /// @throws Error kShape if level or index is out of range.
  std::uint8_t* mask(std::int64_t level, std::int64_t index);
  const std::uint8_t* mask(std::int64_t level, std::int64_t index) const;
  /// How many pixels of a mask have an index below `limit`: with K those of tissue.
  std::int64_t pixels_below(std::int64_t level, std::int64_t index, std::int64_t limit) const;

  /// [L, N, H, W] uint8.
  const at::Tensor& tensor() const { return masks_; }
  /// Where another process attaches the bytes; empty if it can't.
  const std::string& address() const { return address_; }

 private:
  explicit MaskStore(at::Tensor masks) : masks_(std::move(masks)) {}

  at::Tensor masks_;
  std::string address_;
};

}  // namespace wsss
