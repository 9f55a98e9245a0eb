#include "wsss/process_group/share_out.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

namespace wsss {

void join_rows(const at::Tensor& rows, const Share& share, const ProcessGroup& group, std::int64_t bytes_at_once) {
  const std::int64_t count = rows.size(0);
  if (rows.numel() == 0) return;
  const std::int64_t bytes = rows.numel() / count * rows.element_size();
  const std::int64_t at_once = std::max<std::int64_t>(1, bytes_at_once / bytes);
  for (std::int64_t begin = 0; begin < count; begin += at_once) {
    at::Tensor some = rows.slice(0, begin, std::min(begin + at_once, count));
    // Summed beside them: the rows of others may lie in memory that these write at the same time.
    at::Tensor sums = at::zeros_like(some, at::MemoryFormat::Contiguous);
    const std::int64_t own = std::max(share.begin, begin);
    const std::int64_t own_end = std::min(share.end, begin + some.size(0));
    if (own < own_end) sums.slice(0, own - begin, own_end - begin).copy_(rows.slice(0, own, own_end));
    group.sum(sums);
    some.copy_(sums);
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
