#include "wsss/segmenter/count_together.h"

#include <ATen/ATen.h>

#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "wsss/core/error.h"
#include "wsss/process_group/share_out.h"

namespace wsss {

namespace {

std::optional<ClassGate> part_of(const std::optional<ClassGate>& gate, const Share& share) {
  if (!gate) return gate;
  return ClassGate{gate->probabilities.slice(0, share.begin, share.end), gate->threshold, gate->rule};
}

/// Whole numbers as text that gather() carries, and back.
std::string packed(const std::vector<std::int64_t>& numbers) {
  std::string bytes(numbers.size() * sizeof(std::int64_t), '\0');
  std::memcpy(bytes.data(), numbers.data(), bytes.size());
  return bytes;
}
std::vector<std::int64_t> unpacked(const std::string& bytes) {
  std::vector<std::int64_t> numbers(bytes.size() / sizeof(std::int64_t));
  std::memcpy(numbers.data(), bytes.data(), bytes.size());
  return numbers;
}

/// The counts of all patches, of which each process has those of its share.
PatchCounts joined(const PatchCounts& own, const Share& share, const ProcessGroup& group) {
  const std::vector<std::string> begins = group.gather(packed({share.begin}));
  const std::vector<std::string> offsets = group.gather(packed(own.offsets()));
  const std::vector<std::string> cells = group.gather(packed(own.cells()));
  const std::vector<std::string> values = group.gather(packed(own.values()));
  // By where their shares begin.
  std::map<std::int64_t, std::size_t> ranks;
  for (std::size_t rank = 0; rank < begins.size(); ++rank) {
    if (unpacked(offsets[rank]).size() > 1) ranks.emplace(unpacked(begins[rank])[0], rank);
  }
  std::vector<std::int64_t> all_offsets{0}, all_cells, all_values;
  for (const auto& [begin, rank] : ranks) {
    const std::vector<std::int64_t> ends = unpacked(offsets[rank]);
    const std::int64_t before = all_offsets.back();
    for (std::size_t i = 1; i < ends.size(); ++i) all_offsets.push_back(before + ends[i]);
    const std::vector<std::int64_t> some_cells = unpacked(cells[rank]), some_values = unpacked(values[rank]);
    all_cells.insert(all_cells.end(), some_cells.begin(), some_cells.end());
    all_values.insert(all_values.end(), some_values.begin(), some_values.end());
  }
  return {own.class_count(), std::move(all_offsets), std::move(all_cells), std::move(all_values)};
}

}  // namespace

PatchCounts count_segmentation_together(DeepLab& network, const PatchStore& patches, const MaskStore& truth,
                                        std::int64_t batch_size, PatchViews views, const std::optional<ClassGate>& gate,
                                        double boundary_tolerance, ProcessGroup& group,
                                        const ProgressObserver& progress, const CancelToken& cancel) {
  const std::int64_t count = patches.count();
  if (truth.count() != count) throw Error(ErrorCode::kShape, "the ground truth must have one mask per patch");
  PatchCounts counts(network->class_count());
  const auto count_own = [&](const Share& share) {
    counts = count_segmentation(network, patches.part(share.begin, share.end), truth.part(share.begin, share.end),
                                batch_size, views, part_of(gate, share), boundary_tolerance,
                                progress_of_whole(progress, share, count), cancel);
  };
  share_out(group, count, cancel, count_own, [&](const Share& share) { counts = joined(counts, share, group); });
  return counts;
}

}  // namespace wsss
