// An attempt to record work on a device: the graph to replay, or the problem met.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "wsss/recording/device_graph.h"

namespace wsss {

/// One recording of a device's work, or why there is none.
class Recording {
 public:
  enum class Outcome {
    kMade,
    kNoRoom,   ///< Memory ran out; another try may find enough.
    kRefused,  ///< See problem(); another try would end the same way.
  };

  /// Records what `work` asks of the device, without doing any of it, while no other thread uses devices. The thread
  /// must be in an OwnStream, and the same work must have been done before: libraries choose their algorithms the first
  /// time.
  ///
  /// @throws  what `work` throws, if that says nothing about the device (kCancelled).
  Outcome make(const GraphSource& source, const std::function<void()>& work);
  bool is_made() const { return graph_ != nullptr; }
  void replay() { graph_->replay(); }
  /// Why make() did not make it; empty if it did.
  const std::string& problem() const { return problem_; }

 private:
  void settle(std::unique_ptr<DeviceGraph> failed, const GraphSource& source);

  std::unique_ptr<DeviceGraph> graph_;
  std::string problem_;
};

}  // namespace wsss
