// The part of TrainingRun that saves where it is, and goes on from there.

#include <torch/torch.h>

#include "wsss/core/error.h"
#include "wsss/optim/training_run.h"
#include "wsss/weights/weight_file.h"

namespace wsss {

namespace {
// Columns of a history's rows before what the stage measures.
constexpr std::size_t kStepColumns = 5;
constexpr std::size_t kEpochColumns = 3;
// After it: whether the step was replayed, which older checkpoints do not say.
constexpr std::size_t kNewStepColumns = 1;
constexpr double kMostPatches = 1e9;
}  // namespace

void TrainingRun::save_checkpoint() {
  if (saved_steps_ == summary_.steps && saved_epochs_ == summary_.epochs) return;
  Checkpoint checkpoint;
  checkpoint.stage = stage_;
  checkpoint.config = options_.checkpoint_config;
  checkpoint.epoch = summary_.epochs;
  checkpoint.steps = summary_.steps;
  checkpoint.batch_size = options_.batch_size;
  checkpoint.loss_sum = loss_sum_;
  checkpoint.patches_seen = patches_seen_;
  checkpoint.meters = meter_state();
  checkpoint.best_epoch = summary_.best_epoch;
  checkpoint.best_score = summary_.best_score;
  checkpoint.last_loss = summary_.last_loss;
  checkpoint.elapsed_ms = elapsed_ms();
  checkpoint.step_history = step_history_;
  checkpoint.epoch_history = epoch_history_;
  checkpoint.network = state_dict(network_);
  for (const auto& name : optimizer_->state_names()) {
    for (const auto& parameter : network_.named_parameters()) {
      const at::Tensor state = optimizer_->state_of(name, parameter.value());
      if (state.defined()) checkpoint.optimizer[name].emplace_back(parameter.key(), state);
    }
  }
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
  if (!cancel_.cancelled()) return;
  report_steps();
  if (has_checkpoints() && !cancel_.aborted() && summary_.steps > 0) save_checkpoint();
  cancel_.check();
}

void TrainingRun::resume() {
  const Checkpoint checkpoint = read_checkpoint(options_.resume_from);
  const auto refuse = [&](const std::string& why) {
    return Error(ErrorCode::kWeights, options_.resume_from + " cannot be resumed from: " + why,
                 {{"path", options_.resume_from}});
  };
  if (checkpoint.stage != stage_) throw refuse("it is of a " + checkpoint.stage);
  if (checkpoint.config != options_.checkpoint_config) throw refuse("its options or data are not those of this run");
  if (options_.fit_batch && checkpoint.batch_size > 0) set_batch_size(checkpoint.batch_size);
  const std::int64_t steps = options_.schedule.steps_per_epoch;
  if (checkpoint.epoch < 0 || checkpoint.epoch > options_.schedule.epochs ||
      checkpoint.steps < checkpoint.epoch * steps || checkpoint.steps > (checkpoint.epoch + 1) * steps ||
      static_cast<std::int64_t>(checkpoint.step_history.size()) != checkpoint.steps ||
      static_cast<std::int64_t>(checkpoint.epoch_history.size()) != checkpoint.epoch) {
    throw refuse("it counts steps that this run does not have");
  }
  load_state_dict(network_, checkpoint.network, options_.resume_from);
  restore_optimizer(checkpoint);
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
  summary_.last_loss = checkpoint.last_loss;
  loss_sum_ = checkpoint.loss_sum;
  patches_seen_ = checkpoint.patches_seen;
  elapsed_before_ms_ = checkpoint.elapsed_ms;
  step_history_ = checkpoint.step_history;
  epoch_history_ = checkpoint.epoch_history;
  saved_steps_ = summary_.steps;
  saved_epochs_ = summary_.epochs;
  report_again(checkpoint);
  set_meter_state(checkpoint.meters);
}

void TrainingRun::restore_optimizer(const Checkpoint& checkpoint) {
  auto parameters = network_.named_parameters();
  optimizer_->set_steps(checkpoint.steps);
  for (const auto& [state, tensors] : checkpoint.optimizer) {
    for (const auto& [name, tensor] : tensors) {
      const at::Tensor* parameter = parameters.find(name);
      if (parameter == nullptr || parameter->sizes() != tensor.sizes()) {
        throw Error(ErrorCode::kWeights,
                    options_.resume_from + " has a " + state + " for " + name + ", which the network lacks",
                    {{"path", options_.resume_from}});
      }
      optimizer_->set_state(state, *parameter, tensor);
    }
  }
}

void TrainingRun::report_again(const Checkpoint& checkpoint) {
  const std::int64_t per_epoch = options_.schedule.steps_per_epoch;
  const std::int64_t all = options_.schedule.epochs * per_epoch;
  std::int64_t step = 0;
  const std::size_t measured = kStepColumns + step_measures().size();
  replayed_in_epoch_ = 0;
  for (const auto& row : checkpoint.step_history) {
    const bool has_length = row.size() == measured || row.size() == measured + kNewStepColumns;
    if (!has_length || !(row[3] >= 0.0 && row[3] <= kMostPatches)) {
      throw Error(ErrorCode::kWeights, "the checkpoint's history is broken");
    }
    set_step_measures({row.begin() + kStepColumns, row.begin() + static_cast<std::ptrdiff_t>(measured)});
    const bool replayed = row.size() > measured && row[measured] != 0.0;
    const std::int64_t epoch = step / per_epoch;
    if (step % per_epoch == 0) replayed_in_epoch_ = 0;
    if (replayed) ++replayed_in_epoch_;
    ++step;
    step_done({epoch, step, all, row[1], row[2], static_cast<std::int64_t>(row[3]), row[4], {}, {}, true, replayed});
    const auto ended = static_cast<std::size_t>(step / per_epoch);
    if (step % per_epoch != 0 || ended > checkpoint.epoch_history.size()) continue;
    const auto& epoch_row = checkpoint.epoch_history[ended - 1];
    if (epoch_row.size() < kEpochColumns) throw Error(ErrorCode::kWeights, "the checkpoint's history is broken");
    set_epoch_measures({epoch_row.begin() + kEpochColumns, epoch_row.end()});
    epoch_done({epoch, epoch_row[0], epoch_row[1], epoch_row[2] != 0.0, true, replayed_in_epoch_, ""});
  }
}

}  // namespace wsss
