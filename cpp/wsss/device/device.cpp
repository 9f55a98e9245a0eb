#include "wsss/device/device.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

#include "wsss/core/error.h"

namespace wsss {

namespace {

std::string cuda_reason(bool loaded, std::int64_t device_count) {
  if (!loaded) {
    return "LibTorch's CUDA libraries are not loaded: it is a CPU build, or no NVIDIA driver was found (`npx "
           "wsss-tissue "
           "inspect` says which; with driver 580 or newer, `npx wsss-tissue setup --cuda` fetches the build for GPUs)";
  }
  if (device_count == 0) return "LibTorch has CUDA but finds no device; check that `nvidia-smi` lists one";
  return "";
}

/// The version in LibTorch's own build report ("..., TORCH_VERSION=2.13.0, ...").
std::string loaded_version() {
  static const std::string key = "TORCH_VERSION=";
  const std::string report = at::show_config();
  const auto begin = report.find(key);
  if (begin == std::string::npos) return "unknown";
  const auto end = report.find_first_of(", \n", begin);
  return report.substr(begin + key.size(), end - begin - key.size());
}

bool multiplies_bfloat16() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512bf16") != 0;
#else
  return false;
#endif
}

}  // namespace

c10::Device parse_device(const std::string& name) {
  if (name == "cpu") return c10::Device(c10::kCPU);
  if (name != "cuda" && name.rfind("cuda:", 0) != 0) {
    throw Error(ErrorCode::kOption, "device must be cpu, cuda or cuda:N, received " + name, {{"option", "device"}});
  }
  const DeviceReport report = device_report();
  const std::int64_t index = name == "cuda" ? 0 : std::strtoll(name.c_str() + 5, nullptr, 10);
  if (index < report.cuda_device_count) return c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(index));
  const std::string reason = report.cuda_reason.empty()
                                 ? "there are " + std::to_string(report.cuda_device_count) + " CUDA devices"
                                 : report.cuda_reason;
  throw Error(ErrorCode::kDevice, "device " + name + " is not there: " + reason + "; or use device cpu",
              {{"device", name}});
}

int default_intra_op_threads() {
  static const int threads = at::get_num_threads();
  return threads;
}

void set_intra_op_threads(int threads) {
  const int own_choice = default_intra_op_threads();  // Asked for before the first other number is set.
  const int wanted = threads > 0 ? threads : own_choice;
  // A thread takes the number that any thread has set last, when it first asks: LibTorch once, and our parallel loops,
  // which are compiled into this library, once more. Both before its own number is set, or they would undo it.
  at::internal::lazy_init_num_threads();
  if (at::get_num_threads() != wanted) at::set_num_threads(wanted);
}

DeviceReport device_report() {
  DeviceReport report;
  report.libtorch_version = loaded_version();
  report.built_against = WSSS_LIBTORCH_VERSION;
  report.compiler = __VERSION__;
  report.threads = default_intra_op_threads();
  report.cpu_capability = at::get_cpu_capability();
  report.bfloat16 = multiplies_bfloat16();
  // Not at::hasCUDA(), which also asks for a device.
  report.cuda_loaded = c10::impl::hasDeviceGuardImpl(c10::kCUDA);
  if (report.cuda_loaded) {
    report.cuda_device_count = at::globalContext().getAcceleratorHooksInterface(c10::kCUDA).deviceCount();
  }
  report.cuda_reason = cuda_reason(report.cuda_loaded, report.cuda_device_count);
  return report;
}

}  // namespace wsss
