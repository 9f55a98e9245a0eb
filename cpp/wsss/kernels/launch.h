#pragma once

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "wsss/core/error.h"
#include "wsss/kernels/cuda_plugin.h"

namespace wsss {

/// Whether our own operations can run where a tensor lies.
inline bool can_launch(const at::Tensor& tensor) {
  return tensor.is_cpu() || (tensor.is_cuda() && cuda_kernels() != nullptr);
}

/// Runs op(0) to op(count - 1) in any order on a device for which can_launch(): on all threads, or as one kernel of
/// the CUDA plugin on LibTorch's stream.
///
/// @param op     one of those of CudaTable; its pointers lie on the device.
/// @param grain  calls that are worth a thread of their own.
/// @throws Error kDevice if CUDA refuses the launch.
template <typename Op>
void launch(const Op& op, std::int64_t count, const c10::Device& device, std::int64_t grain = 1 << 12) {
  if (device.is_cuda()) {
    const CudaLauncher<Op>& launcher = *cuda_kernels();
    const char* problem = launcher.launch(op, count, current_cuda_stream(device));
    if (problem != nullptr) throw Error(ErrorCode::kDevice, std::string("a CUDA kernel did not start: ") + problem);
    return;
  }
  at::parallel_for(0, count, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) op(i);
  });
}

}  // namespace wsss
