#include "wsss/training/training_run.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "wsss/core/error.h"
#include "wsss/core/error_sentence.h"
#include "wsss/core/libtorch.h"
#include "wsss/core/memory_reuse.h"
#include "wsss/device/device_memory.h"
#include "wsss/device/device_use.h"
#include "wsss/device/own_stream.h"
#include "wsss/optim/weight_average.h"
#include "wsss/training/agreement.h"
#include "wsss/training/batch_fitter.h"
#include "wsss/training/checkpoint.h"
#include "wsss/training/first_state.h"
#include "wsss/training/journal.h"
#include "wsss/training/resumption.h"
#include "wsss/training/shared_batch.h"
#include "wsss/training/stepper.h"
#include "wsss/weights/atomic_file.h"
#include "wsss/weights/safetensors.h"
#include "wsss/weights/weight_file.h"

namespace wsss {

namespace {

TrainingOptions with_loss_interval(TrainingOptions options, const c10::Device& device) {
  constexpr std::int64_t kOfDevices = 20;
  if (options.loss_interval == 0) options.loss_interval = device.is_cpu() ? 1 : kOfDevices;
  return options;
}

/// A training from its first step, or from a checkpoint, to its end.
class TrainingRun {
 public:
  TrainingRun(TrainingStage& stage, const TrainingOptions& options, std::int64_t count, const CancelToken& cancel)
      : stage_(stage),
        network_(stage.network()),
        options_(with_loss_interval(options, stage.device())),
        count_(count),
        cancel_(cancel),
        stepper_(stage, options_),
        fitter_(stage, stepper_, options_, count),
        journal_(stage, options_) {
    if (options_.weight_average_decay > 0.0) average_.emplace(network_, options_.weight_average_decay);
    set_batch_size(options_.batch_size);
  }

  TrainingSummary run() {
    begin();
    for (std::int64_t epoch = summary_.epochs; epoch < options_.schedule.epochs; ++epoch) {
      train_epoch(epoch);
      finish_epoch(epoch);
    }
    return end();
  }

 private:
  void begin();
  std::int64_t fitted_batch();
  TrainingSummary end();
  void train_epoch(std::int64_t epoch);
  StepBatch batch_of(std::int64_t epoch, std::vector<std::int64_t> indices) const;
  void train_step(const StepBatch& batch);
  void finish_step(const StepBatch& batch, const StepResult& result);
  void finish_epoch(std::int64_t epoch);
  double validated_score();
  EpochReport validated_epoch(std::int64_t epoch);
  void save_weights(const char* name) const;

  /// Of a group process 0 writes for all.
  bool writes() const { return !options_.group || options_.group->rank() == 0; }
  bool has_checkpoints() const { return !options_.checkpoint_folder.empty(); }
  void save_checkpoint();
  void stop_if_cancelled();
  void resume();

  void set_batch_size(std::int64_t patches);
  double elapsed_ms() const { return elapsed_before_ms_ + watch_.elapsed_ms(); }

