#include "wsss/core/memory_reuse.h"

#include <c10/core/CPUAllocator.h>
#include <c10/core/alignment.h>
#include <c10/core/impl/alloc_cpu.h>
#include <malloc.h>

#include <cstring>
#include <mutex>
#include <unordered_map>

namespace wsss {

namespace {

// Smaller blocks stay inside the C library's own heap.
constexpr std::size_t kSmallestKept = std::size_t{1} << 17;

// Which object the thread's tensors ask. NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables)
thread_local MemoryReuse* current = nullptr;

/// The large blocks that tensors have from a MemoryReuse, of whatever thread: a tensor may outlive it.
class BlocksInUse {
 public:
  void add(void* block, std::size_t bytes) {
    const std::lock_guard<std::mutex> lock(mutex_);
    bytes_.emplace(block, bytes);
  }

  /// Its bytes; 0 if it is none of them.
  std::size_t remove(void* block) {
    // Most that is freed is small, and lies where no page begins.
    constexpr std::uintptr_t kPage = 4096;
    if (reinterpret_cast<std::uintptr_t>(block) % kPage != 0) return 0;
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = bytes_.find(block);
    if (found == bytes_.end()) return 0;
    const std::size_t bytes = found->second;
    bytes_.erase(found);
    return bytes;
  }

 private:
  std::mutex mutex_;
  std::unordered_map<void*, std::size_t> bytes_;
};

BlocksInUse& blocks_in_use() {
  // As long as the process, like the allocator.
  static auto* const blocks = new BlocksInUse;
  return *blocks;
}

/// The size of a block of the C library if it is one that counts, 0 of a small one.
std::int64_t counted(void* block) {
  const std::size_t bytes = malloc_usable_size(block);
  return bytes < kSmallestKept ? 0 : static_cast<std::int64_t>(bytes);
}

void free_block(void* block) {
  if (block == nullptr) return;
  const std::size_t bytes = blocks_in_use().remove(block);
  if (bytes == 0) {
    if (current != nullptr) current->count(-counted(block));
    c10::free_cpu(block);
  } else if (current != nullptr) {
    current->count(-static_cast<std::int64_t>(bytes));
    current->keep(block, bytes);
  } else {
    PagePool::give_to_system(block, bytes);
  }
}

/// LibTorch's allocator of the CPU, but that it asks `current` first.
class ReusingAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(std::size_t bytes) override {
    void* block = obtain(bytes);
    return {block, block, &free_block, c10::Device(c10::DeviceType::CPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &free_block; }
  void copy_data(void* target, const void* source, std::size_t bytes) const override {
    std::memcpy(target, source, bytes);
  }

 private:
  static void* obtain(std::size_t bytes) {
    if (current == nullptr) return c10::alloc_cpu(bytes);
    if (bytes < kSmallestKept) return counted_block(bytes);
    const std::size_t size = PagePool::whole_pages(bytes);
    void* block = current->take(size);
    if (block == nullptr) {
      for (MemoryReuse* each = current; each != nullptr; each = each->outer()) each->release();
      block = current->take(size);
    }
    if (block == nullptr) return counted_block(bytes);  // It says how much was asked for.
    blocks_in_use().add(block, size);
    current->count(static_cast<std::int64_t>(size));
    return block;
  }

  /// Of the C library, whose blocks are a little larger than what was asked for.
  static void* counted_block(std::size_t bytes) {
    void* block = c10::alloc_cpu(bytes);
    if (block != nullptr) current->count(counted(block));
    return block;
  }
};

}  // namespace

MemoryReuse::MemoryReuse() : outer_(current) {
  // LibTorch keeps it to the end of the process, past all static objects.
  static auto* const allocator = new ReusingAllocator;
  // Another copy of this code in the process, such as the tests' addon, may have put its own there.
  if (c10::GetCPUAllocator() != allocator) c10::SetCPUAllocator(allocator);
  current = this;
}

MemoryReuse::~MemoryReuse() {
  current = outer_;
  release();
}

MemoryReuse* MemoryReuse::of_thread() { return current; }

}  // namespace wsss
