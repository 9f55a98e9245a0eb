#include "wsss/process_group/store_answer.h"

#include <algorithm>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "wsss/core/error_sentence.h"
#include "wsss/process_group/roll_call.h"

namespace wsss {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::microseconds kLongestPause{200000};

}  // namespace

void StoreAnswer::ask(c10d::Store& store, const ProcessGroupOptions& options, const std::string& key) {
  try {
    std::vector<std::int64_t> beats(static_cast<std::size_t>(options.size), -1);
    std::vector<Clock::time_point> seen(beats.size(), Clock::now());
    auto pause = std::chrono::duration_cast<std::chrono::microseconds>(kPause);
    Clock::time_point looked;
    while (!stopped()) {
      if (store.check({key})) return settle(store.get_to_str(key));
      // As often as processes show that they live.
      const bool looks = Clock::now() - looked >= options.timeout / 8;
      if (looks) looked = Clock::now();
      for (int rank = 0; looks && rank < options.size; ++rank) {
        const auto r = static_cast<std::size_t>(rank);
        const std::int64_t now = store.add(beat_key(rank), 0);
        if (now != std::exchange(beats[r], now)) seen[r] = Clock::now();
        if (store.check({left_key(rank)}) || Clock::now() - seen[r] > options.timeout) {
          store.set(left_key(options.rank), kLost);
          return fail(roll_call(store, options, "no sign of life"));
        }
      }
      touch();
      // What has not come soon will hardly come in the next moment.
      std::this_thread::sleep_for(pause);
      pause = std::min(pause * 21 / 20, kLongestPause);
    }
  } catch (const std::exception& error) {
    fail(store_lost(options, sentence_of(error)));
  }
}

std::string StoreAnswer::await(const ProcessGroupOptions& options, const CancelToken& cancel) {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!text_ && !failure_) {
    if (Clock::now() - touched_ > options.timeout + 2 * kRollCall) throw store_lost(options, "it does not answer");
    lock.unlock();
    cancel.check();
    std::this_thread::sleep_for(kPause);
    lock.lock();
  }
  // Where all were stopped, another may have left a moment earlier.
  if (failure_) cancel.check();
  if (failure_) throw Error(*failure_);
  return *text_;
}

void StoreAnswer::stop() {
  const std::lock_guard<std::mutex> lock(mutex_);
  stopped_ = true;
}

bool StoreAnswer::stopped() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return stopped_;
}

void StoreAnswer::touch() {
  const std::lock_guard<std::mutex> lock(mutex_);
  touched_ = Clock::now();
}

void StoreAnswer::settle(std::string text) {
  const std::lock_guard<std::mutex> lock(mutex_);
  text_ = std::move(text);
}

void StoreAnswer::fail(const Error& failure) {
  const std::lock_guard<std::mutex> lock(mutex_);
  failure_.emplace(failure);
}

std::int64_t ask_in_time(const c10::intrusive_ptr<c10d::Store>& store, const ProcessGroupOptions& options,
                         const std::function<std::int64_t(c10d::Store&)>& ask) {
  struct Answer {
    std::optional<std::int64_t> number;
    std::string why = "it does not answer";
  };
  const auto answer = std::make_shared<Answer>();
  const bool is_done = within(options.timeout, [answer, ask, store] {
    try {
      answer->number = ask(*store);
    } catch (const std::exception& error) {
      answer->why = sentence_of(error);
    }
  });
  if (!is_done) throw store_lost(options, "it does not answer");
  if (!answer->number) throw store_lost(options, answer->why);
  return *answer->number;
}

}  // namespace wsss
