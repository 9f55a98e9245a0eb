// A thread that does one piece of work after the other, beside whoever hands them out.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace wsss {

/// Does what is posted, in that order. Where no thread is to be had, whoever posts does it.
class SerialWorker {
 public:
  SerialWorker();
  /// Leaves what has not begun.
  ~SerialWorker();
  SerialWorker(const SerialWorker&) = delete;
  SerialWorker& operator=(const SerialWorker&) = delete;

  /// Waits while more than a few pieces of work wait.
  /// @throws what an earlier piece of work threw; nothing is done after one that did.
  void post(std::function<void()> work);
  /// Waits until all is done.
  /// @throws what a piece of work threw.
  void finish();

 private:
  void run();
  void rethrow_failure() const;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> waiting_;
  bool is_working_ = false, stopped_ = false;
  std::exception_ptr failure_;
  std::vector<std::thread> thread_;  // One, or none.
};

}  // namespace wsss
