// Large blocks of memory straight from the system.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

namespace wsss {

/// Whole pages that are handed out and come back. A request takes the smallest free block that is large enough, and of
/// that no more than it needs; free neighbours become one block. So what is held stays near the most that was ever in
/// use, whatever the sizes that are asked for.
///
/// The system is asked for tens of megabytes at once, in pages of 2 MiB where it has them: they cost a fraction of the
/// time when they are first touched. What is not touched takes no memory.
class PagePool {
 public:
  PagePool() = default;
  ~PagePool() { release(); }
  PagePool(const PagePool&) = delete;
  PagePool& operator=(const PagePool&) = delete;

  /// What a request of so many bytes takes.
  static std::size_t whole_pages(std::size_t bytes);
  /// A block of whole_pages(bytes); null if the system has none.
  void* take(std::size_t bytes);
  /// Takes a block of take(), of this pool or of another, back.
  void give(void* block, std::size_t bytes);
  std::size_t free_bytes() const;
  /// Gives all free blocks back to the system.
  void release();
  /// Gives a block of take() back to the system.
  static void give_to_system(void* block, std::size_t bytes);

 private:
  void add(std::uintptr_t address, std::size_t bytes);
  void remove(std::map<std::uintptr_t, std::size_t>::iterator block);
  bool grow(std::size_t bytes);

  std::map<std::uintptr_t, std::size_t> by_address_;
  std::set<std::pair<std::size_t, std::uintptr_t>> by_size_;
};

}  // namespace wsss
