// How many patches a step has room for.
#pragma once

#include <cstdint>
#include <optional>

#include "wsss/core/error.h"
#include "wsss/training/stage.h"
#include "wsss/training/stepper.h"
#include "wsss/training/training_options.h"

namespace wsss {

/// Finds out how many patches memory has room for, by trying small steps that update nothing.
class BatchFitter {
 public:
  /// All must outlive it.
  ///
  /// @param count  patches of the training set.
  BatchFitter(TrainingStage& stage, Stepper& stepper, const TrainingOptions& options, std::int64_t count)
      : stage_(stage), stepper_(stepper), options_(options), count_(count) {}

  /// How many patches a step has room for, at most `most`; 0 if it has no room even for the fewest.
  ///
  /// @param steps_done  so far: with the first step the optimizer takes memory of its own.
  std::int64_t fitting_batch(std::int64_t most, std::int64_t steps_done);

  /// What to say when a step of so many patches had no room, and how many patches would have fitted.
  ///
  /// @param failure  what was said then.
  Error failure(std::int64_t patches, std::int64_t steps_done, const Error& failure);

 private:
  /// What the tensors of a step of n patches take: fixed + n * per_patch bytes.
  struct StepMemory {
    double fixed = 0.0;
    double per_patch = 0.0;
  };

  std::optional<StepMemory> measure();
  double step_bytes(std::int64_t patches);
  double kept_bytes(std::int64_t steps_done) const;

  TrainingStage& stage_;
  Stepper& stepper_;
  const TrainingOptions& options_;
  std::int64_t count_;
};

}  // namespace wsss
