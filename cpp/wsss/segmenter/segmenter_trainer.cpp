#include "wsss/segmenter/segmenter_trainer.h"

#include <torch/torch.h>

#include "wsss/core/error.h"
#include "wsss/core/random.h"
#include "wsss/weights/safetensors.h"

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

/// State of one run; run() reads like the method.
class Trainer {
 public:
  Trainer(DeepLab& network, const SegmenterTrainingOptions& options, const PatchStore& train, const MaskStore& masks,
          const std::optional<SegmenterValidation>& validation, const SegmenterObserver& observer,
          const CancelToken& cancel)
      : network_(network),
        options_(options),
        train_(train),
        masks_(masks),
        validation_(validation),
        observer_(observer),
        cancel_(cancel),
        dtype_(network->reference_parameter().scalar_type()),
        device_(network->reference_parameter().device()),
        dropout_generator_(make_generator(device_, 0)) {
    options_.schedule.steps_per_epoch = steps_per_epoch(train.count(), options_);
  }

  TrainingSummary run() {
    GroupedSgd optimizer(parameter_groups(network_, options_), options_);
    for (std::int64_t epoch = 0; epoch < options_.schedule.epochs; ++epoch) {
      train_epoch(epoch, optimizer);
      finish_epoch(epoch);
    }
    network_->eval();
    if (options_.keep_best && !best_weights_.empty()) load_state_dict(*network_, best_weights_, true, "the best epoch");
    summary_.elapsed_ms = watch_.elapsed_ms();
    return summary_;
  }

 private:
  void train_epoch(std::int64_t epoch, GroupedSgd& optimizer) {
    network_->train();
    loss_sum_ = 0.0;
    patches_seen_ = 0;
    for (const auto& indices : epoch_batches(train_.count(), options_, epoch)) {
      cancel_.check();
      train_step(epoch, indices, optimizer);
    }
  }

  void train_step(std::int64_t epoch, const std::vector<std::int64_t>& indices, GroupedSgd& optimizer) {
    const double learning_rate = options_.schedule.at(summary_.steps);
    std::vector<AugmentationDraw> draws;
    for (const auto index : indices) {
      draws.push_back(draw_augmentation(options_.augmentation, options_.seed, epoch, index));
    }
    const at::Tensor images = image_batch(train_, indices, draws, dtype_, device_);
    std::vector<at::Tensor> masks;
    for (std::int64_t level = 0; level < masks_.level_count(); ++level) {
      masks.push_back(mask_batch(masks_, level, indices, draws, device_));
    }

    dropout_generator_.set_current_seed(
        random_bits(options_.seed, RandomPurpose::kDropout, static_cast<std::uint64_t>(summary_.steps)));
    Dropout dropout(dropout_generator_, options_.dropout_factor);
    const at::Tensor logits = network_->forward(images, dropout);
    const at::Tensor loss = multi_layer_loss(logits, masks, options_.loss);
    const double loss_value = loss.item<double>();
    require_finite_loss(loss_value, summary_.steps + 1, learning_rate);

    optimizer.zero_grad();
    loss.backward();
    cancel_.check();
    optimizer.step(learning_rate);
    ++summary_.steps;
    report_step(epoch, indices, logits.detach(), loss_value, learning_rate);
  }

  void report_step(std::int64_t epoch, const std::vector<std::int64_t>& indices, const at::Tensor& logits, double loss,
                   double learning_rate) {
    const auto n = static_cast<std::int64_t>(indices.size());
    loss_sum_ += loss * static_cast<double>(n);
    patches_seen_ += n;
    summary_.last_loss = loss;
    if (!observer_.on_step) return;
    observer_.on_step({epoch, summary_.steps, options_.schedule.epochs * options_.schedule.steps_per_epoch, loss,
                       learning_rate, n, watch_.elapsed_ms(), logits, indices});
  }

  void finish_epoch(std::int64_t epoch) {
    SegmenterEpoch report;
    report.epoch = epoch;
    report.mean_loss = loss_sum_ / static_cast<double>(std::max<std::int64_t>(1, patches_seen_));
    double score = 0.0;
    if (validation_) {
      report.validation = evaluate_segmenter(network_, validation_->patches, validation_->truth, options_.batch_size,
                                             std::nullopt, {}, cancel_);
      score = report.validation->scores().mean_iou;
      report.best = score > summary_.best_score;  // false for NaN
    }
    if (report.best) {
      summary_.best_epoch = epoch;
      summary_.best_score = score;
      if (options_.keep_best) best_weights_ = snapshot(*network_);
      save("best.safetensors");
    }
    save("last.safetensors");
    summary_.epochs = epoch + 1;
    report.elapsed_ms = watch_.elapsed_ms();
    if (observer_.on_epoch) observer_.on_epoch(report);
  }

  void save(const char* name) const {
    if (options_.checkpoint_folder.empty()) return;
    write_safetensors(options_.checkpoint_folder + "/" + name, state_dict(*network_), options_.metadata);
  }

  DeepLab& network_;
  SegmenterTrainingOptions options_;
  const PatchStore& train_;
  const MaskStore& masks_;
  const std::optional<SegmenterValidation>& validation_;
  const SegmenterObserver& observer_;
  const CancelToken& cancel_;
  c10::ScalarType dtype_;
  c10::Device device_;
  Stopwatch watch_;
  at::Generator dropout_generator_;
  TrainingSummary summary_;
  StateDict best_weights_;
  double loss_sum_ = 0.0;
  std::int64_t patches_seen_ = 0;
};

}  // namespace

TrainingSummary train_segmenter(DeepLab& network, const SegmenterTrainingOptions& options, const PatchStore& train,
                                const MaskStore& masks, const std::optional<SegmenterValidation>& validation,
                                const SegmenterObserver& observer, const CancelToken& cancel) {
  if (masks.count() != train.count() || masks.height() != train.height() || masks.width() != train.width()) {
    throw Error(ErrorCode::kShape, "there must be one mask per training patch, of the patches' size");
  }
  const CancelScope scope(cancel);
  return Trainer(network, options, train, masks, validation, observer, cancel).run();
}

}  // namespace wsss
