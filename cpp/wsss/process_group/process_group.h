// Processes that train one network together, by PyTorch's own engine (c10d: TCPStore and Gloo).
#pragma once

#include <ATen/core/Tensor.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "wsss/core/cancel.h"
#include "wsss/core/error.h"

namespace wsss {

/// How a process finds the others: what torchrun and Slurm tell each.
struct ProcessGroupOptions {
  int rank = 0;
  int size = 1;
  std::string address;                       ///< Of the store through which the processes find each other.
  int port = 0;                              ///< Of the store; 0 lets the process that keeps it choose a free one.
  bool keeps_store = false;                  ///< Whether this process keeps the store; otherwise it connects to it.
  std::string prefix;                        ///< Of the keys in the store: a restart has one of its own.
  std::chrono::milliseconds timeout{60000};  ///< How long one process waits for another, when joining and at work.
};

/// A part of something that is shared out: the indices begin..end-1.
struct Share {
  std::int64_t begin = 0, end = 0;
  std::int64_t count() const { return end - begin; }
};

/// The processes of a training, each with a rank. All make the same calls in the same order. A process that ends,
/// hangs or fails ends the waiting of the others: with an Error kProcessGroup that names it.
class ProcessGroup {
 public:
  /// Values that are being added up over the processes.
  class Pending {
   public:
    Pending() = default;
    /// @throws Error kProcessGroup
    void wait() const;

   private:
    friend class ProcessGroup;
    std::function<void()> wait_;
  };

  /// Waits until all processes are there.
  ///
  /// @param on_listening  called with the port, as soon as the store that this process keeps can be reached.
  /// @throws Error        kProcessGroup: the port is taken, the store can't be reached, processes do not arrive in
  ///                      time, a rank is taken twice; kOption; kCancelled.
  static std::shared_ptr<ProcessGroup> join(const ProcessGroupOptions& options,
                                            const std::function<void(int)>& on_listening, const CancelToken& cancel);
  ~ProcessGroup();
  ProcessGroup(const ProcessGroup&) = delete;
  ProcessGroup& operator=(const ProcessGroup&) = delete;

  int rank() const;
  int size() const;

  /// The part of `count` things that a process takes; all parts together are all of them, in order.
  Share share(std::int64_t count, int rank) const;
  Share share(std::int64_t count) const { return share(count, rank()); }
  /// The same for one of many pieces of work, which all processes ask for in the same order: where there is too little
  /// for all of them, they take turns.
  Share next_share(std::int64_t count);

  /// Adds up CPU values without gaps over all processes, in place and with equal bits in each.
  void sum(at::Tensor& values) const;
  /// Begins to; work goes on meanwhile, and `values` must live and stay as they are until wait().
  Pending start_sum(at::Tensor& values) const;
  double sum(double value) const;
  double least(double value) const;
  /// Whether it is true in any process.
  bool any(bool value) const { return sum(value ? 1.0 : 0.0) > 0.0; }
  /// Every process gets the values of process 0; on any device.
  void broadcast(at::Tensor& values) const;
  /// What each process says, by rank.
  std::vector<std::string> gather(const std::string& own) const;

  /// Leaves a text in the store, where every process finds it under its name.
  void announce(const std::string& name, const std::string& text);
  /// Waits for such a text, however long it takes, unless the store or one of the processes is lost or hangs.
  std::string await_announcement(const std::string& name, const CancelToken& cancel);
  /// A number that no process was given before under this name: 0, 1, 2, ..., in the order of the calls.
  std::int64_t claim(const std::string& name);
  /// Waits until all processes have come here, however long they work before: the calls above wait no longer than the
  /// group's timeout.
  void await_all(const CancelToken& cancel);

  /// Leaves: the others' calls fail, and say why this one left. Later calls fail here too.
  void leave(const std::string& why);

 private:
  class Members;
  explicit ProcessGroup(std::unique_ptr<Members> members);

  std::unique_ptr<Members> members_;
  int turns_ = 0;  ///< Shares given by next_share().
};

}  // namespace wsss
