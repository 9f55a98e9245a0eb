// Records training steps on a GPU and replays them.
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "wsss/core/dropout.h"
#include "wsss/recording/recording.h"

namespace wsss {

/// What a step computes with, on the network's device.
struct StepInputs {
  at::Tensor images;   ///< [n, 3, H, W]
  at::Tensor targets;  ///< Labels [n, K], or masks [levels, n, H, W].
};

/// What a step leaves beside the weights.
struct StepResult {
  at::Tensor logits;
  at::Tensor loss;        ///< Scalar.
  bool replayed = false;  ///< Whether it was replayed from a recording.
};

/// Does the steps of a training on a device that can record: a step of a kind is computed the first time, recorded the
/// second time, and replayed from then on. That costs the host a few launches a step instead of thousands.
///
/// Where it cannot record it computes, and says why. It never fails where computing would not.
class StepRecorder {
 public:
  /// What two steps have in common if one recording serves both.
  struct Kind {
    std::int64_t patches = 0;
    bool variant = false;  ///< What the epoch turns on or off.
    bool operator==(const Kind&) const = default;
  };
  /// Computes a step and updates the weights.
  using Compute = std::function<StepResult(const StepInputs&, Dropout)>;

  /// @param reason          why not to record at all; empty to record.
  /// @param generator       of dropout, on the device.
  /// @param drop_gradients  frees the gradients, which lie in the memory of a recording.
  StepRecorder(const c10::Device& device, GraphSource source, std::string reason, at::Generator generator,
               double dropout_factor, std::function<void()> drop_gradients);

  StepResult step(const Kind& kind, const StepInputs& inputs, const Compute& compute);

  /// Frees the recording, if there is one. The next step of its kind begins anew.
  void forget();
  /// forget(), because memory ran out beside it; after a few such times steps are no longer recorded. False if there
  /// was none.
  bool forget_for_room();

  /// Why steps are not recorded; empty while they are, or will be.
  const std::string& reason() const { return reason_; }
  bool records() const { return reason_.empty(); }

 private:
  /// A step that was computed or recorded, and the tensors that it reads and writes at each replay.
  struct Recorded {
    Kind kind;
    StepInputs inputs;
    HeldMasks masks;
    StepResult result;
    Recording recording;
  };

  StepResult computed(const StepInputs& inputs, const Compute& compute, HeldMasks* masks);
  bool record(const StepInputs& inputs, const Compute& compute);
  StepResult replayed(const StepInputs& inputs);

  c10::Device device_;
  GraphSource source_;
  std::string reason_;
  at::Generator generator_;
  double dropout_factor_;
  std::function<void()> drop_gradients_;
  int lacks_ = 0;  ///< How often memory ran out beside a recording, or while one was made.
  std::unique_ptr<Recorded> recorded_;
};

}  // namespace wsss
