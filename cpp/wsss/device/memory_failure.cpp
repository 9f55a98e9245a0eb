#include "wsss/device/memory_failure.h"

#include <algorithm>
#include <exception>
#include <string>
#include <vector>

#include "wsss/core/error_sentence.h"
#include "wsss/core/remedy.h"
#include "wsss/device/device_memory.h"
#include "wsss/device/device_use.h"
#include "wsss/device/sound_thread.h"

namespace wsss {

namespace {

/// Three quarters of what just had room: between two calls threads, and the heap of JavaScript, come and go.
std::int64_t with_headroom(std::int64_t patches) { return std::max<std::int64_t>(1, patches * 3 / 4); }

/// Patches, at most so many, that the work has room for, found by halving; 0 if not even one has.
std::int64_t fitting_patches(std::int64_t most, const c10::Device& device,
                             const std::function<void(std::int64_t)>& work) {
  for (std::int64_t patches = most; patches > 0; patches /= 2) {
    release_idle_memory(device);
    if (!memory_failure_of([&] { work(patches); })) return with_headroom(patches);
  }
  return 0;
}

}  // namespace

std::optional<Error> memory_failure_of(const std::function<void()>& work) {
  try {
    on_sound_thread(work);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kOutOfMemory) throw;
    return error;
  } catch (const std::exception& error) {
    if (!is_out_of_memory(error)) throw;
    note_failure_of_thread(error);
    return Error(ErrorCode::kOutOfMemory, sentence_of(error));
  }
  return std::nullopt;
}

std::string patches_in_words(std::int64_t count) {
  return std::to_string(count) + (count == 1 ? " patch" : " patches");
}

std::string fitting_in_words(std::int64_t fits) {
  return fits == 0 ? "no smaller number has room" : "about " + std::to_string(fits) + " would fit";
}

void work_on_batch(std::int64_t patches, const c10::Device& device, const std::function<void(std::int64_t)>& work) {
  const DeviceUse use(device);
  const auto once = [&] { return memory_failure_of([&] { work(patches); }); };
  if (!once()) return;
  // What batches of another size left idle, libraries beside LibTorch cannot take.
  release_idle_memory(device);
  const auto failure = once();
  if (!failure) return;
  const std::int64_t fits = fitting_patches(patches / 2, device, work);
  throw Error(ErrorCode::kOutOfMemory,
              "memory ran out in a batch of " + patches_in_words(patches) + "; " + fitting_in_words(fits) + " (" +
                  failure->what() + ")",
              {{"batchSize", static_cast<double>(patches)},
               {"fits", static_cast<double>(fits)},
               {kRemedies, std::vector<std::string>{fits > 0 ? kSmallerBatch : kSmallerPatches}}});
}

}  // namespace wsss
