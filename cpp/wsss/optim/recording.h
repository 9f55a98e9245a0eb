#pragma once

#include <ATen/accelerator/Graph.h>

#include <functional>
#include <memory>

namespace wsss {

/// Work of a CUDA device, recorded once and replayed as one launch instead of many hundreds (a CUDA graph). A replay
/// reads and writes the memory that the recorded work did: what goes in is copied into the tensors that it read.
class Recording {
 public:
  /// Records what `work` asks of the device, of which nothing is done yet. The thread must be in an OwnStream, and the
  /// same work must have been done before: libraries choose their ways at the first time.
  ///
  /// @throws c10::Error if the device refuses, and whatever `work` throws; there is no recording then.
  void make(const std::function<void()>& work);
  bool is_made() const { return graph_ != nullptr; }
  void replay() { graph_->replay(); }

 private:
  std::unique_ptr<at::accelerator::Graph> graph_;
};

}  // namespace wsss
