// One step of a training: forward, backward and update, computed or replayed from a recording.
#pragma once

#include <ATen/core/Generator.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "wsss/core/error.h"
#include "wsss/optim/optimizer.h"
#include "wsss/process_group/gradient_sums.h"
#include "wsss/recording/step_recorder.h"
#include "wsss/training/stage.h"
#include "wsss/training/training_options.h"

namespace wsss {

/// Does the steps of a training. On a CUDA device whose losses are read every few steps, they are recorded and
/// replayed: see StepRecorder.
class Stepper {
 public:
  /// Both must outlive it.
  Stepper(TrainingStage& stage, const TrainingOptions& options);
  /// Frees the memory of the recording, and what only its stream could use, however the training ends.
  ~Stepper();
  Stepper(const Stepper&) = delete;
  Stepper& operator=(const Stepper&) = delete;

  /// Computes a step and updates the weights.
  ///
  /// @param steps_done  before this one.
  /// @throws Error      kDiverged if the loss is read at every step and is not finite.
  StepResult update(const StepBatch& batch, std::int64_t steps_done);
  /// Computes a step as update() would, but without updating; leaves no gradients.
  void rehearse(const StepBatch& batch);

  /// As memory_failure_of(), but if there is a recording, which holds memory, it tries a second time without it.
  std::optional<Error> memory_failure(const std::function<void()>& work);
  void forget_recording() { recorder_.forget(); }
  /// Whether steps are recorded, or will be.
  bool records() const { return recorder_.records(); }
  /// Empty if steps are recorded.
  const std::string& why_not_recorded() const { return recorder_.reason(); }

  Optimizer& optimizer() { return optimizer_; }

 private:
  StepResult compute(const StepInputs& inputs, std::int64_t epoch, std::int64_t steps_done, Dropout dropout);

  TrainingStage& stage_;
  const TrainingOptions& options_;
  Optimizer optimizer_;
  std::optional<GradientSums> gradient_sums_;  ///< Of a process group.
  at::Generator dropout_generator_;
  StepRecorder recorder_;
};

}  // namespace wsss
