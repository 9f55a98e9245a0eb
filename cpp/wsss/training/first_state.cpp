#include "wsss/training/first_state.h"

#include <torch/torch.h>

#include "wsss/core/batch_norm.h"
#include "wsss/device/device_use.h"

namespace wsss {

namespace {

void unfold(TrainingStage& stage, const TrainingOptions& options, std::int64_t count) {
  // So many patches have some hundred thousand pixels, even in the deepest map.
  constexpr std::int64_t kPatches = 64;
  torch::nn::Module& network = stage.network();
  if (!options.unfold_batch_norms || !stage.trains_batch_norms() || !has_folded_batch_norms(network)) return;
  network.eval();
  const DeviceUse use(stage.device());
  unfold_batch_norms(network, [&] {
    std::int64_t seen = 0;
    for (const auto& batch : epoch_batches(count, options, /*epoch=*/0)) {
      stage.evaluate_patches(batch);
      seen += static_cast<std::int64_t>(batch.size());
      if (seen >= kPatches) break;
    }
  });
}

}  // namespace

void make_first_state(TrainingStage& stage, const TrainingOptions& options, std::int64_t count) {
  if (!options.resume_from.empty()) return;
  unfold(stage, options, count);
  if (!options.group) return;
  for (at::Tensor parameter : stage.network().parameters()) options.group->broadcast(parameter);
  broadcast_buffers(stage.network(), *options.group);
}

void broadcast_buffers(torch::nn::Module& network, const ProcessGroup& group) {
  for (at::Tensor buffer : network.buffers()) group.broadcast(buffer);
}

}  // namespace wsss
