// The kernels of the CUDA plugin: every operation of cpp/wsss/kernels as one. The arithmetic is in the operations,
// which run on the CPU too, where the tests hold them against LibTorch's own.
#include <cuda_runtime.h>

#include "wsss/kernels/cuda_plugin.h"

namespace wsss {

namespace {

constexpr int kThreads = 256;
// Enough blocks to fill any device; threads walk on from there.
constexpr std::int64_t kMaxBlocks = 1 << 16;

template <typename Op>
__global__ void run(const Op op, std::int64_t count) {
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count; i += stride) op(i);
}

template <typename Op>
const char* launch(const Op& op, std::int64_t count, void* stream) {
  if (count == 0) return nullptr;
  const std::int64_t blocks = (count + kThreads - 1) / kThreads;
  const auto grid = static_cast<unsigned>(blocks < kMaxBlocks ? blocks : kMaxBlocks);
  run<<<grid, kThreads, 0, static_cast<cudaStream_t>(stream)>>>(op, count);
  const cudaError_t error = cudaGetLastError();
  return error == cudaSuccess ? nullptr : cudaGetErrorString(error);
}

template <typename... Ops>
void fill(CudaTableOf<Ops...>& table) {
  ((static_cast<CudaLauncher<Ops>&>(table).launch = &launch<Ops>), ...);
}

}  // namespace

extern "C" __attribute__((visibility("default"))) const CudaTable* wsss_cuda_table(std::int64_t version,
                                                                                   std::int64_t layout) {
  if (version != kCudaTableVersion || layout != CudaTable::layout()) return nullptr;
  static const CudaTable table = [] {
    CudaTable filled;
    fill(filled);
    return filled;
  }();
  return &table;
}

extern "C" __attribute__((visibility("default"))) int wsss_cuda_capability(int device) {
  int major = 0, minor = 0;
  const bool known = cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device) == cudaSuccess &&
                     cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device) == cudaSuccess;
  return known ? 10 * major + minor : 0;
}

}  // namespace wsss
