#include "wsss/training/agreement.h"

#include <algorithm>
#include <string>
#include <vector>

#include "wsss/core/error.h"

namespace wsss {

namespace {

/// What two texts have at the first place where they differ.
std::string first_difference(const std::string& own, const std::string& other) {
  constexpr std::size_t kBefore = 30, kShown = 90;
  const auto [at, unused] = std::mismatch(
      own.begin(), own.begin() + static_cast<std::ptrdiff_t>(std::min(own.size(), other.size())), other.begin());
  const auto place = static_cast<std::size_t>(at - own.begin());
  const std::size_t begin = place - std::min(place, kBefore);
  const auto shown = [&](const std::string& text) {
    return begin < text.size() ? text.substr(begin, kShown) : "nothing";
  };
  return shown(own) + " instead of " + shown(other);
}

}  // namespace

void require_alike(const ProcessGroup& group, const TrainingOptions& options, std::int64_t count) {
  const std::string processes = std::to_string(group.size()) + " processes";
  if (count < group.size()) {
    throw Error(ErrorCode::kOption, "a training set of " + std::to_string(count) + " patches is too small for " +
                                        processes + ": each needs one");
  }
  if (options.batch_size < group.size()) {
    throw Error(ErrorCode::kOption,
                "batchSize must be at least the number of processes, whose patches it counts together: it is " +
                    std::to_string(options.batch_size) + ", and there are " + processes,
                {{"option", "batchSize"}});
  }
  const std::vector<std::string> all = group.gather(options.group_config);
  for (std::size_t rank = 1; rank < all.size(); ++rank) {
    if (all[rank] == all.front()) continue;
    throw Error(ErrorCode::kProcessGroup,
                "process " + std::to_string(rank) + " has other options, data or versions than process 0: " +
                    first_difference(all[rank], all.front()) + "; start all processes alike",
                {{"rank", static_cast<double>(rank)}});
  }
}

}  // namespace wsss
