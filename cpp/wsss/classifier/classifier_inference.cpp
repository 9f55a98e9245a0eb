#include "wsss/classifier/classifier_inference.h"

#include <algorithm>
#include <numeric>

#include "wsss/core/libtorch.h"
#include "wsss/core/memory_reuse.h"
#include "wsss/device/memory_failure.h"
#include "wsss/process_group/share_out.h"

namespace wsss {

namespace {

void add_labels(LabelMeter& meter, const at::Tensor& probabilities, const PatchStore& patches) {
  for (std::int64_t i = 0; i < patches.count(); ++i) {
    meter.add(probabilities.const_data_ptr<float>() + i * patches.class_count(), patches.labels(i));
  }
}

}  // namespace

at::Tensor classify_patches(Classifier& network, const PatchStore& patches, std::int64_t batch_size,
                            const ProgressObserver& progress, const CancelToken& cancel) {
  const CancelScope scope(cancel);
  const MemoryReuse memory;
  const torch::NoGradGuard no_grad;
  const auto& weights = network->class_weights();
  network->eval();
  const c10::ScalarType input = network->reads_bytes() ? at::kByte : weights.scalar_type();
  at::Tensor probabilities = at::empty({patches.count(), patches.class_count()}, at::kFloat);
  for (std::int64_t begin = 0; begin < patches.count(); begin += batch_size) {
    const std::int64_t end = std::min(begin + batch_size, patches.count());
    work_on_batch(end - begin, weights.device(), [&](std::int64_t count) {
      std::vector<std::int64_t> indices(static_cast<std::size_t>(count));
      std::iota(indices.begin(), indices.end(), begin);
      const at::Tensor images = image_batch(patches, indices, {}, input, weights.device());
      probabilities.slice(0, begin, begin + count).copy_(network->forward(images).sigmoid());
    });
    if (progress) progress(end, patches.count());
  }
  return probabilities;
}

at::Tensor classify_patches_together(Classifier& network, const PatchStore& patches, std::int64_t batch_size,
                                     ProcessGroup& group, const ProgressObserver& progress, const CancelToken& cancel) {
  const at::Tensor probabilities = at::empty({patches.count(), patches.class_count()}, at::kFloat);
  const auto classify = [&](const Share& share) {
    const at::Tensor own = classify_patches(network, patches.part(share.begin, share.end), batch_size,
                                            progress_of_whole(progress, share, patches.count()), cancel);
    probabilities.slice(0, share.begin, share.end).copy_(own);
  };
  share_out(group, patches.count(), cancel, classify,
            [&](const Share& share) { join_rows(probabilities, share, group); });
  return probabilities;
}

LabelMeter count_labels(Classifier& network, const std::vector<const PatchStore*>& parts, std::int64_t batch_size,
                        const ProcessGroup* group, const CancelToken& cancel) {
  LabelMeter meter(parts.front()->class_count());
  for (const PatchStore* part : parts) {
    const Share share = group == nullptr ? Share{0, part->count()} : group->share(part->count());
    if (share.count() == 0) continue;
    const PatchStore patches = part->part(share.begin, share.end);
    const at::Tensor probabilities = classify_patches(network, patches, batch_size, {}, cancel);
    add_labels(meter, probabilities, patches);
  }
  if (group == nullptr) return meter;
  Measures sums = meter.state();
  for (auto& [name, values] : sums) {
    at::Tensor of_all = at::tensor(at::ArrayRef<double>(values), at::kDouble);
    group->sum(of_all);
    std::copy_n(of_all.const_data_ptr<double>(), values.size(), values.begin());
  }
  meter.restore(sums);
  return meter;
}

LabelScores evaluate_labels(Classifier& network, const PatchStore& patches, std::int64_t batch_size,
                            ProcessGroup* group, const ProgressObserver& progress, const CancelToken& cancel) {
  const at::Tensor probabilities =
      group == nullptr ? classify_patches(network, patches, batch_size, progress, cancel)
                       : classify_patches_together(network, patches, batch_size, *group, progress, cancel);
  LabelMeter meter(patches.class_count());
  add_labels(meter, probabilities, patches);
  return scores_of(meter);
}

LabelScores scores_of(const LabelMeter& meter) {
  return {meter.exact_match(), meter.jaccard(), meter.class_accuracy()};
}

}  // namespace wsss
