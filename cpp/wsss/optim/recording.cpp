#include "wsss/optim/recording.h"

#include <c10/util/Exception.h>

#include "wsss/core/device_memory.h"

namespace wsss {

void Recording::make(const std::function<void()>& work) {
  const auto lock = recording_lock();
  auto graph = std::make_unique<at::accelerator::Graph>();
  // Other threads, with other models, may use the device meanwhile, but for what the lock keeps off.
  graph->capture_begin({0, 0}, at::GraphCaptureMode::ThreadLocal);
  try {
    work();
  } catch (...) {
    try {
      graph->capture_end();
    } catch (const c10::Error&) {
      note_failed_recording();  // What failed inside is the news.
    }
    throw;
  }
  try {
    graph->capture_end();
  } catch (...) {
    note_failed_recording();
    throw;
  }
  graph_ = std::move(graph);
}

}  // namespace wsss
