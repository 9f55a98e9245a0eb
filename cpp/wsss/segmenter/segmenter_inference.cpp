#include "wsss/segmenter/segmenter_inference.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <numeric>
#include <tuple>
#include <utility>

#include "wsss/core/error.h"
#include "wsss/core/libtorch.h"
#include "wsss/core/memory_reuse.h"
#include "wsss/device/memory_failure.h"
#include "wsss/image/resize.h"
#include "wsss/segmenter/enlarged_classes.h"

namespace wsss {

namespace {

/// What the network says of some patches.
struct PatchLogits {
  at::Tensor coarse;  ///< [n, K, h, w]
  std::int64_t height, width;
  at::Tensor probabilities;  ///< [n, K] of the gate, or undefined.
  double threshold = 0.0;
  GateRule rule = GateRule::kExclude;

  /// Gated logits of all pixels, [n, K, H, W].
  at::Tensor enlarged() const {
    const at::Tensor logits = resize_align_corners(coarse, height, width);
    return probabilities.defined() ? gate_logits(logits, probabilities, threshold, rule) : logits;
  }
  /// [n, H, W] uint8 on the CPU.
  at::Tensor classes() const;
};

/// Called with the first patch's index and what the network says of a batch.
using BatchConsumer = std::function<void(std::int64_t, const PatchLogits&)>;

void check(const DeepLab& network, const PatchStore& patches, const std::optional<ClassGate>& gate) {
  const std::int64_t classes = network->class_count();
  if (gate && (gate->probabilities.dim() != 2 || gate->probabilities.size(0) != patches.count() ||
               gate->probabilities.size(1) != classes)) {
    throw Error(ErrorCode::kShape, "the gate needs one probability per patch and class (" +
                                       std::to_string(patches.count()) + " x " + std::to_string(classes) + ")");
  }
}

/// Logits of the network's own grid, averaged over the views.
at::Tensor mean_logits(DeepLab& network, const at::Tensor& images, PatchViews views) {
  Dropout inactive;
  if (views == PatchViews::kOne) return network->coarse_logits(images, inactive);
  const auto all = views_of(views, images.size(2), images.size(3));
  at::Tensor sum;
  for (const PatchView& view : all) {
    const at::Tensor logits = view.lay_back(network->coarse_logits(view.lay(images), inactive));
    sum = sum.defined() ? sum + logits : logits;
  }
  return (sum / static_cast<double>(all.size())).contiguous();
}

void for_each_batch(DeepLab& network, const PatchStore& patches, std::int64_t batch_size, PatchViews views,
                    const std::optional<ClassGate>& gate, const ProgressObserver& progress, const CancelToken& cancel,
                    const BatchConsumer& consume) {
  check(network, patches, gate);
  const CancelScope scope(cancel);
  const MemoryReuse memory;
  const torch::NoGradGuard no_grad;
  network->eval();
  const at::Tensor reference = network->reference_parameter();
  for (std::int64_t begin = 0; begin < patches.count(); begin += batch_size) {
    const std::int64_t end = std::min(begin + batch_size, patches.count());
    work_on_batch(end - begin, reference.device(), [&](std::int64_t count) {
      std::vector<std::int64_t> indices(static_cast<std::size_t>(count));
      std::iota(indices.begin(), indices.end(), begin);
      const at::Tensor images = image_batch(patches, indices, {}, network->input_type(), reference.device());
      PatchLogits logits{mean_logits(network, images, views), patches.height(), patches.width(), {}};
      if (gate) {
        logits.probabilities = gate->probabilities.slice(0, begin, begin + count);
        logits.threshold = gate->threshold;
        logits.rule = gate->rule;
      }
      consume(begin, logits);
    });
    if (progress) progress(end, patches.count());
  }
}

at::Tensor PatchLogits::classes() const {
  const bool excludes = !probabilities.defined() || rule == GateRule::kExclude;
  if (excludes && takes_enlarged_classes(coarse, height, width)) {
    const at::Tensor open = probabilities.defined() ? is_open(probabilities, threshold) : at::Tensor();
    return enlarged_classes(coarse, height, width, open);
  }
  // By max(), since argmax() makes an iterator of its own for every pixel and takes many times as long; both give the
  // first class on ties.
  return std::get<1>(enlarged().max(1)).to(at::kCPU, at::kByte).contiguous();
}

void check_truth(const PatchStore& patches, const MaskStore& truth) {
  if (truth.count() == patches.count() && truth.height() == patches.height() && truth.width() == patches.width())
    return;
  throw Error(ErrorCode::kShape, "the ground truth must have one mask per patch, of the patches' size");
}

/// Calls `use(patch, class indices)` for every patch.
template <typename Use>
void for_each_prediction(DeepLab& network, const PatchStore& patches, std::int64_t batch_size, PatchViews views,
                         const std::optional<ClassGate>& gate, const ProgressObserver& progress,
                         const CancelToken& cancel, Use use) {
  for_each_batch(network, patches, batch_size, views, gate, progress, cancel,
                 [&](std::int64_t begin, const PatchLogits& logits) {
                   const at::Tensor indices = logits.classes();
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

void segment_patches(DeepLab& network, const PatchStore& patches, std::int64_t batch_size, PatchViews views,
                     const std::optional<ClassGate>& gate, MaskStore* predictions, at::Tensor probabilities,
                     const ProgressObserver& progress, const CancelToken& cancel) {
  if (predictions != nullptr && (predictions->count() != patches.count() || predictions->height() != patches.height() ||
                                 predictions->width() != patches.width())) {
    throw Error(ErrorCode::kShape, "the prediction store must have one mask per patch, of the patches' size");
  }
  const auto pixels = static_cast<std::size_t>(patches.height() * patches.width());
  for_each_batch(network, patches, batch_size, views, gate, progress, cancel,
                 [&](std::int64_t begin, const PatchLogits& logits) {
                   if (probabilities.defined()) {
                     probabilities.slice(0, begin, begin + logits.coarse.size(0)).copy_(logits.enlarged().softmax(1));
                   }
                   if (predictions == nullptr) return;
                   const at::Tensor indices = logits.classes();
                   for (std::int64_t i = 0; i < indices.size(0); ++i) {
                     std::memcpy(predictions->mask(0, begin + i), indices[i].const_data_ptr<std::uint8_t>(), pixels);
                   }
                 });
}

PatchCounts count_segmentation(DeepLab& network, const PatchStore& patches, const MaskStore& truth,
                               std::int64_t batch_size, PatchViews views, const std::optional<ClassGate>& gate,
                               double boundary_tolerance, const ProgressObserver& progress, const CancelToken& cancel) {
  check_truth(patches, truth);
  const std::int64_t height = patches.height();
  const std::int64_t width = patches.width();
  const double tolerance = wsss::boundary_tolerance({network->class_count(), boundary_tolerance}, height, width);
  PatchCounts counts(network->class_count());
  EvaluationCounts patch(network->class_count());
  for_each_prediction(network, patches, batch_size, views, gate, progress, cancel,
                      [&](std::int64_t index, const std::uint8_t* prediction) {
                        patch.clear();
                        patch.add_patch(truth.mask(0, index), prediction, height, width, tolerance);
                        counts.append(patch);
                      });
  return counts;
}

ConfusionMatrix evaluate_segmenter(DeepLab& network, const PatchStore& patches, const MaskStore& truth,
                                   std::int64_t batch_size, const PredictionObserver& observe,
                                   const CancelToken& cancel) {
  check_truth(patches, truth);
  ConfusionMatrix confusion(network->class_count());
  for_each_prediction(network, patches, batch_size, PatchViews::kOne, std::nullopt, {}, cancel,
                      [&](std::int64_t index, const std::uint8_t* prediction) {
                        confusion.add(truth.mask(0, index), prediction, patches.height() * patches.width());
                        if (observe) observe(index, prediction);
                      });
  return confusion;
}

void segment_slide_with(DeepLab& network, PatchViews views, const std::optional<SlideGateNetwork>& gate,
                        const Slide& slide, const TissueMask& tissue, SlideSegmentation work,
                        const TileObserver& progress, const CancelToken& cancel) {
  const CancelScope scope(cancel);
  const MemoryReuse memory;
  const torch::NoGradGuard no_grad;
  network->eval();
  const at::Tensor reference = network->reference_parameter();
  const std::int64_t tile = work.plan.tile;
  work.segment = [&](const std::vector<std::uint8_t>& rgb, std::int64_t count) {
    const PatchStore store = store_of(rgb, count, tile, work.classes);
    std::vector<float> logits;
    work_on_batch(count, reference.device(), [&](std::int64_t part) {
      std::vector<std::int64_t> indices(static_cast<std::size_t>(part));
      std::iota(indices.begin(), indices.end(), 0);
      const at::Tensor images = image_batch(store, indices, {}, network->input_type(), reference.device());
      logits = values_of(resize_align_corners(mean_logits(network, images, views), tile, tile));
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
