#include "wsss/optim/training_run.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "wsss/core/batch_norm.h"
#include "wsss/core/device_memory.h"
#include "wsss/core/memory_reuse.h"
#include "wsss/core/own_stream.h"
#include "wsss/core/random.h"
#include "wsss/core/recompute.h"
#include "wsss/core/room.h"
#include "wsss/weights/atomic_file.h"
#include "wsss/weights/safetensors.h"

namespace wsss {

namespace {

constexpr std::int64_t kDeviceLossInterval = 20;

}  // namespace

TrainingRun::TrainingRun(const char* stage, torch::nn::Module& network, const at::Tensor& reference,
                         const TrainingOptions& options, std::int64_t count, const CancelToken& cancel)
    : stage_(stage),
      network_(network),
      options_(options),
      count_(count),
      cancel_(cancel),
      dtype_(reference.scalar_type()),
      device_(reference.device()),
      dropout_generator_(make_generator(device_, 0)) {
  set_batch_size(options_.batch_size);
  if (options_.loss_interval == 0) options_.loss_interval = device_.is_cpu() ? 1 : kDeviceLossInterval;
}

/// However a run ends, nothing of a recording stays.
class TrainingRun::RecordingScope {
 public:
  explicit RecordingScope(TrainingRun& run) : run_(run) {}
  ~RecordingScope() {
    try {
      run_.forget_recording();
    } catch (const c10::Error&) {
      // The device is broken; whoever asks it next is told.
    }
  }
  RecordingScope(const RecordingScope&) = delete;
  RecordingScope& operator=(const RecordingScope&) = delete;

