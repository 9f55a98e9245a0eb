// Test operations on label suggestions: features of patches, the probe, and the order of patches.

#include <algorithm>

#include "workspace.h"
#include "wsss/core/libtorch.h"
#include "wsss/label_suggestion/label_probe.h"
#include "wsss/label_suggestion/patch_features.h"
#include "wsss/label_suggestion/spread.h"

namespace wsss::test {

namespace {

std::vector<std::int64_t> whole(const std::vector<double>& numbers) { return {numbers.begin(), numbers.end()}; }

// images uint8 [N, H, W, 3]; {backbone, batchSize, missing} -> rows [N, C], logits of the head on them [N, K],
// logits of the network [N, K], and the rows as they are compared, without those that are missing
void describe(Workspace& w, const Fields& fields) {
  const torch::NoGradGuard no_grad;
  const at::Tensor& images = w.get("images");
  PatchStore store(images.size(0), images.size(1), images.size(2), 3);
  for (std::int64_t i = 0; i < store.count(); ++i) {
    const at::Tensor image = images[i].contiguous();
    std::copy_n(image.const_data_ptr<std::uint8_t>(), image.numel(), store.patch(i));
  }
  Classifier network = make_classifier(fields.string("backbone"), 3, 0.25);
  network->initialize(7);
  const at::Tensor rows = describe_patches(network, store, fields.integer("batchSize"), {}, CancelToken());
  const at::Tensor head = network->class_weights().flatten(1);
  w.set("rows", rows);
  w.set("headLogits", torch::matmul(rows.slice(1, rows.size(1) - head.size(1)), head.t()));
  w.set("logits", network->forward(store.images().permute({0, 3, 1, 2}).to(at::kFloat).div(255)));
  PatchFeatures features(store.count());
  const std::vector<std::int64_t> missing = whole(fields.numbers("missing"));
  for (std::int64_t i = 0; i < store.count(); ++i) {
    if (std::find(missing.begin(), missing.end(), i) == missing.end()) features.set({i}, rows.slice(0, i, i + 1));
  }
  w.set("standardised", features.standardised());
}

// features [N, C], answers uint8 [N, K] -> probabilities [N, K]
void suggest(Workspace& w, const Fields& /*fields*/) {
  w.set("probabilities", suggest_labels(w.get("features"), w.get("answers"), CancelToken()));
}

// features [N, C]; {chosen, candidates, count, position} -> order, distances
void spread(Workspace& w, const Fields& fields) {
  const auto order = farthest_first(w.get("features"), whole(fields.numbers("chosen")),
                                    whole(fields.numbers("candidates")), fields.integer("count"));
  w.set("order", at::tensor(at::ArrayRef<std::int64_t>(order), at::kLong).to(at::kDouble));
  w.set("distances", distances_from(w.get("features"), fields.integer("position")));
}

}  // namespace

void add_label_operations(OperationTable& table) {
  table["labels.describe"] = describe;
  table["labels.suggest"] = suggest;
  table["labels.spread"] = spread;
}

}  // namespace wsss::test
