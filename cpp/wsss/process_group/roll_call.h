// Who of a group is there, who has left, and why: what the processes write into their store.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <torch/csrc/distributed/c10d/Store.hpp>
#include <vector>

#include "wsss/core/error.h"
#include "wsss/process_group/process_group.h"

namespace wsss {

/// How often the store is asked for what is not there yet.
inline constexpr std::chrono::milliseconds kPause{20};
/// How long a process that lost another one waits for what the rest have to say of it.
inline constexpr std::chrono::milliseconds kRollCall{2000};

// Reasons to leave.
inline constexpr const char* kLost = "it lost another process";
inline constexpr const char* kDone = "it has left the group";

/// Where a process says that it is there, and why it has left.
std::string member_key(int rank);
std::string left_key(int rank);
/// Where a process counts up as long as it lives.
std::string beat_key(int rank);

Error group_error(const std::string& message, ErrorDetails details = {});
/// "process 1", "processes 1, 3".
std::string of_ranks(const std::vector<int>& ranks);
std::vector<std::string> names_of(const std::vector<int>& ranks);
/// "2 s", "2500 ms".
std::string seconds(std::chrono::milliseconds time);

/// The ranks whose key is not in the store.
std::vector<int> without_key(c10d::Store& store, int size, const std::function<std::string(int)>& key);

/// Waits until all that have joined have left, but no longer than a roll call; those that have not.
std::vector<int> await_goodbyes(c10d::Store& store, int size);

/// Does something with the store on a thread that can be left behind: one that hangs never answers.
///
/// @return whether it was done in time.
bool within(std::chrono::milliseconds time, const std::function<void()>& work);

/// Which process it was that was lost: those that live say that they lost one, too.
///
/// @param why  what this process noticed.
Error roll_call(c10d::Store& store, const ProcessGroupOptions& options, const std::string& why);

/// What to say when the store does not answer.
Error store_lost(const ProcessGroupOptions& options, const std::string& why);

}  // namespace wsss
