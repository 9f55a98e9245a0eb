#include "wsss/optim/training_run.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "wsss/core/batch_norm.h"
#include "wsss/core/memory_reuse.h"
#include "wsss/core/random.h"
#include "wsss/core/recompute.h"
#include "wsss/device/device_memory.h"
#include "wsss/device/device_use.h"
#include "wsss/device/own_stream.h"
#include "wsss/device/room.h"
#include "wsss/weights/atomic_file.h"
#include "wsss/weights/safetensors.h"

namespace wsss {

namespace {

TrainingOptions with_loss_interval(TrainingOptions options, const c10::Device& device) {
  constexpr std::int64_t kOfDevices = 20;
  if (options.loss_interval == 0) options.loss_interval = device.is_cpu() ? 1 : kOfDevices;
  return options;
}

}  // namespace

TrainingRun::TrainingRun(const char* stage, torch::nn::Module& network, const at::Tensor& reference,
                         const TrainingOptions& options, std::int64_t count, const CancelToken& cancel)
    : stage_(stage),
      network_(network),
      options_(with_loss_interval(options, reference.device())),
      count_(count),
      cancel_(cancel),
      dtype_(reference.scalar_type()),
      device_(reference.device()),
      dropout_generator_(make_generator(device_, 0)),
      recorder_(make_recorder()) {
  set_batch_size(options_.batch_size);
}

StepRecorder TrainingRun::make_recorder() {
  std::string reason;
  if (options_.loss_interval == 1) reason = "the loss is read at every step";
  const char* wish = std::getenv("WSSS_RECORD");
  if (wish != nullptr && std::string(wish) == "0") reason = "WSSS_RECORD is 0";
  if (device_.is_cpu() && !options_.graphs) reason = "the device is the CPU";
  GraphSource graphs = options_.graphs ? *options_.graphs : device_.is_cpu() ? GraphSource() : graphs_of_cuda();
  return {device_, std::move(graphs), std::move(reason), dropout_generator_, options_.dropout_factor, [this] {
            drop_gradients();
          }};
}

void TrainingRun::drop_gradients() {
  if (optimizer_) optimizer_->zero_grad();
}

/// However a run ends, the memory of its recording, and what its stream alone could use, is free.
class TrainingRun::RecordingScope {
 public:
  explicit RecordingScope(TrainingRun& run) : run_(run) {}
  ~RecordingScope() {
    try {
      run_.recorder_.forget();
      if (run_.device_.is_cuda()) release_idle_memory(run_.device_);
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
  optimizer_.emplace(parameter_groups(), options_.optimizer);
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
  summary_.why_not_recorded = recorder_.reason();
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
  const DeviceUse use(device_);
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
  enter_epoch(epoch);
  const auto batches = epoch_batches(count_, options_, epoch);
  // A resumed run may begin inside an epoch.
  const std::int64_t first = summary_.steps - epoch * options_.schedule.steps_per_epoch;
  if (first == 0) {
    begin_epoch();
    loss_sum_ = 0.0;
    patches_seen_ = 0;
    replayed_in_epoch_ = 0;
  }
  for (auto i = static_cast<std::size_t>(first); i < batches.size(); ++i) {
    stop_if_cancelled();
    StepBatch batch{epoch, batches[i], {}};
    for (const auto index : batch.indices) {
      batch.draws.push_back(draw_augmentation(options_.augmentation, options_.seed, epoch, index));
    }
    std::optional<Error> no_room;
    StepResult result;
    try {
      no_room = lack_of_room([&] { result = update(batch); });
    } catch (const Error& error) {
      // Steps that were done and not reported yet are not lost with the one that was cancelled.
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
  return problem && recorder_.forget_for_room() ? wsss::lack_of_room(work) : problem;
}

/// Computes a step and updates the weights.
StepResult TrainingRun::update(const StepBatch& batch) {
  dropout_generator_.set_current_seed(
      random_bits(options_.seed, RandomPurpose::kDropout, static_cast<std::uint64_t>(summary_.steps)));
  optimizer_->set_learning_rate(options_.schedule.at(summary_.steps));
  const PrecisionScope precision(options_.precision);
  const RecomputeScope recompute(options_.gradient_checkpointing);
  const StepInputs given = [&] {
    const DeviceUse use(device_);
    return inputs(batch);
  }();
  const StepRecorder::Kind kind{given.images.size(0), variant_of(batch.epoch)};
  return recorder_.step(kind, given, [this, epoch = batch.epoch](const StepInputs& step, Dropout dropout) {
    return compute(step, epoch, std::move(dropout));
  });
}

/// What follows an update, which must not be done again.
void TrainingRun::finish_step(const StepBatch& batch, const StepResult& result) {
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
  report.replayed = result.replayed;
  if (result.replayed) ++summary_.replayed_steps;
  pending_.push_back({std::move(report), result.loss});
  if (static_cast<std::int64_t>(pending_.size()) >= options_.loss_interval) report_steps();
}

StepResult TrainingRun::compute(const StepInputs& inputs, std::int64_t epoch, Dropout dropout) {
  const StepResult result = forward(inputs, epoch, dropout);
  if (options_.loss_interval == 1) {
    require_finite_loss(result.loss.item<double>(), summary_.steps + 1, options_.schedule.at(summary_.steps));
  }
  optimizer_->zero_grad();
  result.loss.backward();
  check_cancelled();
  optimizer_->step();
  return {result.logits.detach(), result.loss.detach()};
}

/// Reads the losses of all steps that were not reported yet, at once, since on a device this waits for it.
void TrainingRun::report_steps() {
  if (pending_.empty()) return;
  std::vector<at::Tensor> losses;
  for (const auto& pending : pending_) losses.push_back(pending.loss);
  const at::Tensor read = [&] {
    const DeviceUse use(device_);
    return at::stack(losses).to(at::kCPU, at::kDouble);
  }();
  const std::vector<Pending> steps = std::move(pending_);
  pending_.clear();
  for (std::size_t i = 0; i < steps.size(); ++i) {
    StepReport report = steps[i].report;
    report.loss = read.const_data_ptr<double>()[i];
    require_finite_loss(report.loss, report.step, report.learning_rate);
    summary_.last_loss = report.loss;
    loss_sum_ += report.loss * static_cast<double>(report.patches);
    patches_seen_ += report.patches;
    if (report.replayed) ++replayed_in_epoch_;
    measure(report.logits, report.indices);
    report_step(report);
  }
}

void TrainingRun::report_step(const StepReport& report) {
  std::vector<double> row{static_cast<double>(report.epoch), report.loss, report.learning_rate,
                          static_cast<double>(report.patches), report.elapsed_ms};
  const auto measures = step_measures();
  row.insert(row.end(), measures.begin(), measures.end());
  row.push_back(report.replayed ? 1.0 : 0.0);
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
  // A batch that was fitted to the memory leaves no room for a recording beside what follows.
  if (options_.fit_batch) recorder_.forget();
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
  report.replayed_steps = replayed_in_epoch_;
  report.why_not_recorded = recorder_.reason();
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
