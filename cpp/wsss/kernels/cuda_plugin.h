// Opens the CUDA plugin, the shared library with our own CUDA code.
#pragma once

#include <c10/core/Device.h>

#include <vector>

#include "wsss/kernels/cuda_table.h"
#include "wsss/kernels/memory_segments.h"

namespace wsss {

class DeviceGraph;

/// File name of the plugin, which lies beside the addon.
inline constexpr const char* kCudaPluginFile = "wsss_tissue_cuda.so";

// What the plugin exports beside its table.
extern "C" {
/// Ten times the major and once the minor compute capability of a device (80 = A100); 0 if CUDA does not say.
int wsss_cuda_capability(int device);
/// A new CUDA graph, which the caller destroys.
DeviceGraph* wsss_cuda_make_graph();
/// Appends what LibTorch holds of a device's memory.
void wsss_cuda_list_segments(int device, std::vector<MemorySegment>& segments);
}

/// What only code that was compiled for CUDA can do.
struct CudaPlugin {
  const CudaTable* kernels = nullptr;
  decltype(&wsss_cuda_capability) capability = nullptr;
  decltype(&wsss_cuda_make_graph) make_graph = nullptr;
  decltype(&wsss_cuda_list_segments) list_segments = nullptr;
};

/// The CUDA plugin, opened at the first call. Null where the file is not there, does not load (no CUDA LibTorch in the
/// process) or is of another build: everything then runs in LibTorch's own operations, one by one.
const CudaPlugin* cuda_plugin();

/// Why cuda_plugin() is null; empty if it is not.
const char* cuda_plugin_reason();

/// Whether a CUDA device multiplies bfloat16 matrices in hardware, as those since Ampere do. Without the plugin this is
/// unknown, and counts as no.
bool cuda_multiplies_bfloat16(int device);

/// The stream (a cudaStream_t) that LibTorch uses on a CUDA device now.
void* current_cuda_stream(const c10::Device& device);

}  // namespace wsss
