// A per-thread cache of large CPU memory blocks, which also counts the bytes that tensors use.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "wsss/core/page_pool.h"

namespace wsss {

/// While it lives, large blocks that tensors of this thread free are kept for the next tensors.
///
/// Every step of a training asks for the same sizes. Without this the C library gives blocks of many megabytes back to
/// the system each time and gets them as fresh pages, which the kernel has to clear: half of the time of a MobileNetV2
/// step on two cores. The blocks go back when the object dies, or when there is no other memory. On CUDA LibTorch does
/// the same by itself.
class MemoryReuse {
 public:
  MemoryReuse();
  ~MemoryReuse();
  MemoryReuse(const MemoryReuse&) = delete;
  MemoryReuse& operator=(const MemoryReuse&) = delete;

  /// A block of at least `bytes`; null if there is no memory.
  void* take(std::size_t bytes) { return pool_.take(bytes); }
  /// Keeps a block of take(), of this thread or of another.
  void keep(void* block, std::size_t bytes) { pool_.give(block, bytes); }
  /// Bytes of the blocks that it keeps, touched or not.
  std::size_t kept() const { return pool_.free_bytes(); }
  /// Gives all kept blocks back to the system.
  void release() { pool_.release(); }

  /// Large blocks that were handed out (positive) or came back (negative).
  void count(std::int64_t bytes) {
    in_use_ += bytes;
    peak_ = std::max(peak_, in_use_);
  }
  std::int64_t in_use() const { return in_use_; }
  /// The most bytes in use since the last begin_peak().
  std::int64_t peak() const { return peak_; }
  void begin_peak() { peak_ = in_use_; }
  /// The one that is in use again when this one is destroyed; null without one.
  MemoryReuse* outer() const { return outer_; }
  /// That of this thread; null without one.
  static MemoryReuse* of_thread();

 private:
  PagePool pool_;
  std::int64_t in_use_ = 0;  // Below 0 if blocks from before its time came back.
  std::int64_t peak_ = 0;
  MemoryReuse* outer_;
};

}  // namespace wsss
