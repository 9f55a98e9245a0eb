#include "wsss/recording/device_graph.h"

#include "wsss/kernels/cuda_plugin.h"

namespace wsss {

std::string RecordingHistory::forbids() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return broken_.empty() ? "" : "an earlier recording in this process broke off: " + broken_;
}

void RecordingHistory::note_broken(const std::string& problem) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (broken_.empty()) broken_ = problem;
}

GraphSource graphs_of_cuda() {
  static const auto of_process = std::make_shared<RecordingHistory>();
  GraphSource source;
  source.history = of_process;
  if (const CudaPlugin* plugin = cuda_plugin()) {
    source.make = [make = plugin->make_graph] { return std::unique_ptr<DeviceGraph>(make()); };
  } else {
    source.reason = cuda_plugin_reason();
  }
  return source;
}

}  // namespace wsss
