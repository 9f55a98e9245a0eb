#include "wsss/classifier/classifier_trainer.h"

#include <torch/torch.h>

#include "wsss/classifier/classifier_inference.h"
#include "wsss/core/error.h"
#include "wsss/core/random.h"
#include "wsss/weights/safetensors.h"

namespace wsss {

namespace {

/// fc8 learns faster than the rest; batch norms have no weight decay.
std::vector<ParameterGroup> parameter_groups(const ResNet38& network, const ClassifierTrainingOptions& options) {
  ParameterGroup convolutions{{}, 1.0, options.weight_decay};
  ParameterGroup norms{{}, 1.0, 0.0};
  ParameterGroup head{{}, options.head_learning_rate_factor, options.weight_decay};
  for (const auto& parameter : network->named_parameters()) {
    if (!parameter.value().requires_grad()) continue;
    if (parameter.key() == "fc8.weight") {
      head.parameters.push_back(parameter.value());
    } else if (parameter.key().find("conv") != std::string::npos) {
      convolutions.parameters.push_back(parameter.value());
    } else {
      norms.parameters.push_back(parameter.value());
    }
  }
  return {convolutions, head, norms};
}

/// State of one run; run() reads like the method.
class Trainer {
 public:
  Trainer(ResNet38& network, const ClassifierTrainingOptions& options, const PatchStore& train,
          const PatchStore* validation, const ClassifierObserver& observer, const CancelToken& cancel)
      : network_(network),
        options_(options),
        train_(train),
        validation_(validation),
        observer_(observer),
        cancel_(cancel),
        dtype_(network->class_weights().scalar_type()),
        device_(network->class_weights().device()),
        meter_(train.class_count()),
        dropout_generator_(make_generator(device_, 0)) {
    options_.schedule.steps_per_epoch = steps_per_epoch(train.count(), options_);
    if (options_.pda_divisor <= 0.0) options_.pda_divisor = static_cast<double>(train.class_count());
  }

  TrainingSummary run() {
    network_->set_stem_frozen(options_.freeze_stem);
    network_->set_batch_norm_frozen(options_.freeze_batch_norm);
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
    meter_.reset();
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
    const at::Tensor labels = label_batch(train_, indices, dtype_, device_);

    dropout_generator_.set_current_seed(
        random_bits(options_.seed, RandomPurpose::kDropout, static_cast<std::uint64_t>(summary_.steps)));
    Dropout dropout(dropout_generator_, options_.dropout_factor);
    at::Tensor bn7 = network_->features(images, dropout).bn7;
    if (options_.gamma.enabled(epoch)) {
      bn7 = bn7 * pda_map(bn7, network_->class_weights(), options_.gamma.gamma(epoch), options_.pda_divisor);
    }
    const at::Tensor logits = network_->classify(bn7, dropout);
    const at::Tensor loss = multilabel_soft_margin(logits, labels);
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
    const at::Tensor probabilities = logits.sigmoid().to(at::kCPU, at::kFloat).contiguous();
    for (std::size_t i = 0; i < indices.size(); ++i) {
      meter_.add(probabilities.const_data_ptr<float>() + static_cast<std::int64_t>(i) * train_.class_count(),
                 train_.labels(indices[i]));
    }
    const auto n = static_cast<std::int64_t>(indices.size());
    loss_sum_ += loss * static_cast<double>(n);
    patches_seen_ += n;
    summary_.last_loss = loss;
    if (!observer_.on_step) return;
    observer_.on_step({epoch, summary_.steps, options_.schedule.epochs * options_.schedule.steps_per_epoch, loss,
                       learning_rate, n, watch_.elapsed_ms(), meter_.exact_match(), meter_.jaccard(), logits, indices});
  }

  void finish_epoch(std::int64_t epoch) {
    ClassifierEpoch report;
    report.epoch = epoch;
    report.mean_loss = loss_sum_ / static_cast<double>(std::max<std::int64_t>(1, patches_seen_));
    report.pda_enabled = options_.gamma.enabled(epoch);
    report.gamma = options_.gamma.gamma(epoch);
    report.exact_match = meter_.exact_match();
    report.jaccard = meter_.jaccard();
    if (validation_ != nullptr) {
      report.validation = evaluate_labels(network_, *validation_, options_.batch_size, {}, cancel_);
      // The first epoch counts as best whatever it scores, so that there always is a best.
      report.best = summary_.best_epoch < 0 || report.validation->jaccard > summary_.best_score;
    }
    if (report.best) {
      summary_.best_epoch = epoch;
      summary_.best_score = report.validation->jaccard;
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

  ResNet38& network_;
  ClassifierTrainingOptions options_;
  const PatchStore& train_;
  const PatchStore* validation_;
  const ClassifierObserver& observer_;
  const CancelToken& cancel_;
  c10::ScalarType dtype_;
  c10::Device device_;
  Stopwatch watch_;
  LabelMeter meter_;
  at::Generator dropout_generator_;
  TrainingSummary summary_;
  StateDict best_weights_;
  double loss_sum_ = 0.0;
  std::int64_t patches_seen_ = 0;
};

}  // namespace

at::Tensor multilabel_soft_margin(const at::Tensor& logits, const at::Tensor& labels) {
  return -(labels * at::log_sigmoid(logits) + (1.0 - labels) * at::log_sigmoid(-logits)).mean();
}

TrainingSummary train_classifier(ResNet38& network, const ClassifierTrainingOptions& options, const PatchStore& train,
                                 const PatchStore* validation, const ClassifierObserver& observer,
                                 const CancelToken& cancel) {
  const CancelScope scope(cancel);
  return Trainer(network, options, train, validation, observer, cancel).run();
}

}  // namespace wsss
