#pragma once

#include <c10/core/Device.h>

#include "wsss/kernels/cuda_table.h"

namespace wsss {

/// File name of the plugin, which lies beside the addon.
inline constexpr const char* kCudaPluginFile = "wsss_tissue_cuda.so";

/// The kernels of the CUDA plugin, opened at the first call. Null where the file is not there, does not load (no CUDA
/// runtime in the process) or is of another build: everything then runs in LibTorch's own operations.
const CudaTable* cuda_kernels();

/// Whether a CUDA device multiplies bfloat16 matrices in hardware, as those since Ampere do. Without the plugin nobody
/// says so, and it counts as one that does not.
bool cuda_multiplies_bfloat16(int device);

/// Why cuda_kernels() is null; empty if it is not.
const char* cuda_kernels_reason();

/// The stream (a cudaStream_t) that LibTorch uses on a CUDA device now.
void* current_cuda_stream(const c10::Device& device);

}  // namespace wsss