 private:
  TrainingRun& run_;
};

TrainingSummary TrainingRun::run() {
  const CancelScope scope(cancel_, has_checkpoints() ? CancelLevel::kAbort : CancelLevel::kCancel);
  const MemoryReuse memory;
  const OwnStream stream(device_);
  const RecordingScope recording(*this);
  const bool resumes = !options_.resume_from.empty();
  if (!resumes) unfold();
  optimizer_.emplace(parameter_groups(), options_);
  if (options_.weight_average_decay > 0.0) average_.emplace(network_, options_.weight_average_decay);
  if (has_checkpoints()) remove_partial_files(options_.checkpoint_folder);
  if (resumes) {
    resume();
  } else if (options_.fit_batch) {
    set_batch_size(std::max(fitting_batch(options_.batch_size), fewest_patches()));
  }
  for (std::int64_t epoch = summary_.epochs; epoch < options_.schedule.epochs; ++epoch) {
    train_epoch(epoch);
    finish_epoch(epoch);
  }
  network_.eval();
  if (average_) average_->swap();
  if (options_.keep_best && !best_weights_.empty()) load_state_dict(network_, best_weights_, "the best epoch");
  summary_.elapsed_ms = elapsed_ms();
  return summary_;
}

void TrainingRun::set_batch_size(std::int64_t patches) {
  options_.batch_size = patches;
  options_.schedule.steps_per_epoch = steps_per_epoch(count_, options_);
  summary_.batch_size = patches;
}

void TrainingRun::unfold() {
  // So many patches have some hundred thousand pixels, even in the deepest map.
  constexpr std::int64_t kPatches = 64;
  if (!options_.unfold_batch_norms || !trains_batch_norms() || !has_folded_batch_norms(network_)) return;
  network_.eval();
  unfold_batch_norms(network_, [&] {
    const auto batches = epoch_batches(count_, options_, /*epoch=*/0);
    std::int64_t seen = 0;
    for (const auto& batch : batches) {
      look_at(batch);
      seen += static_cast<std::int64_t>(batch.size());
      if (seen >= kPatches) break;
    }
  });
}

void TrainingRun::train_epoch(std::int64_t epoch) {
  network_.train();
  const auto batches = epoch_batches(count_, options_, epoch);
  // A resumed run may begin inside an epoch.
  const std::int64_t first = summary_.steps - epoch * options_.schedule.steps_per_epoch;
  if (first == 0) {
    begin_epoch();
    loss_sum_ = 0.0;
    patches_seen_ = 0;
  }
  for (auto i = static_cast<std::size_t>(first); i < batches.size(); ++i) {
    stop_if_cancelled();
    StepBatch batch{epoch, batches[i], {}};
    for (const auto index : batch.indices) {
      batch.draws.push_back(draw_augmentation(options_.augmentation, options_.seed, epoch, index));
    }
    std::optional<Error> no_room;
    Forward result;
    try {
      no_room = lack_of_room([&] { result = update(batch); });
    } catch (const Error& error) {
      // A cancelled step takes those that were done before it, and not told yet, not with it.
      if (error.code() == ErrorCode::kCancelled) report_steps();
      throw;
    }
    if (no_room) throw no_memory(static_cast<std::int64_t>(batch.indices.size()), *no_room);
    finish_step(batch, result);
    const bool is_due = options_.checkpoint_steps > 0 && summary_.steps % options_.checkpoint_steps == 0;
    if (is_due && has_checkpoints()) {
      report_steps();
      save_checkpoint();
    }
  }
  report_steps();
  stop_if_cancelled();
}

/// wsss::lack_of_room(), after a second try without the recording, if there is one: it holds memory.
std::optional<Error> TrainingRun::lack_of_room(const std::function<void()>& work) {
  const auto problem = wsss::lack_of_room(work);
  if (!problem || recorded_ == nullptr) return problem;
  records_ = false;
  forget_recording();
  return wsss::lack_of_room(work);
}

/// Computes a step and updates the weights.
TrainingRun::Forward TrainingRun::update(const StepBatch& batch) {
  dropout_generator_.set_current_seed(
      random_bits(options_.seed, RandomPurpose::kDropout, static_cast<std::uint64_t>(summary_.steps)));
  optimizer_->set_learning_rate(options_.schedule.at(summary_.steps));
  const PrecisionScope precision(options_.precision);
  const RecomputeScope recompute(options_.gradient_checkpointing);
  const StepInputs given = inputs(batch);
  return can_record() ? recorded_step(given, batch.epoch) : computed_step(given, batch.epoch, dropout());
}

/// What follows an update, which must not be done again.
void TrainingRun::finish_step(const StepBatch& batch, const Forward& result) {
  const double learning_rate = options_.schedule.at(summary_.steps);
  ++summary_.steps;
  if (average_) average_->update(summary_.steps);

  StepReport report;
  report.epoch = batch.epoch;
  report.step = summary_.steps;
  report.steps = options_.schedule.epochs * options_.schedule.steps_per_epoch;
  report.learning_rate = learning_rate;
  report.patches = static_cast<std::int64_t>(batch.indices.size());
  report.elapsed_ms = elapsed_ms();
  report.logits = result.logits;
  report.indices = batch.indices;
  pending_.push_back({std::move(report), result.loss});
  if (static_cast<std::int64_t>(pending_.size()) >= options_.loss_interval) report_steps();
}

TrainingRun::Forward TrainingRun::computed_step(const StepInputs& inputs, std::int64_t epoch, Dropout dropout) {
  const Forward result = forward(inputs, epoch, dropout);
  if (options_.loss_interval == 1) {
    require_finite_loss(result.loss.item<double>(), summary_.steps + 1, options_.schedule.at(summary_.steps));
  }
  optimizer_->zero_grad();
  result.loss.backward();
  check_cancelled();
  optimizer_->step();
  return {result.logits.detach(), result.loss.detach()};
}

/// A step of a kind is computed the first time, recorded the second time, and replayed from then on.
TrainingRun::Forward TrainingRun::recorded_step(const StepInputs& inputs, std::int64_t epoch) {
  const StepKind kind{inputs.images.size(0), constant_of(epoch)};
  if (recorded_ != nullptr && recorded_->kind.is_rest(kind)) return computed_step(inputs, epoch, dropout());
  if (recorded_ == nullptr || recorded_->kind != kind) {
    forget_recording();
    recorded_ = std::make_unique<RecordedStep>();
    recorded_->kind = kind;
    return computed_step(inputs, epoch, held_dropout());
  }
  if (!recorded_->recording.is_made() && !record(inputs, epoch)) return computed_step(inputs, epoch, dropout());
  recorded_->inputs.images.copy_(inputs.images);
  recorded_->inputs.targets.copy_(inputs.targets);
  recorded_->masks.draw(dropout_generator_);
  // The next replay overwrites its results. Their copies have their memory before the step is done, which would be done
  // again for want of it.
  const Forward result{at::empty_like(recorded_->result.logits), at::empty_like(recorded_->result.loss)};
  recorded_->recording.replay();
  ++summary_.replayed_steps;
  result.logits.copy_(recorded_->result.logits);
  result.loss.copy_(recorded_->result.loss);
  return result;
}

/// Records the step that was computed before. False if the device refuses, once and for all.
bool TrainingRun::record(const StepInputs& inputs, std::int64_t epoch) {
  optimizer_->zero_grad();
  // What the step had when it was computed waits for a next one, which will not come.
  release_idle_memory(device_);
  // Whatever is written between two replays is made here, not while recording: see HeldMasks.
  recorded_->inputs = {inputs.images.clone(), inputs.targets.clone()};
  recorded_->masks.rewind();
  try {
    recorded_->recording.make([&] { recorded_->result = computed_step(recorded_->inputs, epoch, held_dropout()); });
    return true;
  } catch (const c10::Error& error) {
    TORCH_WARN("the training step could not be recorded; its operations go on being launched one by one: ",
               error.what_without_backtrace());
    records_ = false;
    forget_recording();
    return false;
  }
}

void TrainingRun::forget_recording() {
  if (recorded_ == nullptr) return;
  optimizer_->zero_grad();  // The gradients lie in its memory.
  recorded_.reset();
  release_idle_memory(device_);
}

/// Reads the losses of all steps that were not reported yet, at once, since on a device this waits for it.
void TrainingRun::report_steps() {
  if (pending_.empty()) return;
  std::vector<at::Tensor> losses;
  for (const auto& pending : pending_) losses.push_back(pending.loss);
  const at::Tensor read = at::stack(losses).to(at::kCPU, at::kDouble);
  const std::vector<Pending> steps = std::move(pending_);
  pending_.clear();
  for (std::size_t i = 0; i < steps.size(); ++i) {
    StepReport report = steps[i].report;
    report.loss = read.const_data_ptr<double>()[i];
    require_finite_loss(report.loss, report.step, report.learning_rate);
    summary_.last_loss = report.loss;
    loss_sum_ += report.loss * static_cast<double>(report.patches);
    patches_seen_ += report.patches;
    measure(report.logits, report.indices);
    report_step(report);
  }
}

void TrainingRun::report_step(const StepReport& report) {
  std::vector<double> row{static_cast<double>(report.epoch), report.loss, report.learning_rate,
                          static_cast<double>(report.patches), report.elapsed_ms};
  const auto measures = step_measures();
  row.insert(row.end(), measures.begin(), measures.end());
  if (has_checkpoints()) step_history_.push_back(std::move(row));
  step_done(report);
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
  std::vector<double> row{report.mean_loss, report.elapsed_ms, report.best ? 1.0 : 0.0};
  const auto measures = epoch_measures();
  row.insert(row.end(), measures.begin(), measures.end());
  if (has_checkpoints()) {
    epoch_history_.push_back(std::move(row));
    save_checkpoint();
  }
  epoch_done(report);
}

double TrainingRun::validated_score() {
  // It needs other sizes, for which the blocks of the steps would stand idle beside its own.
  if (device_.is_cpu()) release_idle_memory(device_);
  double score = 0.0;
  const auto no_room = lack_of_room([&] { score = validate(); });
  if (!no_room) return score;
  throw Error(ErrorCode::kOutOfMemory, std::string("in the validation ") + no_room->what(), no_room->details());
}

EpochReport TrainingRun::validated_epoch(std::int64_t epoch) {
  const AveragedWeightsScope averaged(average_ ? &*average_ : nullptr);
  const std::optional<double> score = has_validation() ? std::make_optional(validated_score()) : std::nullopt;
  EpochReport report;
  report.epoch = epoch;
  report.mean_loss = loss_sum_ / static_cast<double>(std::max<std::int64_t>(1, patches_seen_));
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

void TrainingRun::save_weights(const char* name) const {
  if (!has_checkpoints()) return;
  write_safetensors(options_.checkpoint_folder + "/" + name, state_dict(network_), options_.metadata);
}

}  // namespace wsss
