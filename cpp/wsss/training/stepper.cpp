#include "wsss/training/stepper.h"

#include <cstdlib>
#include <utility>

#include "wsss/core/cancel.h"
#include "wsss/core/libtorch.h"
#include "wsss/core/random.h"
#include "wsss/core/recompute.h"
#include "wsss/device/device_memory.h"
#include "wsss/device/device_use.h"
#include "wsss/device/memory_failure.h"
#include "wsss/process_group/group_step.h"

namespace wsss {

namespace {

/// Why steps of this training are not recorded, whatever the device could; empty if nothing is against it.
std::string reason_not_to_record(const c10::Device& device, const TrainingOptions& options) {
  if (device.is_cpu() && !options.graphs) return "the device is the CPU";
  const char* wish = std::getenv("WSSS_RECORD");
  if (wish != nullptr && std::string(wish) == "0") return "WSSS_RECORD is 0";
  if (options.group && options.group->size() > 1) return "several processes train together";
  if (options.loss_interval == 1) return "the loss is read at every step";
  return "";
}

GraphSource graphs_for(const c10::Device& device, const TrainingOptions& options) {
  if (options.graphs) return *options.graphs;
  return device.is_cpu() ? GraphSource() : graphs_of_cuda();
}

}  // namespace

Stepper::Stepper(TrainingStage& stage, const TrainingOptions& options)
    : stage_(stage),
      options_(options),
      optimizer_(stage.parameter_groups(), options.optimizer),
      dropout_generator_(make_generator(stage.device(), 0)),
      recorder_(stage.device(), graphs_for(stage.device(), options), reason_not_to_record(stage.device(), options),
                dropout_generator_, options.dropout_factor, [this] { optimizer_.zero_grad(); }) {
  if (options.group) gradient_sums_.emplace(options.group, stage.network().parameters(), options.bfloat16_gradients);
}

Stepper::~Stepper() {
  try {
    recorder_.forget();
    if (stage_.device().is_cuda()) release_idle_memory(stage_.device());
  } catch (const c10::Error&) {
    // The device is broken; whoever asks it next is told.
  }
}

std::optional<Error> Stepper::memory_failure(const std::function<void()>& work) {
  auto failure = memory_failure_of(work);
  return failure && recorder_.forget_for_room() ? memory_failure_of(work) : failure;
}

StepResult Stepper::update(const StepBatch& batch, std::int64_t steps_done) {
  dropout_generator_.set_current_seed(
      random_bits(options_.seed, RandomPurpose::kDropout, static_cast<std::uint64_t>(steps_done)));
  optimizer_.set_learning_rate(options_.schedule.at(steps_done));
  const PrecisionScope precision(options_.precision);
  const RecomputeScope recompute(options_.gradient_checkpointing);
  std::optional<GroupStep> shared;
  if (options_.group) {
    shared.emplace(options_.group);
    shared->patches = static_cast<std::int64_t>(batch.all.size());
    shared->first = batch.first;
    shared->counts = batch.counts;
    shared->synchronizes_norms = options_.synchronize_batch_norms;
  }
  const SharedStepScope scope(shared ? &*shared : nullptr);
  const StepInputs given = [&] {
    const DeviceUse use(stage_.device());
    return stage_.inputs(batch);
  }();
  const StepRecorder::Kind kind{given.images.size(0), stage_.variant_of(batch.epoch)};
  return recorder_.step(kind, given, [&](const StepInputs& step, Dropout dropout) {
    return compute(step, batch.epoch, steps_done, std::move(dropout));
  });
}

StepResult Stepper::compute(const StepInputs& inputs, std::int64_t epoch, std::int64_t steps_done, Dropout dropout) {
  const StepResult result = stage_.forward(inputs, epoch, dropout);
  if (options_.loss_interval == 1) {
    require_finite_loss(result.loss.item<double>(), steps_done + 1, options_.schedule.at(steps_done));
  }
  optimizer_.zero_grad();
  if (gradient_sums_) gradient_sums_->begin();
  result.loss.backward();
  if (gradient_sums_) gradient_sums_->finish();
  check_cancelled();
  optimizer_.step();
  return {result.logits.detach(), result.loss.detach()};
}

void Stepper::rehearse(const StepBatch& batch) {
  const PrecisionScope precision(options_.precision);
  const RecomputeScope recompute(options_.gradient_checkpointing);
  Dropout drawn(dropout_generator_, options_.dropout_factor);
  const StepInputs given = stage_.inputs(batch);
  // A recording has inputs of its own beside those that are copied into them.
  const StepInputs read = recorder_.records() ? StepInputs{given.images.clone(), given.targets.clone()} : given;
  stage_.forward(read, batch.epoch, drawn).loss.backward();
  optimizer_.zero_grad();
}

}  // namespace wsss
