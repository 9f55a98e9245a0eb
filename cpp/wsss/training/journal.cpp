#include "wsss/training/journal.h"

#include <algorithm>
#include <utility>

#include "wsss/core/error.h"
#include "wsss/core/libtorch.h"
#include "wsss/device/device_use.h"

namespace wsss {

namespace {

double number(bool value) { return value ? 1.0 : 0.0; }

Measures row_of(const StepReport& report, Measures measures) {
  measures["epoch"] = {static_cast<double>(report.epoch)};
  measures["loss"] = {report.loss};
  measures["learningRate"] = {report.learning_rate};
  measures["patches"] = {static_cast<double>(report.patches)};
  measures["elapsedMs"] = {report.elapsed_ms};
  measures["replayed"] = {number(report.replayed)};
  return measures;
}

Measures row_of(const EpochReport& report, Measures measures) {
  measures["meanLoss"] = {report.mean_loss};
  measures["elapsedMs"] = {report.elapsed_ms};
  measures["best"] = {number(report.best)};
  return measures;
}

std::int64_t patches_of(const Measures& row) {
  constexpr double kMost = 1e9;
  const double patches = number_of(row, "patches");
  if (!(patches >= 0.0 && patches <= kMost)) throw Error(ErrorCode::kWeights, "the checkpoint's history is broken");
  return static_cast<std::int64_t>(patches);
}

}  // namespace

void Journal::begin_epoch() {
  sums_ = {};
  replayed_ = 0;
}

void Journal::add(StepReport report, const at::Tensor& loss) {
  pending_.push_back({std::move(report), loss});
  if (static_cast<std::int64_t>(pending_.size()) >= options_.loss_interval) report_steps();
}

void Journal::report_steps() {
  if (pending_.empty()) return;
  std::vector<at::Tensor> losses;
  for (const auto& pending : pending_) losses.push_back(pending.loss);
  const at::Tensor read = [&] {
    const DeviceUse use(stage_.device());
    return at::stack(losses).to(at::kCPU, at::kDouble);
  }();
  const std::vector<Pending> steps = std::exchange(pending_, {});
  for (std::size_t i = 0; i < steps.size(); ++i) {
    StepReport report = steps[i].report;
    report.loss = read.const_data_ptr<double>()[i];
    require_finite_loss(report.loss, report.step, report.learning_rate);
    last_loss_ = report.loss;
    sums_.loss += report.loss * static_cast<double>(report.patches);
    sums_.patches += report.patches;
    if (report.replayed) ++replayed_;
    stage_.measure(report.logits, report.indices);
    if (keeps_history()) history_.steps.append(row_of(report, stage_.step_measures()));
    stage_.step_done(report);
  }
}

void Journal::add(const EpochReport& report) {
  if (keeps_history()) history_.epochs.append(row_of(report, stage_.epoch_measures()));
}

double Journal::mean_loss() const { return sums_.loss / static_cast<double>(std::max<std::int64_t>(1, sums_.patches)); }

void Journal::write_to(Checkpoint& checkpoint) const {
  checkpoint.sums = sums_;
  checkpoint.meters = stage_.meter_state();
  checkpoint.last_loss = last_loss_;
  checkpoint.history = history_;
}

void Journal::resume_from(const Checkpoint& checkpoint) {
  history_ = checkpoint.history;
  const std::int64_t per_epoch = options_.schedule.steps_per_epoch;
  for (std::int64_t step = 0; step < checkpoint.steps; ++step) {
    if (step % per_epoch == 0) replayed_ = 0;
    report_step_again(step);
    const std::int64_t epoch = step / per_epoch;
    const bool ends_epoch = (step + 1) % per_epoch == 0;
    if (ends_epoch && epoch < checkpoint.epoch) report_epoch_again(epoch);
  }
  sums_ = checkpoint.sums;
  last_loss_ = checkpoint.last_loss;
  stage_.set_meter_state(checkpoint.meters);
}

void Journal::report_step_again(std::int64_t index) {
  const Measures row = history_.steps.row(static_cast<std::size_t>(index));
  StepReport report;
  report.epoch = index / options_.schedule.steps_per_epoch;
  report.step = index + 1;
  report.steps = options_.schedule.epochs * options_.schedule.steps_per_epoch;
  report.loss = number_of(row, "loss");
  report.learning_rate = number_of(row, "learningRate");
  report.patches = patches_of(row);
  report.elapsed_ms = number_of(row, "elapsedMs");
  report.again = true;
  report.replayed = number_of(row, "replayed") != 0.0;
  if (report.replayed) ++replayed_;
  stage_.set_step_measures(row);
  stage_.step_done(report);
}

void Journal::report_epoch_again(std::int64_t epoch) {
  const Measures row = history_.epochs.row(static_cast<std::size_t>(epoch));
  EpochReport report;
  report.epoch = epoch;
  report.batch_size = options_.batch_size;
  report.mean_loss = number_of(row, "meanLoss");
  report.elapsed_ms = number_of(row, "elapsedMs");
  report.best = number_of(row, "best") != 0.0;
  report.again = true;
  report.replayed_steps = replayed_;
  stage_.set_epoch_measures(row);
  stage_.epoch_done(report);
}

}  // namespace wsss
