// What a training stage must say of itself for the loop that both stages share.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <torch/nn/module.h>

#include <cstdint>
#include <string>
#include <vector>

#include "wsss/core/dropout.h"
#include "wsss/dataset/batch.h"
#include "wsss/optim/optimizer.h"
#include "wsss/recording/step_recorder.h"
#include "wsss/training/history.h"

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
  at::Tensor logits;                  ///< One entry per patch, before the update; not enlarged if of a segmenter.
  std::vector<std::int64_t> indices;  ///< Patches of the batch, in the order of `logits`.
  bool again = false;     ///< From before the checkpoint that the run resumed from; without logits and indices.
  bool replayed = false;  ///< Whether it was replayed from a recording.
};

/// One epoch, after its validation.
struct EpochReport {
  std::int64_t epoch = 0;
  std::int64_t batch_size = 0;
  double mean_loss = 0.0;
  double elapsed_ms = 0.0;
  bool best = false;
  bool again = false;  ///< As in StepReport.
  std::int64_t replayed_steps = 0;
  std::string why_not_recorded;  ///< Why its last step was not recorded; empty if it was, or is the first of its kind.
};

/// Patches of one step that this process computes, and how each is augmented.
struct StepBatch {
  std::int64_t epoch = 0;
  std::vector<std::int64_t> indices;
  std::vector<AugmentationDraw> draws;
  std::vector<std::int64_t> all{};  ///< Those of all processes.
  std::int64_t first = 0;           ///< Position in `all` of the first one that is here.
  bool counts = true;               ///< As in SharedStep.
};

/// One of the two trainings: what a forward pass is, and what is measured. run_training() does the rest.
class TrainingStage {
 public:
  virtual ~TrainingStage() = default;
  TrainingStage(const TrainingStage&) = delete;
  TrainingStage& operator=(const TrainingStage&) = delete;

  /// In checkpoints.
  const char* name() const { return name_; }
  torch::nn::Module& network() const { return network_; }
  c10::ScalarType dtype() const { return dtype_; }
  const c10::Device& device() const { return device_; }

  virtual std::vector<ParameterGroup> parameter_groups() = 0;
  /// Whether batch norms learn in this run.
  virtual bool trains_batch_norms() const = 0;
  /// Evaluates the network on training patches, so that unfold_batch_norms() sees what its layers get.
  virtual void evaluate_patches(const std::vector<std::int64_t>& indices) = 0;
  /// The fewest patches that a step can have: 2 where a layer normalises over the patches alone.
  virtual std::int64_t fewest_patches() const { return 1; }

  virtual void begin_epoch() {}
  /// Puts what forward() needs to know of the epoch where it reads it: a recording keeps any number it computed with.
  virtual void enter_epoch(std::int64_t /*epoch*/) {}
  /// Which of its two ways forward() takes in an epoch; each has a recording of its own.
  virtual bool variant_of(std::int64_t /*epoch*/) const { return false; }
  virtual StepInputs inputs(const StepBatch& batch) = 0;
  virtual StepResult forward(const StepInputs& inputs, std::int64_t epoch, Dropout& dropout) = 0;
  /// Adds the logits of a step to what is measured beside the loss.
  virtual void measure(const at::Tensor& /*logits*/, const std::vector<std::int64_t>& /*indices*/) {}
  virtual void step_done(const StepReport& report) = 0;

  virtual bool has_validation() const = 0;
  /// Returns the score by which the best epoch is chosen.
  virtual double validate(std::int64_t batch_size) = 0;
  virtual void epoch_done(const EpochReport& report) = 0;

  // What is measured beside the loss, for checkpoints. A resumed run sets what step_done() and epoch_done() tell of an
  // earlier step or epoch before it calls them.
  virtual Measures meter_state() const { return {}; }
  virtual void set_meter_state(const Measures& /*state*/) {}
  virtual Measures step_measures() const { return {}; }
  virtual void set_step_measures(const Measures& /*measures*/) {}
  virtual Measures epoch_measures() const { return {}; }
  virtual void set_epoch_measures(const Measures& /*measures*/) {}

 protected:
  /// @param reference  any parameter of the network, for its dtype and device.
  TrainingStage(const char* name, torch::nn::Module& network, const at::Tensor& reference)
      : name_(name), network_(network), dtype_(reference.scalar_type()), device_(reference.device()) {}

 private:
  const char* name_;
  torch::nn::Module& network_;
  c10::ScalarType dtype_;
  c10::Device device_;
};

}  // namespace wsss
