#include "wsss/segmenter/count_together.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "wsss/core/error.h"
#include "wsss/process_group/share_out.h"

namespace wsss {

namespace {

std::optional<ClassGate> part_of(const std::optional<ClassGate>& gate, const Share& share) {
  if (!gate) return gate;
  return ClassGate{gate->probabilities.slice(0, share.begin, share.end), gate->threshold, gate->rule};
}

/// The counts of all patches, of which this process has those of its share.
PatchCounts joined(const PatchCounts& own, std::int64_t count, const ProcessGroup& group) {
  EvaluationCounts patch(own.class_count());
  const auto cells = static_cast<std::int64_t>(patch.cells().size());
  const at::Tensor rows = at::zeros({count, cells}, at::kLong);
  const auto row = [&](std::int64_t index) { return rows.data_ptr<std::int64_t>() + index * cells; };
  for (std::int64_t i = 0; i < own.size(); ++i) {
    patch.clear();
    own.add_to(patch, i);
    std::copy(patch.cells().begin(), patch.cells().end(), row(group.share(count).begin + i));
  }
  join_rows(rows, group);
  PatchCounts all(own.class_count());
  for (std::int64_t i = 0; i < count; ++i) {
    patch.clear();
    for (std::int64_t cell = 0; cell < cells; ++cell) patch.add(cell, row(i)[cell]);
    all.append(patch);
  }
  return all;
}

}  // namespace

PatchCounts count_segmentation_together(DeepLab& network, const PatchStore& patches, const MaskStore& truth,
                                        std::int64_t batch_size, PatchViews views, const std::optional<ClassGate>& gate,
                                        double boundary_tolerance, ProcessGroup& group,
                                        const ProgressObserver& progress, const CancelToken& cancel) {
  const std::int64_t count = patches.count();
  if (truth.count() != count) throw Error(ErrorCode::kShape, "the ground truth must have one mask per patch");
  const Share share = group.share(count);
  PatchCounts counts(network->class_count());
  const auto count_own = [&] {
    if (share.count() == 0) return;
    counts = count_segmentation(network, patches.part(share.begin, share.end), truth.part(share.begin, share.end),
                                batch_size, views, part_of(gate, share), boundary_tolerance,
                                progress_of_whole(progress, share, count), cancel);
  };
  share_out(group, cancel, count_own, [&] { counts = joined(counts, count, group); });
  return counts;
}

}  // namespace wsss
