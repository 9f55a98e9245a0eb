#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "wsss/core/cancel.h"
#include "wsss/core/dropout.h"
#include "wsss/core/error.h"
#include "wsss/dataset/batch.h"
#include "wsss/optim/checkpoint.h"
#include "wsss/optim/training.h"
#include "wsss/optim/weight_average.h"
#include "wsss/recording/step_recorder.h"
#include "wsss/weights/state_dict.h"

namespace wsss {

/// One optimiser step. With a loss interval of 1 the gradients of the step are still in the network while the report is
/// read.
struct StepReport {
  std::int64_t epoch = 0;
  std::int64_t step = 0;  ///< 1-based over the whole run.
  std::int64_t steps = 0;
  double loss = 0.0;
  double learning_rate = 0.0;
  std::int64_t patches = 0;
  double elapsed_ms = 0.0;
  at::Tensor logits;                  ///< One entry per patch, before the update; of a segmenter not enlarged.
  std::vector<std::int64_t> indices;  ///< Patches of the batch, in the order of `logits`.
  bool again = false;     ///< From before the checkpoint that the run resumed from; without logits and indices.
  bool replayed = false;  ///< Whether it was replayed from a recording.
};

/// One epoch, after its validation.
struct EpochReport {
  std::int64_t epoch = 0;
  double mean_loss = 0.0;
  double elapsed_ms = 0.0;
  bool best = false;
  bool again = false;  ///< As in StepReport.
  std::int64_t replayed_steps = 0;
  std::string why_not_recorded;  ///< Why its last step was not recorded; empty if it was, or is the first of its kind.
};

/// Patches of one step and how each is augmented.
struct StepBatch {
  std::int64_t epoch = 0;
  std::vector<std::int64_t> indices;
  std::vector<AugmentationDraw> draws;
};

/// What the tensors of a step of n patches take: fixed + n * per_patch bytes.
struct StepMemory {
  double fixed = 0.0;
  double per_patch = 0.0;
};

/// The loop that both stages share: epochs of shuffled batches, one update each, validation, the best weights kept,
/// checkpoints. A stage says what one forward pass is, and what is measured.
///
/// On a CUDA device whose losses are read every few steps, steps are recorded and replayed: see StepRecorder.
///
/// With a checkpoint folder a cancelled run ends its step and saves before it stops, and a run that resumes does
/// exactly what the undisturbed one would have done: on the CPU to the last bit. It first reports again what was
/// reported before the checkpoint, so that whoever writes the reports down has them without gap or double.
class TrainingRun {
 public:
  virtual ~TrainingRun() = default;
  TrainingRun(const TrainingRun&) = delete;
  TrainingRun& operator=(const TrainingRun&) = delete;

  /// @throws Error  kCancelled when the token is raised; kDiverged at the first loss that is not finite; kIo when a
  ///                checkpoint cannot be written.
  TrainingSummary run();

 protected:
  /// @param stage      its name in checkpoints.
  /// @param reference  any parameter of the network, for its dtype and device.
  /// @param count      patches of the training set.
  TrainingRun(const char* stage, torch::nn::Module& network, const at::Tensor& reference,
              const TrainingOptions& options, std::int64_t count, const CancelToken& cancel);

  virtual std::vector<ParameterGroup> parameter_groups() = 0;
  /// Evaluates the network on some training patches, for unfold_batch_norms().
  virtual void look_at(const std::vector<std::int64_t>& indices) = 0;
  /// Whether batch norms learn in this run.
  virtual bool trains_batch_norms() const = 0;
  virtual void begin_epoch() {}
  /// Writes what forward() reads of the epoch to where it reads it: a recording that computes with a number keeps it.
  virtual void enter_epoch(std::int64_t /*epoch*/) {}
  virtual StepInputs inputs(const StepBatch& batch) = 0;
  virtual StepResult forward(const StepInputs& inputs, std::int64_t epoch, Dropout& dropout) = 0;
  /// Patches without which a step cannot be: 2 where a layer normalises over the patches alone.
  virtual std::int64_t fewest_patches() const { return 1; }
  /// Which of two ways forward() goes in an epoch; each has a recording of its own.
  virtual bool variant_of(std::int64_t /*epoch*/) const { return false; }
  /// Takes a step into the meters.
  virtual void measure(const at::Tensor& /*logits*/, const std::vector<std::int64_t>& /*indices*/) {}
  virtual void step_done(const StepReport& report) = 0;
  virtual bool has_validation() const = 0;
  /// The score that the best epoch is chosen by.
  virtual double validate() = 0;
  virtual void epoch_done(const EpochReport& report) = 0;

