#include "wsss/recording/step_recorder.h"

#include <ATen/ATen.h>

#include "wsss/device/device_memory.h"
#include "wsss/device/device_use.h"

namespace wsss {

namespace {

/// So often memory may run out, as beside another model's work, before a training records no more.
constexpr int kMostLacks = 3;

/// Whether a step is the last of an epoch, of patches that do not fill a batch, among steps of a kind.
bool is_rest(const StepRecorder::Kind& step, const StepRecorder::Kind& kind) {
  return step.patches < kind.patches && step.variant == kind.variant;
}

}  // namespace

StepRecorder::StepRecorder(const c10::Device& device, GraphSource source, std::string reason, at::Generator generator,
                           double dropout_factor, std::function<void()> drop_gradients)
    : device_(device),
      source_(std::move(source)),
      reason_(std::move(reason)),
      generator_(std::move(generator)),
      dropout_factor_(dropout_factor),
      drop_gradients_(std::move(drop_gradients)) {
  if (reason_.empty()) reason_ = source_.make ? source_.history->forbids() : source_.reason;
}

StepResult StepRecorder::step(const Kind& kind, const StepInputs& inputs, const Compute& compute) {
  if (!records() || (recorded_ != nullptr && is_rest(kind, recorded_->kind))) {
    return computed(inputs, compute, nullptr);
  }
  if (recorded_ == nullptr || recorded_->kind != kind) {
    forget();
    recorded_ = std::make_unique<Recorded>();
    recorded_->kind = kind;
    return computed(inputs, compute, &recorded_->masks);
  }
  if (!recorded_->recording.is_made() && !record(inputs, compute)) return computed(inputs, compute, nullptr);
  return replayed(inputs);
}

StepResult StepRecorder::computed(const StepInputs& inputs, const Compute& compute, HeldMasks* masks) {
  const DeviceUse use(device_);
  return compute(inputs, {generator_, dropout_factor_, masks});
}

/// Records the step that was computed before. False if there is no recording now.
bool StepRecorder::record(const StepInputs& inputs, const Compute& compute) {
  drop_gradients_();
  // What the step had when it was computed waits for a next one, which will not come.
  release_idle_memory(device_);
  // Whatever is written between two replays is made here, not while recording: see HeldMasks.
  recorded_->inputs = {inputs.images.clone(), inputs.targets.clone()};
  recorded_->masks.rewind();
  const auto outcome = recorded_->recording.make(source_, [&] {
    recorded_->result = compute(recorded_->inputs, {generator_, dropout_factor_, &recorded_->masks});
  });
  if (outcome == Recording::Outcome::kMade) return true;
  if (outcome == Recording::Outcome::kNoRoom) {
    forget_for_room();
    return false;
  }
  reason_ = recorded_->recording.problem();
  forget();
  return false;
}

StepResult StepRecorder::replayed(const StepInputs& inputs) {
  const DeviceUse use(device_);
  recorded_->inputs.images.copy_(inputs.images);
  recorded_->inputs.targets.copy_(inputs.targets);
  recorded_->masks.draw(generator_);
  // The next replay overwrites its results. Their copies have their memory before the step is done, which would be done
  // again for want of it.
  const StepResult copies{at::empty_like(recorded_->result.logits), at::empty_like(recorded_->result.loss), true};
  recorded_->recording.replay();
  copies.logits.copy_(recorded_->result.logits);
  copies.loss.copy_(recorded_->result.loss);
  return copies;
}

void StepRecorder::forget() {
  if (recorded_ == nullptr) return;
  drop_gradients_();
  recorded_.reset();
  release_idle_memory(device_);
}

bool StepRecorder::forget_for_room() {
  if (recorded_ == nullptr) return false;
  forget();
  if (++lacks_ == kMostLacks) {
    reason_ = "memory ran out beside a recorded step " + std::to_string(kMostLacks) + " times";
  }
  return true;
}

}  // namespace wsss
