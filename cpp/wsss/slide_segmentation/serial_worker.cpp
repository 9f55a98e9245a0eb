#include "wsss/slide_segmentation/serial_worker.h"

#include <utility>

#include "wsss/slide/start_thread.h"

namespace wsss {

namespace {

constexpr std::size_t kAhead = 2;

}  // namespace

SerialWorker::SerialWorker() {
  start_thread(thread_, [this] { run(); });
}

SerialWorker::~SerialWorker() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : thread_) thread.join();
}

void SerialWorker::post(std::function<void()> work) {
  if (thread_.empty()) {
    work();
    return;
  }
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [this] { return waiting_.size() < kAhead || failure_; });
  rethrow_failure();
  waiting_.push_back(std::move(work));
  lock.unlock();
  changed_.notify_all();
}

void SerialWorker::finish() {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [this] { return (waiting_.empty() && !is_working_) || failure_; });
  rethrow_failure();
}

void SerialWorker::rethrow_failure() const {
  if (failure_) std::rethrow_exception(failure_);
}

void SerialWorker::run() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopped_ || !waiting_.empty(); });
    if (stopped_) return;
    std::function<void()> work = std::move(waiting_.front());
    waiting_.pop_front();
    is_working_ = true;
    lock.unlock();
    std::exception_ptr failure;
    try {
      work();
    } catch (...) {
      failure = std::current_exception();
    }
    work = nullptr;
    lock.lock();
    is_working_ = false;
    if (failure) {
      failure_ = failure;
      stopped_ = true;
    }
    changed_.notify_all();
  }
}

}  // namespace wsss
