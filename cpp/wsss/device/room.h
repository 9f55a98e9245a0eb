#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "wsss/core/error.h"

namespace wsss {

/// Does work that may run out of memory. If it does, what was said then, as an Error of kOutOfMemory; what the work had
/// is free by that time. Other failures are thrown.
std::optional<Error> lack_of_room(const std::function<void()>& work);

/// What to do where a batch has no room and one of `fits` patches would have: 0 for none.
std::string advice_for_batch(std::int64_t fits);

/// Does the work of a batch that leaves nothing but its results behind.
///
/// @param work     does it for the first so many patches of the batch. Where memory runs out it is asked for fewer, to
///                 find out how many would fit.
/// @throws Error   kOutOfMemory if the batch has no room; says, and has in its details, what would fit.
void work_on_batch(std::int64_t patches, const c10::Device& device, const std::function<void(std::int64_t)>& work);

}  // namespace wsss
