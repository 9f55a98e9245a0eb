#include "wsss/process_group/share_out.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

namespace wsss {

namespace {

/// Portions of a sum: engines buffer what they send.
constexpr std::int64_t kBytesAtOnce = 32 << 20;

}  // namespace

void join_rows(const at::Tensor& rows, const Share& share, const ProcessGroup& group) {
  const std::int64_t count = rows.size(0);
  if (rows.numel() == 0) return;
  rows.slice(0, 0, share.begin).zero_();
  rows.slice(0, share.end, count).zero_();
  const std::int64_t bytes = rows.numel() / count * rows.element_size();
  const std::int64_t at_once = std::max<std::int64_t>(1, kBytesAtOnce / bytes);
  for (std::int64_t begin = 0; begin < count; begin += at_once) {
    at::Tensor some = rows.slice(0, begin, std::min(begin + at_once, count));
    group.sum(some);
  }
}

std::function<void(std::int64_t, std::int64_t)> progress_of_whole(
    std::function<void(std::int64_t, std::int64_t)> progress, const Share& share, std::int64_t count) {
  if (!progress) return progress;
  return [progress = std::move(progress), share, count](std::int64_t done, std::int64_t /*of_share*/) {
    progress(done * count / share.count(), count);
  };
}

}  // namespace wsss
