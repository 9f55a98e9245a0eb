// Work that may run out of memory, and what to say if it does.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "wsss/core/error.h"

namespace wsss {

/// Does work that may run out of memory. If it does, returns what was said then as an Error of kOutOfMemory; by that
/// time the memory that the work held is free. Other failures are thrown.
std::optional<Error> memory_failure_of(const std::function<void()>& work);

/// "1 patch", "20 patches".
std::string patches_in_words(std::int64_t count);

/// How many patches would have room, as a clause of a message: 0 for none.
std::string fitting_in_words(std::int64_t fits);

/// Does the work of a batch that leaves nothing but its results behind.
///
/// @param work     does it for that many patches, the first ones of the batch. If memory runs out it is called with
///                 fewer, to find out how many would fit.
/// @throws Error   kOutOfMemory if the batch has no room; says, and has in its details, what would fit.
void work_on_batch(std::int64_t patches, const c10::Device& device, const std::function<void(std::int64_t)>& work);

}  // namespace wsss
