#include "wsss/classifier/classifier_trainer.h"

#include "wsss/classifier/classifier_inference.h"
#include "wsss/core/libtorch.h"
#include "wsss/core/shared_step.h"
#include "wsss/training/training_run.h"

namespace wsss {

namespace {

/// fc8 learns faster than the rest; batch norms have no weight decay.
std::vector<ParameterGroup> parameter_groups(const Classifier& network, const ClassifierTrainingOptions& options) {
  ParameterGroup convolutions{{}, 1.0, options.weight_decay};
  ParameterGroup norms{{}, 1.0, 0.0};
  ParameterGroup head{{}, options.head_learning_rate_factor, options.weight_decay};
  for (const auto& parameter : network->named_parameters()) {
    if (!parameter.value().requires_grad()) continue;
    if (parameter.key() == "fc8.weight") {
      head.parameters.push_back(parameter.value());
    } else if (parameter.value().dim() == 4) {
      convolutions.parameters.push_back(parameter.value());
    } else {
      norms.parameters.push_back(parameter.value());
    }
  }
  return {convolutions, head, norms};
}

class ClassifierStage : public TrainingStage {
 public:
  ClassifierStage(Classifier& network, const ClassifierTrainingOptions& options, const PatchStore& train,
                  const std::vector<const PatchStore*>& validation, const ClassifierObserver& observer,
                  const CancelToken& cancel)
      : TrainingStage("classifier", *network, network->class_weights()),
        network_(network),
        options_(options),
        train_(train),
        batches_(train, nullptr, dtype(), device()),
        validation_(validation),
        observer_(observer),
        cancel_(cancel),
        gamma_(at::empty({}, network_->class_weights().options())),
        meter_(train.class_count()) {
    if (options_.pda_divisor <= 0.0) options_.pda_divisor = static_cast<double>(train.class_count());
    network_->set_stem_frozen(options_.freeze_stem);
    network_->set_batch_norm_frozen(options_.freeze_batch_norm);
  }

  std::vector<ParameterGroup> parameter_groups() override { return wsss::parameter_groups(network_, options_); }

  bool trains_batch_norms() const override { return !options_.freeze_batch_norm; }
  void evaluate_patches(const std::vector<std::int64_t>& indices) override {
    network_->forward(batches_.images(indices, {}));
  }

  void begin_epoch() override { meter_.reset(); }

  StepInputs inputs(const StepBatch& batch) override {
    return {batches_.images(batch.indices, batch.draws), label_batch(train_, batch.indices, dtype(), device())};
  }

  StepResult forward(const StepInputs& inputs, std::int64_t epoch, Dropout& dropout) override {
    const at::Tensor features = network_->features(inputs.images, dropout).deep;
    at::Tensor deep = features;
    if (options_.gamma.enabled(epoch)) {
      deep = deep * pda_map(deep, network_->class_weights(), gamma_, options_.pda_divisor);
    }
    const at::Tensor logits = network_->classify(deep, dropout);
    const at::Tensor loss = multilabel_soft_margin(logits, inputs.targets);
    if (options_.dense_loss_weight == 0.0) return {logits, loss};
    // Pseudo masks are drawn without PDA.
    const at::Tensor maps = network_->class_activation_maps(features);
    return {logits, loss + options_.dense_loss_weight * single_class_cell_loss(maps, inputs.targets)};
  }

  void enter_epoch(std::int64_t epoch) override { gamma_.fill_(options_.gamma.gamma(epoch)); }
  bool variant_of(std::int64_t epoch) const override { return options_.gamma.enabled(epoch); }

  void measure(const at::Tensor& logits, const std::vector<std::int64_t>& indices) override {
    const at::Tensor probabilities = logits.sigmoid().to(at::kCPU, at::kFloat).contiguous();
    for (std::size_t i = 0; i < indices.size(); ++i) {
      meter_.add(probabilities.const_data_ptr<float>() + static_cast<std::int64_t>(i) * train_.class_count(),
                 train_.labels(indices[i]));
    }
    running_ = {meter_.exact_match(), meter_.jaccard()};
  }

