// Learning rate schedules: polynomial, cosine and stepwise, with warm-up.
#pragma once

#include <cstdint>

namespace wsss {

enum class ScheduleKind { kPoly, kCosine, kStep };

/// Learning rate over the optimiser steps of a run, in double precision.
struct Schedule {
  ScheduleKind kind = ScheduleKind::kPoly;
  double learning_rate = 0.01;   ///< At the start.
  double power = 0.9;            ///< Exponent of poly: lr * (1 - t / T)^power.
  std::int64_t step_epochs = 0;  ///< Epochs between two drops to a tenth, for kStep; 1 or more there.
  std::int64_t warmup_epochs = 0;
  std::int64_t steps_per_epoch = 1;
  std::int64_t epochs = 1;

  /// Rate of step `step` (0-based over the whole run), set before the update. From the last step on poly stays at its
  /// last value. Warm-up multiplies the first warmup_epochs by t / T_warmup, so the very first rate is 0.
  double at(std::int64_t step) const;
};

}  // namespace wsss
