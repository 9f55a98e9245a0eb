// Runs one of our kernels on the CPU or on a CUDA device.
#pragma once

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <c10/core/DeviceGuard.h>

#include <cstdint>
#include <string>

#include "wsss/core/error.h"
#include "wsss/kernels/cuda_plugin.h"

namespace wsss {

/// Whether our own operations can run on a device.
inline bool can_launch(const c10::Device& device) {
  return device.is_cpu() || (device.is_cuda() && cuda_plugin() != nullptr);
}

/// Whether our operations for float32 and float64 can run on a tensor.
inline bool can_launch(const at::Tensor& tensor) {
  const bool known = tensor.scalar_type() == at::kFloat || tensor.scalar_type() == at::kDouble;
  return known && can_launch(tensor.device());
}

/// Runs op(0) to op(count - 1) in any order on a device for which can_launch(): on all threads, or as one kernel of
/// the CUDA plugin on LibTorch's stream.
///
/// @param op     one of those of CudaTable; its pointers lie on the device.
/// @param grain  how many calls are worth a thread of their own.
/// @throws Error kDevice if CUDA refuses the launch.
template <typename Op>
void launch(const Op& op, std::int64_t count, const c10::Device& device, std::int64_t grain = 1 << 12) {
  if (device.is_cuda()) {
    const c10::DeviceGuard guard(device);
    const CudaLauncher<Op>& launcher = *cuda_plugin()->kernels;
    const char* problem = launcher.launch(op, count, current_cuda_stream(device));
    if (problem != nullptr) throw Error(ErrorCode::kDevice, std::string("a CUDA kernel did not start: ") + problem);
    return;
  }
  at::parallel_for(0, count, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) op(i);
  });
}

}  // namespace wsss
