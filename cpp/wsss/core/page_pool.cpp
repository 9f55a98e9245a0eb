#include "wsss/core/page_pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <iterator>

namespace wsss {

namespace {

constexpr std::size_t kPage = std::size_t{4} << 10;
constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr std::size_t kGrowth = std::size_t{64} << 20;

constexpr std::size_t rounded_up(std::size_t bytes, std::size_t unit) { return (bytes + unit - 1) / unit * unit; }

void* at_address(std::uintptr_t address) {
  return reinterpret_cast<void*>(address);  // NOLINT(performance-no-int-to-ptr)
}

/// Null if there is none.
void* mapped(std::size_t bytes) {
  void* block = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return block == MAP_FAILED ? nullptr : block;
}

}  // namespace

std::size_t PagePool::whole_pages(std::size_t bytes) { return rounded_up(std::max<std::size_t>(bytes, 1), kPage); }

void* PagePool::take(std::size_t bytes) {
  const std::size_t needed = whole_pages(bytes);
  auto found = by_size_.lower_bound({needed, 0});
  if (found == by_size_.end()) {
    if (!grow(needed)) return nullptr;
    found = by_size_.lower_bound({needed, 0});
  }
  const auto [size, address] = *found;
  remove(by_address_.find(address));
  if (size > needed) add(address + needed, size - needed);
  return at_address(address);
}

void PagePool::give(void* block, std::size_t bytes) {
  auto address = reinterpret_cast<std::uintptr_t>(block);
  std::size_t size = whole_pages(bytes);
  auto after = by_address_.lower_bound(address);
  if (after != by_address_.end() && after->first == address + size) {
    size += after->second;
    const auto gone = after++;
    remove(gone);
  }
  if (after != by_address_.begin()) {
    const auto before = std::prev(after);
    if (before->first + before->second == address) {
      address = before->first;
      size += before->second;
      remove(before);
    }
  }
  add(address, size);
}

void PagePool::release() {
  for (const auto& [address, bytes] : by_address_) ::munmap(at_address(address), bytes);
  by_address_.clear();
  by_size_.clear();
}

void PagePool::give_to_system(void* block, std::size_t bytes) { ::munmap(block, whole_pages(bytes)); }

std::size_t PagePool::free_bytes() const {
  std::size_t bytes = 0;
  for (const auto& block : by_address_) bytes += block.second;
  return bytes;
}

void PagePool::add(std::uintptr_t address, std::size_t bytes) {
  by_address_.emplace(address, bytes);
  by_size_.emplace(bytes, address);
}

void PagePool::remove(std::map<std::uintptr_t, std::size_t>::iterator block) {
  by_size_.erase({block->second, block->first});
  by_address_.erase(block);
}

bool PagePool::grow(std::size_t bytes) {
  const std::size_t size = rounded_up(std::max(bytes, kGrowth), kHugePage);
  // With room to begin where a large page does.
  void* raw = mapped(size + kHugePage);
  if (raw == nullptr) {
    raw = mapped(bytes);
    if (raw == nullptr) return false;
    give(raw, bytes);
    return true;
  }
  const auto start = reinterpret_cast<std::uintptr_t>(raw);
  const std::uintptr_t address = rounded_up(start, kHugePage);
  if (address > start) ::munmap(raw, address - start);
  const std::size_t behind = start + size + kHugePage - (address + size);
  if (behind > 0) ::munmap(at_address(address + size), behind);
  ::madvise(at_address(address), size, MADV_HUGEPAGE);
  give(at_address(address), size);
  return true;
}

}  // namespace wsss