  TrainingStage& stage_;
  torch::nn::Module& network_;
  TrainingOptions options_;
  std::int64_t count_;
  const CancelToken& cancel_;
  Stopwatch watch_;
  Stepper stepper_;
  BatchFitter fitter_;
  Journal journal_;
  std::optional<WeightAverage> average_;
  StateDict best_weights_;
  TrainingSummary summary_;
  std::int64_t saved_steps_ = -1;  ///< Of the last checkpoint.
  std::int64_t saved_epochs_ = -1;
  double elapsed_before_ms_ = 0.0;  ///< Before the checkpoint that the run resumed from.
};

void TrainingRun::begin() {
  if (has_checkpoints() && writes()) remove_partial_files(options_.checkpoint_folder);
  if (!options_.resume_from.empty()) {
    resume();
  } else if (options_.fit_batch) {
    set_batch_size(fitted_batch());
  }
}

std::int64_t TrainingRun::fitted_batch() {
  const std::int64_t processes = options_.group ? options_.group->size() : 1;
  const std::int64_t most = (options_.batch_size + processes - 1) / processes;
  std::int64_t fits = std::max(fitter_.fitting_batch(most, /*steps_done=*/0), stage_.fewest_patches());
  if (options_.group) fits = static_cast<std::int64_t>(options_.group->least(static_cast<double>(fits)));
  return std::min(options_.batch_size, fits * processes);
}

TrainingSummary TrainingRun::end() {
  network_.eval();
  if (average_) average_->swap();
  if (options_.keep_best && !best_weights_.empty()) load_state_dict(network_, best_weights_, "the best epoch");
  summary_.last_loss = journal_.last_loss();
  summary_.elapsed_ms = elapsed_ms();
  summary_.why_not_recorded = stepper_.why_not_recorded();
  return summary_;
}

void TrainingRun::set_batch_size(std::int64_t patches) {
  options_.batch_size = patches;
  options_.schedule.steps_per_epoch = steps_per_epoch(count_, options_);
  summary_.batch_size = patches;
}

void TrainingRun::train_epoch(std::int64_t epoch) {
  network_.train();
  stage_.enter_epoch(epoch);
  const auto batches = epoch_batches(count_, options_, epoch);
  // A resumed run may begin inside an epoch.
  const std::int64_t first = summary_.steps - epoch * options_.schedule.steps_per_epoch;
  if (first == 0) {
    stage_.begin_epoch();
    journal_.begin_epoch();
  }
  for (auto i = static_cast<std::size_t>(first); i < batches.size(); ++i) {
    stop_if_cancelled();
    train_step(batch_of(epoch, batches[i]));
    const bool is_due = options_.checkpoint_steps > 0 && summary_.steps % options_.checkpoint_steps == 0;
    if (is_due && has_checkpoints()) {
      journal_.report_steps();
      save_checkpoint();
    }
  }
  journal_.report_steps();
  stop_if_cancelled();
}

StepBatch TrainingRun::batch_of(std::int64_t epoch, std::vector<std::int64_t> indices) const {
  StepBatch batch{epoch, std::move(indices), {}};
  if (options_.group) keep_share(batch, *options_.group);
  batch.draws = draws_of(options_, epoch, batch.indices);
  return batch;
}

void TrainingRun::train_step(const StepBatch& batch) {
  std::optional<Error> memory_failure;
  StepResult result;
  try {
    memory_failure = stepper_.memory_failure([&] { result = stepper_.update(batch, summary_.steps); });
  } catch (const Error& error) {
    // Steps that were done and not reported yet are not lost with the one that was cancelled.
    if (error.code() == ErrorCode::kCancelled) journal_.report_steps();
    throw;
  }
  if (memory_failure) {
    journal_.report_steps();
    throw fitter_.failure(static_cast<std::int64_t>(batch.indices.size()), summary_.steps, *memory_failure);
  }
  finish_step(batch, result);
}

/// What follows an update, which must not be done again.
void TrainingRun::finish_step(const StepBatch& batch, const StepResult& result) {
  StepReport report;
  report.learning_rate = options_.schedule.at(summary_.steps);
  ++summary_.steps;
  keep_statistics_alike(stage_, options_);
  if (average_) average_->update(summary_.steps);
  if (result.replayed) ++summary_.replayed_steps;
  report.epoch = batch.epoch;
  report.step = summary_.steps;
  report.steps = options_.schedule.epochs * options_.schedule.steps_per_epoch;
  report.indices = options_.group ? batch.all : batch.indices;
  report.patches = static_cast<std::int64_t>(report.indices.size());
  report.elapsed_ms = elapsed_ms();
  report.logits = options_.group ? logits_of_all(batch, result.logits, *options_.group) : result.logits;
  report.replayed = result.replayed;
  journal_.add(std::move(report), result.loss);
}

void TrainingRun::finish_epoch(std::int64_t epoch) {
  EpochReport report;
  try {
    report = validated_epoch(epoch);
  } catch (const Error& error) {
    // The steps of the epoch are not lost because its validation was cut short.
    if (error.code() == ErrorCode::kCancelled && has_checkpoints() && !cancel_.aborted()) save_checkpoint();
    throw;
  }
  summary_.epochs = epoch + 1;
  report.elapsed_ms = elapsed_ms();
  journal_.add(report);
  if (has_checkpoints()) save_checkpoint();
  stage_.epoch_done(report);
}

EpochReport TrainingRun::validated_epoch(std::int64_t epoch) {
  const AveragedWeightsScope averaged(average_ ? &*average_ : nullptr);
  const std::optional<double> score = stage_.has_validation() ? std::make_optional(validated_score()) : std::nullopt;
  EpochReport report;
  report.epoch = epoch;
  report.batch_size = options_.batch_size;
  report.replayed_steps = journal_.replayed_steps();
  report.why_not_recorded = stepper_.why_not_recorded();
  report.mean_loss = journal_.mean_loss();
  // The first score counts as best whatever it is, so that there always is a best; one that is not a number never does.
  report.best = score && !std::isnan(*score) && (summary_.best_epoch < 0 || *score > summary_.best_score);
  if (report.best) {
    summary_.best_epoch = epoch;
    summary_.best_score = *score;
    if (options_.keep_best) best_weights_ = snapshot(network_);
    save_weights("best.safetensors");
  }
  save_weights("last.safetensors");
  return report;
}

double TrainingRun::validated_score() {
  // A batch that was fitted to the memory leaves no room for a recording beside what follows.
  if (options_.fit_batch) stepper_.forget_recording();
  // It needs other sizes, for which the blocks of the steps would stand idle beside its own.
  if (stage_.device().is_cpu()) release_idle_memory(stage_.device());
  double score = 0.0;
  const auto failure = stepper_.memory_failure([&] { score = stage_.validate(options_.batch_size); });
  if (!failure) return score;
  throw Error(ErrorCode::kOutOfMemory, std::string("in the validation ") + failure->what(), failure->details());
}

void TrainingRun::save_weights(const char* name) const {
  if (!has_checkpoints() || !writes()) return;
  write_safetensors(options_.checkpoint_folder + "/" + name, state_dict(network_), options_.metadata);
}

void TrainingRun::save_checkpoint() {
  if (!writes() || (saved_steps_ == summary_.steps && saved_epochs_ == summary_.epochs)) return;
  Checkpoint checkpoint;
  checkpoint.stage = stage_.name();
  checkpoint.config = options_.checkpoint_config;
  checkpoint.epoch = summary_.epochs;
  checkpoint.steps = summary_.steps;
  checkpoint.batch_size = options_.batch_size;
  checkpoint.best_epoch = summary_.best_epoch;
  checkpoint.best_score = summary_.best_score;
  checkpoint.elapsed_ms = elapsed_ms();
  journal_.write_to(checkpoint);
  checkpoint.network = state_dict(network_);
  checkpoint.optimizer = optimizer_states(stepper_.optimizer(), network_);
  if (average_) {
    for (std::size_t i = 0; i < average_->names().size(); ++i) {
      checkpoint.average.emplace_back(average_->names()[i], average_->tensors()[i]);
    }
  }
  write_checkpoint(options_.checkpoint_folder, checkpoint, options_.checkpoint_keep);
  saved_steps_ = summary_.steps;
  saved_epochs_ = summary_.epochs;
}

void TrainingRun::stop_if_cancelled() {
  // All stop after the same step, whoever was asked to.
  const bool stops = options_.group ? options_.group->any(cancel_.cancelled()) : cancel_.cancelled();
  if (!stops) return;
  journal_.report_steps();
  if (has_checkpoints() && !cancel_.aborted() && summary_.steps > 0) save_checkpoint();
  cancel_.check();
  throw Error(ErrorCode::kCancelled, "the training was cancelled in another process of its group");
}

void TrainingRun::resume() {
  const Checkpoint checkpoint = read_checkpoint(options_.resume_from);
  require_same_run(checkpoint, stage_, options_);
  if (options_.fit_batch && checkpoint.batch_size > 0) set_batch_size(checkpoint.batch_size);
  require_same_length(checkpoint, options_);
  load_state_dict(network_, checkpoint.network, options_.resume_from);
  restore_optimizer(stepper_.optimizer(), network_, checkpoint, options_.resume_from);
  if (average_) average_->restore(checkpoint.average);
  if (options_.keep_best && checkpoint.best_epoch >= 0) {
    // It may be of a later epoch than the checkpoint knows; that epoch then comes again, with the same weights.
    const WeightFile best = read_weight_file(options_.checkpoint_folder + "/best.safetensors");
    for (const auto& [name, tensor] : best.tensors) best_weights_.emplace_back(name, tensor.clone());
  }
  summary_.epochs = checkpoint.epoch;
  summary_.steps = checkpoint.steps;
  summary_.best_epoch = checkpoint.best_epoch;
  summary_.best_score = checkpoint.best_score;
  elapsed_before_ms_ = checkpoint.elapsed_ms;
  saved_steps_ = summary_.steps;
  saved_epochs_ = summary_.epochs;
  journal_.resume_from(checkpoint);
}

}  // namespace

TrainingSummary run_training(TrainingStage& stage, const TrainingOptions& options, std::int64_t count,
                             const CancelToken& cancel) {
  const bool saves_first = !options.checkpoint_folder.empty();
  // Processes of a group stop together, between two steps.
  const CancelScope scope(cancel, saves_first || options.group ? CancelLevel::kAbort : CancelLevel::kCancel);
  const MemoryReuse memory;
  const OwnStream stream(stage.device());
  if (!options.group) {
    make_first_state(stage, options, count);
    return TrainingRun(stage, options, count, cancel).run();
  }
  try {
    options.group->await_all(cancel);
    require_alike(*options.group, options, count);
    make_first_state(stage, options, count);
    return TrainingRun(stage, options, count, cancel).run();
  } catch (const std::exception& error) {
    // The others wait for this process, and are told; a cancellation all have agreed on, and a loss is that of all.
    const auto* known = dynamic_cast<const Error*>(&error);
    const bool of_all = known != nullptr && (known->code() == ErrorCode::kDiverged ||
                                             (known->code() == ErrorCode::kCancelled && !cancel.aborted()));
    if (!of_all) options.group->leave(sentence_of(error));
    throw;
  }
}

}  // namespace wsss
