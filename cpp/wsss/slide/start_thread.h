// Threads that are good to have and can be done without.
#pragma once

#include <functional>
#include <system_error>
#include <thread>
#include <vector>

namespace wsss {

/// Starts one more thread. False if none is to be had: those that are there do the work.
inline bool start_thread(std::vector<std::thread>& threads, const std::function<void()>& work) {
  try {
    threads.emplace_back(work);
    return true;
  } catch (const std::system_error&) {
    return false;
  }
}

}  // namespace wsss
