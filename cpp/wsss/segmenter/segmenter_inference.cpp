#include "wsss/segmenter/segmenter_inference.h"

#include <torch/torch.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <numeric>
#include <tuple>
#include <utility>

#include "wsss/core/error.h"
#include "wsss/core/memory_reuse.h"
#include "wsss/device/memory_failure.h"

namespace wsss {

namespace {

/// Called with the first patch's index and the (gated) logits [n, K, H, W] of a batch.
using BatchConsumer = std::function<void(std::int64_t, const at::Tensor&)>;

void check(const DeepLab& network, const PatchStore& patches, const std::optional<ClassGate>& gate) {
  const std::int64_t classes = network->class_count();
  if (gate && (gate->probabilities.dim() != 2 || gate->probabilities.size(0) != patches.count() ||
               gate->probabilities.size(1) != classes)) {
    throw Error(ErrorCode::kShape, "the gate needs one probability per patch and class (" +
                                       std::to_string(patches.count()) + " x " + std::to_string(classes) + ")");
  }
}

void for_each_batch(DeepLab& network, const PatchStore& patches, std::int64_t batch_size,
                    const std::optional<ClassGate>& gate, const ProgressObserver& progress, const CancelToken& cancel,
                    const BatchConsumer& consume) {
  check(network, patches, gate);
  const CancelScope scope(cancel);
  const MemoryReuse memory;
  const torch::NoGradGuard no_grad;
  network->eval();
  const at::Tensor reference = network->reference_parameter();
  Dropout inactive;
  for (std::int64_t begin = 0; begin < patches.count(); begin += batch_size) {
    const std::int64_t end = std::min(begin + batch_size, patches.count());
    work_on_batch(end - begin, reference.device(), [&](std::int64_t count) {
      std::vector<std::int64_t> indices(static_cast<std::size_t>(count));
      std::iota(indices.begin(), indices.end(), begin);
      const at::Tensor images = image_batch(patches, indices, {}, reference.scalar_type(), reference.device());
      at::Tensor logits = network->forward(images, inactive);
      if (gate) {
        const at::Tensor own = gate->probabilities.slice(0, begin, begin + count);
        logits = gate_logits(logits, own, gate->threshold, gate->rule);
      }
      consume(begin, logits);
    });
    if (progress) progress(end, patches.count());
  }
}

/// By max(), since argmax() makes an iterator of its own for every pixel and takes many times as long; both give the
/// first class on ties.
at::Tensor class_indices(const at::Tensor& logits) {
  return std::get<1>(logits.max(1)).to(at::kCPU, at::kByte).contiguous();
}

void check_truth(const PatchStore& patches, const MaskStore& truth) {
  if (truth.count() == patches.count() && truth.height() == patches.height() && truth.width() == patches.width())
    return;
  throw Error(ErrorCode::kShape, "the ground truth must have one mask per patch, of the patches' size");
}

/// Calls `use(patch, class indices)` for every patch.
template <typename Use>
void for_each_prediction(DeepLab& network, const PatchStore& patches, std::int64_t batch_size,
                         const std::optional<ClassGate>& gate, const ProgressObserver& progress,
                         const CancelToken& cancel, Use use) {
  for_each_batch(network, patches, batch_size, gate, progress, cancel,
                 [&](std::int64_t begin, const at::Tensor& logits) {
                   const at::Tensor indices = class_indices(logits);
                   for (std::int64_t i = 0; i < indices.size(0); ++i) {
                     use(begin + i, indices[i].const_data_ptr<std::uint8_t>());
                   }
                 });
}

PatchStore store_of(const std::vector<std::uint8_t>& rgb, std::int64_t count, std::int64_t side, std::int64_t classes) {
  PatchStore store(count, side, side, classes);
  std::memcpy(store.patch(0), rgb.data(), rgb.size());
  return store;
}

std::vector<float> values_of(const at::Tensor& tensor) {
  const at::Tensor values = tensor.to(at::kCPU, at::kFloat).contiguous();
  const float* first = values.const_data_ptr<float>();
  return {first, first + values.numel()};
}

}  // namespace

void segment_patches(DeepLab& network, const PatchStore& patches, std::int64_t batch_size,
                     const std::optional<ClassGate>& gate, MaskStore* predictions, at::Tensor probabilities,
                     const ProgressObserver& progress, const CancelToken& cancel) {
  if (predictions != nullptr && (predictions->count() != patches.count() || predictions->height() != patches.height() ||
                                 predictions->width() != patches.width())) {
    throw Error(ErrorCode::kShape, "the prediction store must have one mask per patch, of the patches' size");
  }
  const auto pixels = static_cast<std::size_t>(patches.height() * patches.width());
  for_each_batch(network, patches, batch_size, gate, progress, cancel,
                 [&](std::int64_t begin, const at::Tensor& logits) {
                   if (probabilities.defined())
                     probabilities.slice(0, begin, begin + logits.size(0)).copy_(logits.softmax(1));
                   if (predictions == nullptr) return;
                   const at::Tensor indices = class_indices(logits);
                   for (std::int64_t i = 0; i < indices.size(0); ++i) {
                     std::memcpy(predictions->mask(0, begin + i), indices[i].const_data_ptr<std::uint8_t>(), pixels);
                   }
                 });
}

PatchCounts count_segmentation(DeepLab& network, const PatchStore& patches, const MaskStore& truth,
                               std::int64_t batch_size, const std::optional<ClassGate>& gate, double boundary_tolerance,
                               const ProgressObserver& progress, const CancelToken& cancel) {
  check_truth(patches, truth);
  const std::int64_t height = patches.height();
  const std::int64_t width = patches.width();
  const double tolerance = wsss::boundary_tolerance({network->class_count(), boundary_tolerance}, height, width);
  PatchCounts counts(network->class_count());
  EvaluationCounts patch(network->class_count());
  for_each_prediction(network, patches, batch_size, gate, progress, cancel,
                      [&](std::int64_t index, const std::uint8_t* prediction) {
                        patch.clear();
                        patch.add_patch(truth.mask(0, index), prediction, height, width, tolerance);
                        counts.append(patch);
                      });
  return counts;
}

ConfusionMatrix evaluate_segmenter(DeepLab& network, const PatchStore& patches, const MaskStore& truth,
                                   std::int64_t batch_size, const CancelToken& cancel) {
  check_truth(patches, truth);
  ConfusionMatrix confusion(network->class_count());
  for_each_prediction(network, patches, batch_size, std::nullopt, {}, cancel,
                      [&](std::int64_t index, const std::uint8_t* prediction) {
                        confusion.add(truth.mask(0, index), prediction, patches.height() * patches.width());
                      });
  return confusion;
}

void segment_slide_with(DeepLab& network, const std::optional<SlideGateNetwork>& gate, const Slide& slide,
                        const TissueMask& tissue, SlideSegmentation work, const TileObserver& progress,
                        const CancelToken& cancel) {
  const CancelScope scope(cancel);
  const MemoryReuse memory;
  const torch::NoGradGuard no_grad;
  network->eval();
  const at::Tensor reference = network->reference_parameter();
  const std::int64_t tile = work.plan.tile;
  Dropout inactive;
  work.segment = [&](const std::vector<std::uint8_t>& rgb, std::int64_t count) {
    const PatchStore store = store_of(rgb, count, tile, work.classes);
    std::vector<float> logits;
    work_on_batch(count, reference.device(), [&](std::int64_t part) {
      std::vector<std::int64_t> indices(static_cast<std::size_t>(part));
      std::iota(indices.begin(), indices.end(), 0);
      const at::Tensor images = image_batch(store, indices, {}, reference.scalar_type(), reference.device());
      logits = values_of(network->forward(images, inactive));
    });
    return logits;
  };
  if (gate) {
    Classifier classifier = gate->network;
    work.gate = SlideGate{};
    work.gate->patch = gate->patch;
    work.gate->threshold = static_cast<float>(gate->threshold);
    work.gate->multiplies = gate->rule == GateRule::kMultiply;
    work.gate->classify = [&, classifier](const std::vector<std::uint8_t>& rgb, std::int64_t count) mutable {
      const PrecisionScope precision(gate->precision);
      const PatchStore store = store_of(rgb, count, gate->patch, work.classes);
      return values_of(classify_patches(classifier, store, count, {}, cancel));
    };
  }
  segment_slide(slide, tissue, work, progress, [&cancel] { cancel.check(); });
}

}  // namespace wsss
