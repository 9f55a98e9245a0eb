// Work on many patches that the processes of a group share out, and whose results all of them get.
#pragma once

#include <exception>

#include "wsss/core/error_sentence.h"
#include "wsss/process_group/process_group.h"

namespace wsss {

/// Does this process's part of a work, waits for those of the others, however long they take, and joins them all. A
/// part that fails ends the waiting of the others, which say why it failed.
///
/// @param count  how many things there are to work on.
/// @param own    (share): does the part, if there is one.
/// @param join   (share): makes calls that all processes make together, so that each has the whole afterwards.
template <typename Own, typename Join>
void share_out(ProcessGroup& group, std::int64_t count, const CancelToken& cancel, const Own& own, const Join& join) {
  try {
    const Share share = group.next_share(count);
    if (share.count() > 0) own(share);
    group.await_all(cancel);
    join(share);
  } catch (const std::exception& error) {
    group.leave(sentence_of(error));
    throw;
  }
}

/// Gives every process all rows of a table of which each has made its share.
///
/// @param rows           [N, ...] without gaps on the CPU; those beside the share are overwritten. Every process writes
///                       the same bytes, so that the rows may lie in memory that processes have in common.
/// @param bytes_at_once  of a sum: engines buffer what they send.
void join_rows(const at::Tensor& rows, const Share& share, const ProcessGroup& group,
               std::int64_t bytes_at_once = 32 << 20);

/// Tells of the whole what is known of a share: that the others are as far.
///
/// @param progress  called with how many of the `count` are done, and with `count`; may be empty.
std::function<void(std::int64_t, std::int64_t)> progress_of_whole(
    std::function<void(std::int64_t, std::int64_t)> progress, const Share& share, std::int64_t count);

}  // namespace wsss
