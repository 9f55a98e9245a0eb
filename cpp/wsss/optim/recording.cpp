#include "wsss/optim/recording.h"

#include <c10/util/Exception.h>

namespace wsss {

void Recording::make(const std::function<void()>& work) {
  auto graph = std::make_unique<at::accelerator::Graph>();
  // Other threads, with other models, may use the device meanwhile.
  graph->capture_begin({0, 0}, at::GraphCaptureMode::ThreadLocal);
  try {
    work();
  } catch (...) {
    try {
      graph->capture_end();
    } catch (const c10::Error&) {
      // A recording that failed inside does not end well; what failed is the news.
    }
    throw;
  }
  graph->capture_end();
  graph_ = std::move(graph);
}

}  // namespace wsss
