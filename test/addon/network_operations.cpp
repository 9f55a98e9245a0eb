// Test operations on unfolded batch norms and memory reuse.

#include <cmath>
#include <random>
#include <vector>

#include "rules.h"
#include "workspace.h"
#include "wsss/core/batch_norm.h"
#include "wsss/core/libtorch.h"
#include "wsss/core/memory_reuse.h"
#include "wsss/core/random.h"
#include "wsss/segmenter/deeplab.h"

namespace wsss::test {

namespace {

// {backbone, size} -> before, after: evaluation logits of a segmenter with folded norms, and with unfolded ones;
// folded: 1 where the network counts as folded (fresh, folded, unfolded); training: the logits in training
void unfolding(Workspace& w, const Fields& fields) {
  const torch::NoGradGuard no_grad;
  DeepLab network(fields.string("backbone"), 3, 16, 1.0 / 16);
  network->initialize(1);
  network->to(at::kDouble);
  at::Tensor folded = at::zeros({3}, at::kByte);
  folded[0] = has_folded_batch_norms(*network) ? 1 : 0;
  std::uint64_t position = 0;
  for (const auto& module : network->modules()) {
    if (auto* norm = module->as<torch::nn::BatchNorm2d>()) {
      norm->weight.fill_(1.0);
      norm->bias.normal_(0.0, 0.5, make_generator(at::kCPU, ++position));
    }
  }
  folded[1] = has_folded_batch_norms(*network) ? 1 : 0;
  const auto size = fields.integer("size");
  const at::Tensor x = rule_images({"dev-img0", "dev-img1"}, size, size, at::kDouble);
  network->eval();
  Dropout inactive;
  w.set("before", network->forward(x, inactive));
  unfold_batch_norms(*network, [&] { network->forward(x, inactive); });
  folded[2] = has_folded_batch_norms(*network) ? 1 : 0;
  w.set("folded", folded);
  w.set("after", network->forward(x, inactive));
  // On the very patches that it was unfolded by, batch statistics are the running ones.
  network->train();
  w.set("training", network->forward(x, inactive));
}

// {} -> seen [4]: 1 where a freed block comes back inside a MemoryReuse, where two live tensors never share one, where
// the parts of a freed block serve smaller tensors, and where they are one again when these are freed; sum: of a tensor
// that outlives it; kept, peak: MiB after tensors of many sizes came and went, and the most that they had at once
void memory_reuse(Workspace& w, const Fields&) {
  constexpr std::int64_t kNumbers = 1 << 20;
  at::Tensor seen = at::zeros({4}, at::kByte);
  at::Tensor outlives;
  {
    const MemoryReuse memory;
    const void* first = at::empty({kNumbers}, at::kFloat).data_ptr();
    at::Tensor one = at::empty({kNumbers}, at::kFloat);
    const at::Tensor two = at::empty({kNumbers}, at::kFloat);
    seen[0] = one.data_ptr() == first ? 1 : 0;
    seen[1] = one.data_ptr() != two.data_ptr() ? 1 : 0;
    const auto* whole = static_cast<const float*>(one.data_ptr());
    one.reset();
    {
      const at::Tensor tenth = at::empty({kNumbers / 10}, at::kFloat);
      const at::Tensor half = at::empty({kNumbers / 2}, at::kFloat);
      const auto lies_inside = [&](const at::Tensor& part) {
        const auto* begin = part.const_data_ptr<float>();
        return begin >= whole && begin + part.numel() <= whole + kNumbers;
      };
      seen[2] = lies_inside(tenth) && lies_inside(half) && tenth.data_ptr() != half.data_ptr() ? 1 : 0;
    }
    seen[3] = at::empty({kNumbers}, at::kFloat).data_ptr() == whole ? 1 : 0;
    outlives = at::full({kNumbers}, 3.0, at::kFloat);
  }
  {
    MemoryReuse memory;
    std::mt19937 random(1);
    std::vector<at::Tensor> held(40);
    for (int i = 0; i < 4000; ++i) {
      // From an eighth of a MiB to 32, small ones most often, as maps of a network are.
      const auto bytes =
          static_cast<std::int64_t>((1 << 17) * std::exp2(8.0 * static_cast<double>(random() % 1000) / 1000.0));
      at::Tensor& place = held[random() % held.size()];
      place.reset();
      place = at::empty({bytes}, at::kByte);
    }
    held.clear();
    w.set("kept", at::scalar_tensor(static_cast<double>(memory.kept()) / (1 << 20), at::kDouble));
    w.set("peak", at::scalar_tensor(static_cast<double>(memory.peak()) / (1 << 20), at::kDouble));
  }
  w.set("seen", seen);
  w.set("sum", outlives.sum());
}

}  // namespace

void add_network_operations(OperationTable& table) {
  table["unfolding"] = unfolding;
  table["memory_reuse"] = memory_reuse;
}

}  // namespace wsss::test
