#include "wsss/segmenter/segmenter_trainer.h"

#include <ATen/Parallel.h>

#include <numeric>

#include "wsss/core/error.h"
#include "wsss/core/libtorch.h"
#include "wsss/training/training_run.h"

namespace wsss {

namespace {

/// ASPP and decoder learn faster than the backbone; weight decay is on everything, as published.
std::vector<ParameterGroup> parameter_groups(const DeepLab& network, const SegmenterTrainingOptions& options) {
  ParameterGroup backbone{{}, 1.0, options.weight_decay};
  ParameterGroup head{{}, options.head_learning_rate_factor, options.weight_decay};
  for (const auto& parameter : network->named_parameters()) {
    const bool in_backbone = parameter.key().rfind("backbone.", 0) == 0;
    (in_backbone ? backbone : head).parameters.push_back(parameter.value());
  }
  return {backbone, head};
}

/// For each patch, the pixels of its masks that the loss is of: neither ignored nor, where it has no logit, background.
std::vector<std::int64_t> scored_pixels(const MaskStore& masks, const MultiLayerLossOptions& loss,
                                        std::int64_t class_count) {
  const std::int64_t limit = loss.background == BackgroundRule::kIgnore ? class_count : class_count + 1;
  std::vector<std::int64_t> pixels(static_cast<std::size_t>(masks.count()), 0);
  at::parallel_for(0, masks.count(), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      for (std::int64_t level = 0; level < masks.level_count(); ++level) {
        if (loss.weights.at(static_cast<std::size_t>(level)) == 0.0) continue;
        pixels[static_cast<std::size_t>(i)] += masks.pixels_below(level, i, limit);
      }
    }
  });
  return pixels;
}

class SegmenterStage : public TrainingStage {
 public:
  SegmenterStage(DeepLab& network, const SegmenterTrainingOptions& options, const PatchStore& train,
                 const MaskStore& masks, const std::vector<SegmenterValidation>& validation,
                 const std::vector<std::int64_t>& pixels, const SegmenterObserver& observer, const CancelToken& cancel)
      : TrainingStage("segmenter", *network, network->reference_parameter()),
        network_(network),
        options_(options),
        batches_(train, &masks, dtype(), device()),
        validation_(validation),
        scored_pixels_(pixels),
        observer_(observer),
        cancel_(cancel) {}

  std::vector<ParameterGroup> parameter_groups() override {
    network_->set_backbone_batch_norm_frozen(options_.freeze_batch_norm);
    return wsss::parameter_groups(network_, options_);
  }

  bool trains_batch_norms() const override { return !options_.freeze_batch_norm; }
  // The pooled branch of ASPP has one position a patch.
  std::int64_t fewest_patches() const override { return 2; }
  void evaluate_patches(const std::vector<std::int64_t>& indices) override {
    Dropout inactive;
    network_->forward(batches_.images(indices, {}), inactive);
  }

  StepInputs inputs(const StepBatch& batch) override {
    return {batches_.images(batch.indices, batch.draws), batches_.masks(batch.indices, batch.draws)};
  }

  StepResult forward(const StepInputs& inputs, std::int64_t /*epoch*/, Dropout& dropout) override {
    const at::Tensor logits = network_->coarse_logits(inputs.images, dropout);
    return {logits, multi_layer_loss(logits, inputs.targets, options_.loss)};
  }

  void step_done(const StepReport& report) override {
    if (observer_.on_step) observer_.on_step(report);
  }

  bool has_validation() const override { return !validation_.empty(); }

  double validate(std::int64_t batch_size) override {
    ConfusionMatrix confusion(network_->class_count());
    previews_.clear();
    const std::int64_t total = validated_patches();
    std::int64_t before = 0;
    for (std::size_t index = 0; index < validation_.size(); ++index) {
      const SegmenterValidation& part = validation_[index];
      const Share share = share_of(part);
      if (share.count() == 0) continue;
      const auto observe = [&](std::int64_t patch, const std::uint8_t* classes) {
        if (!is_preview(before + patch, total)) return;
        const std::int64_t height = part.patches.height();
        const std::int64_t width = part.patches.width();
        previews_.push_back({static_cast<std::int64_t>(index),
                             share.begin + patch,
                             height,
                             width,
                             {classes, classes + height * width}});
      };
      confusion.add(evaluate_segmenter(network_, part.patches.part(share.begin, share.end),
                                       part.truth.part(share.begin, share.end), batch_size, observe,
                                       options_.group ? uncancelled_ : cancel_));
      before += share.count();
    }
    confusion_ = options_.group ? of_all_processes(confusion) : confusion;
    return confusion_->scores().mean_iou;
  }

