#include "wsss/kernels/cuda_plugin.h"

#include <c10/core/impl/VirtualGuardImpl.h>
#include <dlfcn.h>

#include <string>

namespace wsss {

namespace {

struct Plugin {
  const CudaTable* table = nullptr;
  decltype(&wsss_cuda_capability) capability = nullptr;
  std::string reason;
};

/// The folder of the shared library that holds this code.
std::string own_folder() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&current_cuda_stream), &info) == 0 || info.dli_fname == nullptr) return ".";
  const std::string file = info.dli_fname;
  const auto slash = file.rfind('/');
  return slash == std::string::npos ? "." : file.substr(0, slash);
}

Plugin open_plugin() {
  const std::string file = own_folder() + "/" + kCudaPluginFile;
  // Never closed: kernels are registered with the CUDA runtime until the process ends.
  void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library == nullptr) return {nullptr, nullptr, dlerror()};
  const auto getter = reinterpret_cast<decltype(&wsss_cuda_table)>(dlsym(library, kCudaTableSymbol));
  const CudaTable* table = getter == nullptr ? nullptr : getter(kCudaTableVersion, CudaTable::layout());
  const auto capability = reinterpret_cast<decltype(&wsss_cuda_capability)>(dlsym(library, kCudaCapabilitySymbol));
  if (table == nullptr || capability == nullptr) {
    return {nullptr, nullptr, file + " is of another build than the addon"};
  }
  return {table, capability, ""};
}

const Plugin& plugin() {
  static const Plugin opened = open_plugin();
  return opened;
}

}  // namespace

const CudaTable* cuda_kernels() { return plugin().table; }

bool cuda_multiplies_bfloat16(int device) {
  constexpr int kAmpere = 80;
  return plugin().capability != nullptr && plugin().capability(device) >= kAmpere;
}

const char* cuda_kernels_reason() { return plugin().reason.c_str(); }

void* current_cuda_stream(const c10::Device& device) {
  const c10::impl::VirtualGuardImpl guard(device.type());
  return guard.getStreamNativeHandle(guard.getStream(device));
}

}  // namespace wsss
