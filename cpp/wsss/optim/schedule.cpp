#include "wsss/optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace wsss {

double Schedule::at(std::int64_t step) const {
  const std::int64_t total = std::max<std::int64_t>(1, epochs * steps_per_epoch);
  const double t = static_cast<double>(std::min(step, total - 1));
  const double progress = t / static_cast<double>(total);
  double rate = learning_rate;
  switch (kind) {
    case ScheduleKind::kPoly:
      rate = learning_rate * std::pow(1.0 - progress, power);
      break;
    case ScheduleKind::kCosine:
      rate = 0.5 * learning_rate * (1.0 + std::cos(progress * std::numbers::pi));
      break;
    case ScheduleKind::kStep: {
      const std::int64_t epoch = step / std::max<std::int64_t>(1, steps_per_epoch);
      const std::int64_t drops = epoch / std::max<std::int64_t>(1, step_epochs);
      rate = learning_rate * std::pow(0.1, static_cast<double>(drops));
      break;
    }
  }
  const std::int64_t warmup_steps = warmup_epochs * steps_per_epoch;
  if (warmup_steps > 0 && step < warmup_steps) rate *= static_cast<double>(step) / static_cast<double>(warmup_steps);
  return rate;
}

}  // namespace wsss
