#include "wsss/kernels/cuda_plugin.h"

#include <c10/core/impl/VirtualGuardImpl.h>
#include <dlfcn.h>

#include <optional>
#include <string>

namespace wsss {

namespace {

struct Opened {
  std::optional<CudaPlugin> plugin;
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

template <typename Function>
Function exported(void* library, const char* name) {
  return reinterpret_cast<Function>(dlsym(library, name));
}

Opened open_plugin() {
  const std::string file = own_folder() + "/" + kCudaPluginFile;
  // Never closed: kernels are registered with the CUDA runtime until the process ends.
  void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library == nullptr) return {std::nullopt, dlerror()};
  const auto table = exported<decltype(&wsss_cuda_table)>(library, "wsss_cuda_table");
  CudaPlugin plugin;
  plugin.kernels = table == nullptr ? nullptr : table(kCudaTableVersion, CudaTable::layout());
  if (plugin.kernels == nullptr) return {std::nullopt, file + " is of another build than the addon"};
  plugin.capability = exported<decltype(&wsss_cuda_capability)>(library, "wsss_cuda_capability");
  plugin.make_graph = exported<decltype(&wsss_cuda_make_graph)>(library, "wsss_cuda_make_graph");
  plugin.list_segments = exported<decltype(&wsss_cuda_list_segments)>(library, "wsss_cuda_list_segments");
  return {plugin, ""};
}

const Opened& opened() {
  static const Opened once = open_plugin();
  return once;
}

}  // namespace

const CudaPlugin* cuda_plugin() { return opened().plugin ? &*opened().plugin : nullptr; }

const char* cuda_plugin_reason() { return opened().reason.c_str(); }

bool cuda_multiplies_bfloat16(int device) {
  constexpr int kAmpere = 80;
  return cuda_plugin() != nullptr && cuda_plugin()->capability(device) >= kAmpere;
}

void* current_cuda_stream(const c10::Device& device) {
  const c10::impl::VirtualGuardImpl guard(device.type());
  return guard.getStreamNativeHandle(guard.getStream(device));
}

}  // namespace wsss
