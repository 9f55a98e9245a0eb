// The recordings of the CUDA plugin: LibTorch's CUDA graphs, which give a recording memory of its own. LibTorch has
// them behind at::accelerator::Graph too, but that has had no CUDA behind it in any release up to 2.14.
#include "wsss/recording/device_graph.h"

#include <ATen/cuda/CUDAGraph.h>
#include <cuda_runtime.h>

#include "wsss/kernels/cuda_plugin.h"

namespace wsss {

namespace {

class CudaGraph : public DeviceGraph {
 public:
  void record(const std::function<void()>& work) override {
    try {
      // Other threads, with other models, may use the device meanwhile, but for what DeviceUse keeps off.
      graph_.capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
      work();
    } catch (...) {
      give_up();
      throw;
    }
    end();
  }

  bool ended_cleanly() const override { return ended_cleanly_; }

  void replay() override { graph_.replay(); }

 private:
  /// What failed before this is the news, not what fails here because of it.
  void give_up() noexcept {
    try {
      end();
    } catch (...) {  // NOLINT(bugprone-empty-catch)
    }
  }

  void end() {
    try {
      graph_.capture_end();
    } catch (...) {
      ended_cleanly_ = false;
      // Otherwise the next operation on any stream is told of it.
      (void)cudaGetLastError();
      throw;
    }
  }

  at::cuda::CUDAGraph graph_;
  bool ended_cleanly_ = true;
};

}  // namespace

// As in binding/baseline_symbols.cpp: with it the plugin would not load where glibc is older than 2.32.
extern "C" {
__attribute__((visibility("hidden"))) char wsss_single_threaded __asm__("__libc_single_threaded") = 0;
}

extern "C" __attribute__((visibility("default"))) DeviceGraph* wsss_cuda_make_graph() { return new CudaGraph; }

extern "C" __attribute__((visibility("default"))) void wsss_cuda_list_segments(int device,
                                                                               std::vector<MemorySegment>& segments) {
  for (const auto& segment : c10::cuda::CUDACachingAllocator::snapshot().segments) {
    if (segment.device != device) continue;
    const bool is_private = segment.owner_private_pool_id.first != 0 || segment.owner_private_pool_id.second != 0;
    segments.push_back({static_cast<std::int64_t>(segment.total_size), static_cast<std::int64_t>(segment.active_size),
                        segment.stream, is_private});
  }
}

}  // namespace wsss
