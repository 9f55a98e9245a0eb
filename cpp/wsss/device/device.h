// Devices by name, thread counts, and what this machine can compute with.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <string>

namespace wsss {

/// "cpu", "cuda" or "cuda:N".
///
/// @throws Error  kOption for another word; kDevice if the device is not there, saying why.
c10::Device parse_device(const std::string& name);

/// Intra-op threads of LibTorch's own choice, whatever set_intra_op_threads() has set since.
int default_intra_op_threads();

/// Sets the intra-op threads of LibTorch on the calling thread; 0 for LibTorch's own choice.
void set_intra_op_threads(int threads);

/// What this process can compute with.
struct DeviceReport {
  std::string libtorch_version;  ///< Of the library that is really loaded.
  std::string built_against;     ///< Of the headers that this code was compiled with.
  std::string compiler;
  int threads = 0;
  std::string cpu_capability;  ///< Vector instructions that LibTorch uses.
  bool bfloat16 = false;       ///< Whether the processor multiplies bfloat16 matrices in hardware.
  bool cuda_loaded = false;    ///< Whether LibTorch's CUDA libraries are in the process.
  std::int64_t cuda_device_count = 0;
  std::string cuda_reason;  ///< Why CUDA is not used; empty if it is.
};
DeviceReport device_report();

}  // namespace wsss
