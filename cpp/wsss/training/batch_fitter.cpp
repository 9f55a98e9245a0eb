#include "wsss/training/batch_fitter.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "wsss/core/libtorch.h"
#include "wsss/core/remedy.h"
#include "wsss/device/device_memory.h"
#include "wsss/device/device_use.h"
#include "wsss/device/memory_failure.h"

namespace wsss {

namespace {

/// What a training takes of the free memory: gaps between tensors, libraries and other programs need the rest. On the
/// CPU that is more: the C library gives what tensors leave back in parts only.
constexpr double kShareOfDevice = 0.85;
constexpr double kShareOfHost = 0.7;

/// How many patches are left alone in the last step of an epoch.
std::int64_t rest_of(std::int64_t count, std::int64_t batch, bool drop_last) { return drop_last ? 0 : count % batch; }

/// Puts batch norms' statistics and the evaluation back as they were.
class BuffersAsTheyWere {
 public:
  explicit BuffersAsTheyWere(torch::nn::Module& network) : network_(network) {
    for (const auto& buffer : network.buffers()) {
      buffers_.push_back(buffer);
      before_.push_back(buffer.clone());
    }
  }
  ~BuffersAsTheyWere() {
    const torch::NoGradGuard no_grad;
    for (std::size_t i = 0; i < before_.size(); ++i) buffers_[i].copy_(before_[i]);
    network_.eval();
  }
  BuffersAsTheyWere(const BuffersAsTheyWere&) = delete;
  BuffersAsTheyWere& operator=(const BuffersAsTheyWere&) = delete;

 private:
  torch::nn::Module& network_;
  std::vector<at::Tensor> buffers_, before_;
};

}  // namespace

/// The peak of a step's second time: at the first, libraries try their ways.
double BatchFitter::step_bytes(std::int64_t patches) {
  const std::int64_t last_epoch = options_.schedule.epochs - 1;  // With everything that a schedule turns on.
  StepBatch batch{last_epoch, {}, {}};
  for (std::int64_t i = 0; i < patches; ++i) {
    batch.indices.push_back(i % count_);
    batch.draws.emplace_back();
  }
  stage_.enter_epoch(last_epoch);
  stepper_.rehearse(batch);
  const PeakMemory peak(stage_.device());
  stepper_.rehearse(batch);
  return static_cast<double>(peak.bytes());
}

/// Computes small steps, which leave no trace in the network. Nothing if not even the fewest patches have room.
std::optional<BatchFitter::StepMemory> BatchFitter::measure() {
  const DeviceUse use(stage_.device());
  const BuffersAsTheyWere buffers(stage_.network());
  stage_.network().train();
  const std::int64_t fewest = stage_.fewest_patches();
  std::optional<double> of_fewest, of_one_more;
  const auto failure = stepper_.memory_failure([&] {
    of_fewest = step_bytes(fewest);
    of_one_more = step_bytes(fewest + 1);
  });
  stepper_.optimizer().zero_grad();
  if (!of_fewest) return std::nullopt;
  // There is no room for one more patch, whatever it would take.
  if (failure) return StepMemory{*of_fewest, std::numeric_limits<double>::infinity()};
  const double per_patch = std::max(1.0, *of_one_more - *of_fewest);
  return StepMemory{*of_fewest - per_patch * static_cast<double>(fewest), per_patch};
}

/// What the training keeps from its first step on, as far as free memory was asked before.
double BatchFitter::kept_bytes(std::int64_t steps_done) const {
  const bool on_cpu = stage_.device().is_cpu();
  const auto state_count = static_cast<double>(stepper_.optimizer().state_names().size());
  double bytes = 0.0;
  for (const auto& parameter : stage_.network().parameters()) {
    // What the host has free was asked before the first step.
    const bool comes_on_top = on_cpu || steps_done == 0;
    const auto own = static_cast<double>(parameter.nbytes());
    if (comes_on_top && parameter.requires_grad()) bytes += state_count * own;
    if (options_.keep_best && on_cpu) bytes += own;
  }
  return bytes;
}

std::int64_t BatchFitter::fitting_batch(std::int64_t most, std::int64_t steps_done) {
  const std::optional<StepMemory> memory = measure();
  const c10::Device& device = stage_.device();
  release_idle_memory(device);
  if (!memory) return 0;
  const std::int64_t fewest = stage_.fewest_patches();
  const double free = device.is_cpu() ? kShareOfHost * static_cast<double>(options_.free_host_bytes)
                                      : kShareOfDevice * static_cast<double>(free_device_bytes(device));
  const double room = free - kept_bytes(steps_done);
  // An infinite size stands for "no room"; 0 times it would not be a number.
  const auto bytes = [&](std::int64_t patches) {
    if (std::isinf(memory->per_patch)) return patches <= fewest ? memory->fixed : memory->per_patch;
    return memory->fixed + static_cast<double>(patches) * memory->per_patch;
  };
  const auto has_room = [&](std::int64_t patches) {
    const std::int64_t rest = rest_of(count_, patches, options_.drop_last_batch);
    if (rest != 0 && rest < fewest) return false;
    // The rest of an epoch is computed beside the recording of a full step, which keeps its memory.
    const double beside = rest != 0 && stepper_.records() ? bytes(rest) : 0.0;
    return bytes(patches) + beside <= room;
  };
  std::int64_t batch = most;
  while (batch >= fewest && !has_room(batch)) --batch;
  return batch < fewest ? 0 : batch;
}

Error BatchFitter::failure(std::int64_t patches, std::int64_t steps_done, const Error& failure) {
  stepper_.forget_recording();
  stepper_.optimizer().zero_grad();
  release_idle_memory(stage_.device());
  const std::int64_t fits = fitting_batch(patches - 1, steps_done);
  std::vector<std::string> remedies{fits > 0 ? kSmallerBatch : kSmallerPatches};
  if (fits > 0) remedies.emplace_back(kAutoBatch);
  if (!options_.gradient_checkpointing) remedies.emplace_back(kGradientCheckpointing);
  const char* statistics =
      stage_.trains_batch_norms() ? ", and running statistics that this step's patches may have moved" : "";
  return Error(ErrorCode::kOutOfMemory,
               "memory ran out in a step of " + patches_in_words(patches) + "; " + fitting_in_words(fits) +
                   ". The model has the weights of the step before" + statistics + " (" + failure.what() + ")",
               {{"batchSize", static_cast<double>(patches)},
                {"fits", static_cast<double>(fits)},
                {kRemedies, std::move(remedies)}});
}

}  // namespace wsss
