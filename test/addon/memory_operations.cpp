// What is left of a thread in which oneDNN's code generator once had no memory.

#include <sys/resource.h>

#include <cstdlib>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "workspace.h"
#include "wsss/core/error.h"
#include "wsss/core/libtorch.h"
#include "wsss/device/memory_failure.h"

namespace wsss::test {

namespace {

/// While it lives, the process gets no more writable memory from the system.
class NoMoreMemory {
 public:
  NoMoreMemory() {
    getrlimit(RLIMIT_DATA, &before_);
    const rlimit none{4096, before_.rlim_max};  // Of 0 Linux takes no notice.
    setrlimit(RLIMIT_DATA, &none);
  }
  ~NoMoreMemory() { setrlimit(RLIMIT_DATA, &before_); }
  NoMoreMemory(const NoMoreMemory&) = delete;
  NoMoreMemory& operator=(const NoMoreMemory&) = delete;

 private:
  rlimit before_{};
};

/// So many bytes that the C library holds ready for this thread, so that small tensors need nothing of the system.
void fill_heap(std::size_t bytes) {
  constexpr std::size_t kBlock = 100'000;
  std::vector<void*> blocks;
  for (std::size_t held = 0; held < bytes; held += kBlock) blocks.push_back(std::malloc(kBlock));
  // The one on top stays, so that the heap does not shrink. NOLINTNEXTLINE(clang-analyzer-unix.Malloc)
  [[maybe_unused]] static void* pin = std::malloc(1);
  for (void* block : blocks) std::free(block);
}

/// A convolution of a size for which oneDNN has no code yet; LibTorch leaves single small patches to other code.
void convolve(std::int64_t size) {
  const torch::NoGradGuard no_grad;
  at::conv2d(at::ones({2, 3, size, size}), at::ones({16, 3, 3, 3}));
}

std::string words_of(const std::optional<Error>& failure) { return failure ? failure->what() : ""; }

/// -> `failures`, 1 for each that failed: without memory, with memory again, and then by the thread itself.
/// @throws Error kInternal if the first is not a failure of oneDNN, with its words.
void convolve_without_memory(Workspace& space, const Fields& /*fields*/) {
  std::string without, again, itself;
  std::thread thread([&] {
    convolve(20);
    fill_heap(8'000'000);
    {
      const NoMoreMemory scope;
      without = words_of(memory_failure_of([] { convolve(21); }));
    }
    again = words_of(memory_failure_of([] { convolve(22); }));
    try {
      convolve(23);
    } catch (const std::exception& error) {
      itself = error.what();
    }
  });
  thread.join();
  if (without.find("could not create a primitive") == std::string::npos) {
    throw Error(ErrorCode::kInternal, "it was not oneDNN that had no memory: " + without);
  }
  const auto failed = [](const std::string& words) { return words.empty() ? 0 : 1; };
  space.set("failures", at::tensor({failed(without), failed(again), failed(itself)}, at::kInt));
}

}  // namespace

void add_memory_operations(OperationTable& table) { table["convolve_without_memory"] = convolve_without_memory; }

}  // namespace wsss::test
