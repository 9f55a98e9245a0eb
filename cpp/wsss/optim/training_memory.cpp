// The part of TrainingRun that finds out how many patches a step has room for.

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "wsss/core/error.h"
#include "wsss/core/recompute.h"
#include "wsss/device/device_memory.h"
#include "wsss/device/device_use.h"
#include "wsss/device/room.h"
#include "wsss/optim/training_run.h"

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
double TrainingRun::step_bytes(std::int64_t patches) {
  const std::int64_t last_epoch = options_.schedule.epochs - 1;  // With everything that a schedule turns on.
  StepBatch batch{last_epoch, {}, {}};
  for (std::int64_t i = 0; i < patches; ++i) {
    batch.indices.push_back(i % count_);
    batch.draws.emplace_back();
  }
  const PrecisionScope precision(options_.precision);
  const RecomputeScope recompute(options_.gradient_checkpointing);
  enter_epoch(last_epoch);
  std::int64_t bytes = 0;
  for (int time = 0; time < 2; ++time) {
    const PeakMemory peak(device_);
    Dropout drawn(dropout_generator_, options_.dropout_factor);
    const StepInputs given = inputs(batch);
    // A recording has inputs of its own beside those that are copied into them.
    const StepInputs read = recorder_.records() ? StepInputs{given.images.clone(), given.targets.clone()} : given;
    forward(read, last_epoch, drawn).loss.backward();
    bytes = peak.bytes();
    optimizer_->zero_grad();
  }
  return static_cast<double>(bytes);
}

/// Computes small steps, which leave no trace in the network. Nothing if not even the fewest patches have room.
std::optional<StepMemory> TrainingRun::measure_memory() {
  const DeviceUse use(device_);
  const BuffersAsTheyWere buffers(network_);
  network_.train();
  std::optional<double> fewest, one_more;
  const auto no_room = lack_of_room([&] {
    fewest = step_bytes(fewest_patches());
    one_more = step_bytes(fewest_patches() + 1);
  });
  optimizer_->zero_grad();
  if (!fewest) return std::nullopt;
  const auto patches = static_cast<double>(fewest_patches());
  // There is no room for one more patch, whatever it would take.
  if (no_room) return StepMemory{*fewest, std::numeric_limits<double>::infinity()};
  const double per_patch = std::max(1.0, *one_more - *fewest);
  return StepMemory{*fewest - per_patch * patches, per_patch};
}

/// What the training keeps from its first step on, as far as free memory was asked before.
double TrainingRun::kept_bytes() const {
  double bytes = 0.0;
  for (const auto& parameter : network_.parameters()) {
    // What the host has free was asked before the first step.
    const bool comes_on_top = device_.is_cpu() || summary_.steps == 0;
    const auto states = parameter.requires_grad() ? static_cast<double>(optimizer_->state_names().size()) : 0.0;
    const auto own = static_cast<double>(parameter.nbytes());
    if (comes_on_top) bytes += states * own;
    if (options_.keep_best && device_.is_cpu()) bytes += own;
  }
  return bytes;
}

/// Patches of a step that have room, at most so many; 0 if not even the fewest have.
std::int64_t TrainingRun::fitting_batch(std::int64_t most) {
  const std::optional<StepMemory> memory = measure_memory();
  release_idle_memory(device_);
  if (!memory) return 0;
  const double free = device_.is_cpu() ? kShareOfHost * static_cast<double>(options_.free_host_bytes)
                                       : kShareOfDevice * static_cast<double>(free_device_bytes(device_));
  const double room = free - kept_bytes();
  // An infinite size stands for "no room"; 0 times it would not be a number.
  const auto bytes = [&](std::int64_t patches) {
    if (std::isinf(memory->per_patch)) return patches <= fewest_patches() ? memory->fixed : memory->per_patch;
    return memory->fixed + static_cast<double>(patches) * memory->per_patch;
  };
  const auto has_room = [&](std::int64_t patches) {
    const std::int64_t rest = rest_of(count_, patches, options_.drop_last_batch);
    if (rest != 0 && rest < fewest_patches()) return false;
    // The rest of an epoch is computed beside the recording of a full step, which keeps its memory.
    const double beside = rest != 0 && recorder_.records() ? bytes(rest) : 0.0;
    return bytes(patches) + beside <= room;
  };
  std::int64_t batch = most;
  while (batch >= fewest_patches() && !has_room(batch)) --batch;
  return batch < fewest_patches() ? 0 : batch;
}

/// What to say when a step of so many patches had no room, and how many would have.
Error TrainingRun::no_memory(std::int64_t patches, const Error& problem) {
  report_steps();
  recorder_.forget();
  optimizer_->zero_grad();
  release_idle_memory(device_);
  const std::int64_t fits = fitting_batch(patches - 1);
  std::string advice = advice_for_batch(fits);
  if (fits > 0) advice += ", or to \"auto\"";
  if (!options_.gradient_checkpointing) advice += ", or turn gradientCheckpointing on";
  const char* statistics =
      trains_batch_norms() ? ", and running statistics that this step's patches may have moved" : "";
  return Error(ErrorCode::kOutOfMemory,
               "memory ran out in a step of " + std::to_string(patches) + (patches == 1 ? " patch" : " patches") +
                   "; " + advice + ". The model has the weights of the step before" + statistics + " (" +
                   problem.what() + ")",
               {{"batchSize", static_cast<double>(patches)}, {"fits", static_cast<double>(fits)}});
}

}  // namespace wsss
