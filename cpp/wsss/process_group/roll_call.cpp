#include "wsss/process_group/roll_call.h"

#include <atomic>
#include <memory>
#include <thread>
#include <utility>

namespace wsss {

namespace {

using Clock = std::chrono::steady_clock;

/// Those that have joined and not left.
std::vector<int> members_left_over(c10d::Store& store, int size) {
  std::vector<int> ranks = without_key(store, size, left_key);
  std::erase_if(ranks, [&](int rank) { return !store.check({member_key(rank)}); });
  return ranks;
}

}  // namespace

std::string member_key(int rank) { return "member/" + std::to_string(rank); }
std::string left_key(int rank) { return "left/" + std::to_string(rank); }
std::string beat_key(int rank) { return "beat/" + std::to_string(rank); }

Error group_error(const std::string& message, ErrorDetails details) {
  return Error(ErrorCode::kProcessGroup, message, std::move(details));
}

std::string of_ranks(const std::vector<int>& ranks) {
  std::string text = ranks.size() == 1 ? "process " : "processes ";
  for (std::size_t i = 0; i < ranks.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(ranks[i]);
  return text;
}

std::vector<std::string> names_of(const std::vector<int>& ranks) {
  std::vector<std::string> names;
  for (const int rank : ranks) names.push_back(std::to_string(rank));
  return names;
}

std::string seconds(std::chrono::milliseconds time) {
  const auto milliseconds = time.count();
  return milliseconds % 1000 == 0 ? std::to_string(milliseconds / 1000) + " s" : std::to_string(milliseconds) + " ms";
}

std::vector<int> without_key(c10d::Store& store, int size, const std::function<std::string(int)>& key) {
  std::vector<int> ranks;
  for (int rank = 0; rank < size; ++rank) {
    if (!store.check({key(rank)})) ranks.push_back(rank);
  }
  return ranks;
}

std::vector<int> await_goodbyes(c10d::Store& store, int size) {
  const auto deadline = Clock::now() + kRollCall;
  std::vector<int> silent = members_left_over(store, size);
  while (!silent.empty() && Clock::now() < deadline) {
    std::this_thread::sleep_for(kPause);
    silent = members_left_over(store, size);
  }
  return silent;
}

bool within(std::chrono::milliseconds time, const std::function<void()>& work) {
  // Not std::future, which needs a younger C library than LibTorch does.
  const auto is_done = std::make_shared<std::atomic<bool>>(false);
  std::thread([is_done, work] {
    try {
      work();
    } catch (const std::exception&) {
      // The store is gone: nobody is left who reads it.
    }
    *is_done = true;
  }).detach();
  const auto deadline = Clock::now() + time;
  while (!*is_done && Clock::now() < deadline) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  return *is_done;
}

Error roll_call(c10d::Store& store, const ProcessGroupOptions& options, const std::string& why) {
  const std::string of_all = " of " + std::to_string(options.size);
  try {
    const std::vector<int> silent = await_goodbyes(store, options.size);
    for (int rank = 0; rank < options.size; ++rank) {
      if (!store.check({left_key(rank)})) continue;
      const std::string reason = store.get_to_str(left_key(rank));
      if (reason == kLost) continue;
      return group_error("process " + std::to_string(rank) + of_all + " ended its work: " + reason,
                         {{"lost", names_of({rank})}});
    }
    if (silent.empty()) return group_error("the connection between the processes broke, though all live (" + why + ")");
    const char* what =
        silent.size() == 1 ? " was lost: it has ended, hung for " : " were lost: they have ended, hung for ";
    return group_error(
        of_ranks(silent) + of_all + what + seconds(options.timeout) + " or can't be reached (" + why + ")",
        {{"lost", names_of(silent)}});
  } catch (const std::exception&) {
    return store_lost(options, why);
  }
}

Error store_lost(const ProcessGroupOptions& options, const std::string& why) {
  return group_error("process 0 of " + std::to_string(options.size) + " was lost, or whoever else keeps the store at " +
                         options.address + ":" + std::to_string(options.port) + " (" + why + ")",
                     {{"lost", names_of({0})}});
}

}  // namespace wsss