  // What a stage measures beside the loss, as numbers for checkpoints. set_...() is followed by step_done() or
  // epoch_done(), when a resumed run reports again.
  virtual std::vector<double> meter_state() const { return {}; }
  virtual void set_meter_state(const std::vector<double>& /*state*/) {}
  virtual std::vector<double> step_measures() const { return {}; }
  virtual void set_step_measures(const std::vector<double>& /*measures*/) {}
  virtual std::vector<double> epoch_measures() const { return {}; }
  virtual void set_epoch_measures(const std::vector<double>& /*measures*/) {}

  c10::ScalarType dtype() const { return dtype_; }
  const c10::Device& device() const { return device_; }
  const CancelToken& cancel() const { return cancel_; }
  /// Patches of a full step, as fitted; validation takes as many.
  std::int64_t batch_size() const { return options_.batch_size; }

 private:
  bool has_checkpoints() const { return !options_.checkpoint_folder.empty(); }
  class RecordingScope;
  std::optional<Error> lack_of_room(const std::function<void()>& work);
  void set_batch_size(std::int64_t patches);
  void unfold();
  void train_epoch(std::int64_t epoch);
  StepResult update(const StepBatch& batch);
  void finish_step(const StepBatch& batch, const StepResult& result);
  StepResult compute(const StepInputs& inputs, std::int64_t epoch, Dropout dropout);
  StepRecorder make_recorder();
  void drop_gradients();
  void report_steps();
  void report_step(const StepReport& report);
  void finish_epoch(std::int64_t epoch);
  double validated_score();
  EpochReport validated_epoch(std::int64_t epoch);
  void save_weights(const char* name) const;

  // training_memory.cpp
  std::int64_t fitting_batch(std::int64_t most);
  std::optional<StepMemory> measure_memory();
  double step_bytes(std::int64_t patches);
  double kept_bytes() const;
  Error no_memory(std::int64_t patches, const Error& problem);

  // training_checkpoint.cpp
  void save_checkpoint();
  void stop_if_cancelled();
  void resume();
  void restore_optimizer(const Checkpoint& checkpoint);
  void report_again(const Checkpoint& checkpoint);

  /// A step that is done and not reported, because its loss may still be on its way from the device.
  struct Pending {
    StepReport report;  ///< Without the loss.
    at::Tensor loss;
  };

  const char* stage_;
  torch::nn::Module& network_;
  TrainingOptions options_;
  std::int64_t count_;
  const CancelToken& cancel_;
  c10::ScalarType dtype_;
  c10::Device device_;
  Stopwatch watch_;
  at::Generator dropout_generator_;
  TrainingSummary summary_;
  std::optional<Optimizer> optimizer_;
  std::optional<WeightAverage> average_;
  StateDict best_weights_;
  std::vector<Pending> pending_;
  StepRecorder recorder_;
  double loss_sum_ = 0.0;
  std::int64_t replayed_in_epoch_ = 0;
  std::int64_t patches_seen_ = 0;
  std::vector<std::vector<double>> step_history_;
  std::vector<std::vector<double>> epoch_history_;
  std::int64_t saved_steps_ = -1;  ///< Of the last checkpoint.
  std::int64_t saved_epochs_ = -1;
  double elapsed_before_ms_ = 0.0;  ///< Before the checkpoint that the run resumed from.
  double elapsed_ms() const { return elapsed_before_ms_ + watch_.elapsed_ms(); }
};

}  // namespace wsss