  void epoch_done(const EpochReport& report) override {
    if (observer_.on_epoch) observer_.on_epoch({report, scored_pixels_of(report), confusion_, previews_});
  }

  Measures epoch_measures() const override {
    if (!confusion_) return {};
    const auto& counts = confusion_->counts();
    return {{"confusion", {counts.begin(), counts.end()}}};
  }
  void set_epoch_measures(const Measures& measures) override {
    const auto counts = measures.find("confusion");
    if (counts == measures.end()) return;
    confusion_ = ConfusionMatrix(network_->class_count(), {counts->second.begin(), counts->second.end()});
  }

 private:
  /// The patches of a part that this process looks at.
  Share share_of(const SegmenterValidation& part) const {
    const std::int64_t count = part.patches.count();
    return options_.group ? options_.group->share(count) : Share{0, count};
  }

  std::int64_t validated_patches() const {
    std::int64_t sum = 0;
    for (const SegmenterValidation& part : validation_) sum += share_of(part).count();
    return sum;
  }

  /// Whether a patch is one of options_.previews at even distances.
  bool is_preview(std::int64_t patch, std::int64_t total) const {
    return patch * options_.previews % total < options_.previews;
  }

  std::int64_t scored_pixels_of(const EpochReport& report) const {
    TrainingOptions fitted = options_;
    fitted.batch_size = report.batch_size;
    std::int64_t sum = 0;
    for (const auto& batch : epoch_batches(static_cast<std::int64_t>(scored_pixels_.size()), fitted, report.epoch)) {
      for (const auto index : batch) sum += scored_pixels_[static_cast<std::size_t>(index)];
    }
    return sum;
  }

  ConfusionMatrix of_all_processes(const ConfusionMatrix& own) const {
    at::Tensor counts = at::tensor(at::ArrayRef<std::int64_t>(own.counts()), at::kLong);
    options_.group->sum(counts);
    const auto* first = counts.const_data_ptr<std::int64_t>();
    return {own.class_count(), {first, first + counts.numel()}};
  }

  DeepLab& network_;
  const SegmenterTrainingOptions& options_;
  TrainingBatches batches_;
  const std::vector<SegmenterValidation>& validation_;
  const std::vector<std::int64_t>& scored_pixels_;  // Of each patch.
  const SegmenterObserver& observer_;
  const CancelToken& cancel_;
  const CancelToken uncancelled_;  ///< For validations: processes of a group stop together, between two steps.
  std::optional<ConfusionMatrix> confusion_;
  std::vector<ClassMapPreview> previews_;  // Of the last validation.
};

}  // namespace

TrainingSummary train_segmenter(DeepLab& network, const SegmenterTrainingOptions& options, const PatchStore& train,
                                const MaskStore& masks, const std::vector<SegmenterValidation>& validation,
                                const SegmenterObserver& observer, const CancelToken& cancel) {
  if (masks.count() != train.count() || masks.height() != train.height() || masks.width() != train.width()) {
    throw Error(ErrorCode::kShape, "there must be one mask per training patch, of the patches' size");
  }
  if (static_cast<std::int64_t>(options.loss.weights.size()) != masks.level_count()) {
    throw Error(ErrorCode::kOption, "there must be one level weight per level of the masks");
  }
  const auto pixels = scored_pixels(masks, options.loss, network->class_count());
  if (std::accumulate(pixels.begin(), pixels.end(), std::int64_t{0}) == 0) {
    throw Error(ErrorCode::kDataset, "the masks of all " + std::to_string(masks.count()) +
                                         " patches have no pixel to learn from: each is background or ignored");
  }
  SegmenterTrainingOptions complete = options;
  if (options.mosaic > 0.0) complete.mosaics = std::make_shared<Mosaics>(options.mosaic, train, options.patients);
  SegmenterStage stage(network, complete, train, masks, validation, pixels, observer, cancel);
  return run_training(stage, complete, train.count(), cancel);
}

}  // namespace wsss
