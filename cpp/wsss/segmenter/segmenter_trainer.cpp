#include "wsss/segmenter/segmenter_trainer.h"

#include <torch/torch.h>

#include "wsss/core/error.h"

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

class SegmenterRun : public TrainingRun {
 public:
  SegmenterRun(DeepLab& network, const SegmenterTrainingOptions& options, const PatchStore& train,
               const MaskStore& masks, const std::vector<SegmenterValidation>& validation,
               const SegmenterObserver& observer, const CancelToken& cancel)
      : TrainingRun("segmenter", *network, network->reference_parameter(), options, train.count(), cancel),
        network_(network),
        options_(options),
        batches_(train, &masks, dtype(), device()),
        validation_(validation),
        observer_(observer) {}

 private:
  std::vector<ParameterGroup> parameter_groups() override {
    network_->set_backbone_batch_norm_frozen(options_.freeze_batch_norm);
    return wsss::parameter_groups(network_, options_);
  }

  bool trains_batch_norms() const override { return !options_.freeze_batch_norm; }
  // The pooled branch of ASPP has one position a patch.
  std::int64_t fewest_patches() const override { return 2; }
  void look_at(const std::vector<std::int64_t>& indices) override {
    Dropout inactive;
    network_->forward(batches_.images(indices, {}), inactive);
  }

  StepInputs inputs(const StepBatch& batch) override {
    return {batches_.images(batch.indices, batch.draws), batches_.masks(batch.indices, batch.draws)};
  }

  Forward forward(const StepInputs& inputs, std::int64_t /*epoch*/, Dropout& dropout) override {
    const at::Tensor logits = network_->coarse_logits(inputs.images, dropout);
    return {logits, multi_layer_loss(logits, inputs.targets, options_.loss)};
  }

  void step_done(const StepReport& report) override {
    if (observer_.on_step) observer_.on_step(report);
  }

  bool has_validation() const override { return !validation_.empty(); }

  double validate() override {
    ConfusionMatrix confusion(network_->class_count());
    for (const SegmenterValidation& part : validation_) {
      confusion.add(evaluate_segmenter(network_, part.patches, part.truth, batch_size(), cancel()));
    }
    confusion_ = confusion;
    return confusion_->scores().mean_iou;
  }

  void epoch_done(const EpochReport& report) override {
    if (observer_.on_epoch) observer_.on_epoch({report, confusion_});
  }

  std::vector<double> epoch_measures() const override {
    if (!confusion_) return {};
    const auto& counts = confusion_->counts();
    return {counts.begin(), counts.end()};
  }
  void set_epoch_measures(const std::vector<double>& measures) override {
    if (!measures.empty()) confusion_ = ConfusionMatrix(network_->class_count(), {measures.begin(), measures.end()});
  }

  DeepLab& network_;
  const SegmenterTrainingOptions& options_;
  TrainingBatches batches_;
  const std::vector<SegmenterValidation>& validation_;
  const SegmenterObserver& observer_;
  std::optional<ConfusionMatrix> confusion_;
};

}  // namespace

TrainingSummary train_segmenter(DeepLab& network, const SegmenterTrainingOptions& options, const PatchStore& train,
                                const MaskStore& masks, const std::vector<SegmenterValidation>& validation,
                                const SegmenterObserver& observer, const CancelToken& cancel) {
  if (masks.count() != train.count() || masks.height() != train.height() || masks.width() != train.width()) {
    throw Error(ErrorCode::kShape, "there must be one mask per training patch, of the patches' size");
  }
  return SegmenterRun(network, options, train, masks, validation, observer, cancel).run();
}

}  // namespace wsss