  void step_done(const StepReport& report) override {
    if (observer_.on_step) observer_.on_step({report, running_.exact_match, running_.jaccard});
  }

  bool has_validation() const override { return !validation_.empty(); }

  double validate(std::int64_t batch_size) override {
    // Processes of a group stop together, between two steps: not in a validation.
    const CancelToken& cancel = options_.group ? uncancelled_ : cancel_;
    scores_ = scores_of(count_labels(network_, validation_, batch_size, options_.group.get(), cancel));
    return scores_->jaccard;
  }

  void epoch_done(const EpochReport& report) override {
    if (!observer_.on_epoch) return;
    observer_.on_epoch({report, options_.gamma.enabled(report.epoch), options_.gamma.gamma(report.epoch),
                        running_.exact_match, running_.jaccard, scores_});
  }

  Measures meter_state() const override { return meter_.state(); }
  void set_meter_state(const Measures& state) override { meter_.restore(state); }

  Measures step_measures() const override {
    return {{"exactMatch", {running_.exact_match}}, {"jaccard", {running_.jaccard}}};
  }
  void set_step_measures(const Measures& measures) override {
    running_ = {number_of(measures, "exactMatch"), number_of(measures, "jaccard")};
  }

  /// Scores on the validation set, if there is one; those of the training set are the last step's.
  Measures epoch_measures() const override {
    if (!scores_) return {};
    return {{"exactMatch", {scores_->exact_match}},
            {"jaccard", {scores_->jaccard}},
            {"classAccuracy", scores_->class_accuracy}};
  }
  void set_epoch_measures(const Measures& measures) override {
    const auto accuracy = measures.find("classAccuracy");
    if (accuracy == measures.end()) return;
    scores_ = LabelScores{number_of(measures, "exactMatch"), number_of(measures, "jaccard"), accuracy->second};
  }

 private:
  /// Means over the patches of the epoch so far.
  struct Running {
    double exact_match = 0.0;
    double jaccard = 0.0;
  };

  Classifier& network_;
  ClassifierTrainingOptions options_;
  const PatchStore& train_;
  TrainingBatches batches_;
  const std::vector<const PatchStore*>& validation_;
  const ClassifierObserver& observer_;
  const CancelToken& cancel_;
  const CancelToken uncancelled_;
  at::Tensor gamma_;  ///< Of the epoch, a scalar on the device.
  LabelMeter meter_;
  Running running_;
  std::optional<LabelScores> scores_;
};

}  // namespace

at::Tensor multilabel_soft_margin(const at::Tensor& logits, const at::Tensor& labels) {
  const at::Tensor terms = labels * at::log_sigmoid(logits) + (1.0 - labels) * at::log_sigmoid(-logits);
  if (shared_step() == nullptr) return -terms.mean();
  const auto count = static_cast<double>(patches_of_step(logits.size(0)) * logits.size(1));
  return -summed_over_processes(terms.sum()) / count;
}

at::Tensor single_class_cell_loss(const at::Tensor& maps, const at::Tensor& labels) {
  const at::Tensor is_single = (labels.sum(1) == 1.0).to(labels.scalar_type());
  const at::Tensor of_class = labels.unsqueeze(-1).unsqueeze(-1);
  const at::Tensor of_patches = -(of_class * maps.log_softmax(1)).sum(1).mean({1, 2});
  const at::Tensor count = summed_over_processes(is_single.sum());
  return summed_over_processes((of_patches * is_single).sum()) / count.clamp_min(1.0);
}

TrainingSummary train_classifier(Classifier& network, const ClassifierTrainingOptions& options, const PatchStore& train,
                                 const std::vector<const PatchStore*>& validation, const ClassifierObserver& observer,
                                 const CancelToken& cancel) {
  ClassifierStage stage(network, options, train, validation, observer, cancel);
  return run_training(stage, options, train.count(), cancel);
}

}  // namespace wsss
