#include "wsss/core/memory_reuse.h"

#include <c10/core/CPUAllocator.h>
#include <c10/core/alignment.h>
#include <c10/core/impl/alloc_cpu.h>
#include <malloc.h>

#include <cstring>

namespace wsss {

namespace {

// Smaller blocks stay inside the C library's own heap.
constexpr std::size_t kSmallestKept = std::size_t{1} << 17;
// A block may serve a tensor that needs seven eighths of it.
constexpr std::size_t kSlack = 8;

// Which object the thread's tensors ask. NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables)
thread_local MemoryReuse* current = nullptr;

/// Its size if it is one that counts, 0 of a small one.
std::int64_t counted(void* block) {
  const std::size_t bytes = malloc_usable_size(block);
  return bytes < kSmallestKept ? 0 : static_cast<std::int64_t>(bytes);
}

void free_block(void* block) {
  if (block == nullptr) return;
  if (current != nullptr) {
    current->count(-counted(block));
    if (current->keep(block)) return;
  }
  c10::free_cpu(block);
}

/// LibTorch's allocator of the CPU, but that it asks `current` first.
class ReusingAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(std::size_t bytes) override {
    void* block = obtain(bytes);
    if (current != nullptr && block != nullptr) current->count(counted(block));
    return {block, block, &free_block, c10::Device(c10::DeviceType::CPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &free_block; }
  void copy_data(void* target, const void* source, std::size_t bytes) const override {
    std::memcpy(target, source, bytes);
  }

 private:
  static void* obtain(std::size_t bytes) {
    if (current == nullptr || bytes < kSmallestKept) return c10::alloc_cpu(bytes);
    if (void* kept = current->take(bytes)) return kept;
    try {
      return c10::alloc_cpu(bytes);
    } catch (const c10::Error&) {
      for (MemoryReuse* each = current; each != nullptr; each = each->outer()) each->release();
      return c10::alloc_cpu(bytes);
    }
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

void* MemoryReuse::take(std::size_t bytes) {
  const auto found = blocks_.lower_bound(bytes);
  if (found == blocks_.end() || found->first - found->first / kSlack > bytes) return nullptr;
  void* block = found->second;
  blocks_.erase(found);
  return block;
}

bool MemoryReuse::keep(void* block) {
  const std::size_t bytes = malloc_usable_size(block);
  if (bytes < kSmallestKept) return false;
  blocks_.emplace(bytes, block);
  return true;
}

void MemoryReuse::release() {
  for (const auto& [bytes, block] : blocks_) c10::free_cpu(block);
  blocks_.clear();
}

}  // namespace wsss
