#include "wsss/training/shared_batch.h"

#include <utility>

#include "wsss/core/libtorch.h"

namespace wsss {

void keep_share(StepBatch& batch, const ProcessGroup& group) {
  batch.all = std::exchange(batch.indices, {});
  const Share share = group.share(static_cast<std::int64_t>(batch.all.size()));
  batch.counts = share.count() > 0;
  batch.first = batch.counts ? share.begin : 0;
  const std::int64_t end = batch.counts ? share.end : 1;
  batch.indices.assign(batch.all.begin() + batch.first, batch.all.begin() + end);
}

at::Tensor logits_of_all(const StepBatch& batch, const at::Tensor& own, const ProcessGroup& group) {
  std::vector<std::int64_t> shape = own.sizes().vec();
  shape.front() = static_cast<std::int64_t>(batch.all.size());
  at::Tensor all = at::zeros(shape, own.scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
  if (batch.counts) all.narrow(0, batch.first, own.size(0)).copy_(own);
  group.sum(all);
  return all;
}

}  // namespace wsss
