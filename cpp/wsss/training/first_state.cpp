#include "wsss/training/first_state.h"

#include <map>
#include <vector>

#include "wsss/core/batch_norm.h"
#include "wsss/core/libtorch.h"
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

void broadcast_buffers(torch::nn::Module& network, const ProcessGroup& group) {
  std::map<at::ScalarType, std::vector<at::Tensor>> by_type;
  for (const at::Tensor& buffer : network.buffers()) by_type[buffer.scalar_type()].push_back(buffer);
  const torch::NoGradGuard no_grad;
  for (const auto& [type, buffers] : by_type) {
    std::vector<at::Tensor> flat;
    for (const at::Tensor& buffer : buffers) flat.push_back(buffer.flatten());
    // All at once: each by itself would wait for the others as often.
    at::Tensor all = at::cat(flat);
    group.broadcast(all);
    std::int64_t offset = 0;
    for (const at::Tensor& buffer : buffers) {
      buffer.copy_(all.narrow(0, offset, buffer.numel()).view(buffer.sizes()));
      offset += buffer.numel();
    }
  }
}

}  // namespace

void make_first_state(TrainingStage& stage, const TrainingOptions& options, std::int64_t count) {
  if (!options.resume_from.empty()) return;
  unfold(stage, options, count);
  if (!options.group) return;
  for (at::Tensor parameter : stage.network().parameters()) options.group->broadcast(parameter);
  broadcast_buffers(stage.network(), *options.group);
}

void keep_statistics_alike(TrainingStage& stage, const TrainingOptions& options) {
  if (!options.group || options.synchronize_batch_norms || !stage.trains_batch_norms()) return;
  broadcast_buffers(stage.network(), *options.group);
}

}  // namespace wsss
