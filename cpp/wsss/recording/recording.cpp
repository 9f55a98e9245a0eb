#include "wsss/recording/recording.h"

#include <exception>

#include "wsss/core/error.h"
#include "wsss/core/error_sentence.h"
#include "wsss/device/device_memory.h"
#include "wsss/device/device_use.h"

namespace wsss {

namespace {

/// Whether an error is of our own making and not the device's: it would come without a recording too.
bool is_of_the_caller(const Error& error) {
  return error.code() != ErrorCode::kDevice && error.code() != ErrorCode::kOutOfMemory;
}

}  // namespace

Recording::Outcome Recording::make(const GraphSource& source, const std::function<void()>& work) {
  problem_ = source.make ? source.history->forbids() : source.reason;
  if (!problem_.empty()) return Outcome::kRefused;
  const SoleDeviceUse alone;
  auto graph = source.make();
  try {
    graph->record(work);
    graph_ = std::move(graph);
    return Outcome::kMade;
  } catch (const std::exception& error) {
    problem_ = sentence_of(error);
    settle(std::move(graph), source);
    const auto* own = dynamic_cast<const Error*>(&error);
    if (own != nullptr && is_of_the_caller(*own)) throw;
    const bool no_room = own != nullptr ? own->code() == ErrorCode::kOutOfMemory : is_out_of_memory(error);
    return no_room && source.history->forbids().empty() ? Outcome::kNoRoom : Outcome::kRefused;
  }
}

/// Of a graph that did not end cleanly LibTorch's allocator still asks whether memory is for it: it is never destroyed.
void Recording::settle(std::unique_ptr<DeviceGraph> failed, const GraphSource& source) {
  if (failed->ended_cleanly()) return;
  source.history->note_broken(problem_);
  (void)failed.release();
}

}  // namespace wsss
