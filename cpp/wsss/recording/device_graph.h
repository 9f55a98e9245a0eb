// The interface to CUDA graphs, which record GPU work for replay.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace wsss {

/// Work of a device that is recorded once, and replayed as one launch instead of many hundreds: a CUDA graph. A replay
/// reads and writes the same memory as the recorded work, so new inputs are copied into the tensors that it read.
class DeviceGraph {
 public:
  DeviceGraph() = default;
  virtual ~DeviceGraph() = default;
  DeviceGraph(const DeviceGraph&) = delete;
  DeviceGraph& operator=(const DeviceGraph&) = delete;

  /// Records what `work` asks of the device, without doing any of it. Called once.
  ///
  /// @throws  whatever `work` throws, and c10::Error if the device refuses; there is nothing to replay then.
  virtual void record(const std::function<void()>& work) = 0;
  /// After a record() that threw: whether device and allocator are as they were before it.
  virtual bool ended_cleanly() const = 0;
  virtual void replay() = 0;
};

/// What went wrong with the recordings of one kind of device, in this process.
class RecordingHistory {
 public:
  /// Why no other recording may begin; empty if one may.
  std::string forbids() const;
  /// A recording ended and left the device or its allocator in an unknown state.
  void note_broken(const std::string& problem);

 private:
  mutable std::mutex mutex_;
  std::string broken_;
};

/// Where the graphs of a device come from.
struct GraphSource {
  std::function<std::unique_ptr<DeviceGraph>()> make;  ///< Empty where there are none.
  std::string reason;                                  ///< Why there are none.
  std::shared_ptr<RecordingHistory> history = std::make_shared<RecordingHistory>();
};

/// The graphs of CUDA devices, from the CUDA plugin; none for the CPU.
GraphSource graphs_of_cuda();

}  // namespace wsss
