// What a training tells of its steps and epochs, and keeps to tell again when it resumes.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "wsss/training/checkpoint.h"
#include "wsss/training/history.h"
#include "wsss/training/stage.h"
#include "wsss/training/training_options.h"

namespace wsss {

/// Reports steps in their order, as soon as their losses are read, and writes the history of the training.
class Journal {
 public:
  /// Both must outlive it.
  Journal(TrainingStage& stage, const TrainingOptions& options) : stage_(stage), options_(options) {}

  void begin_epoch();
  /// Takes a step that is done, whose loss may still be on its way from the device. Every `loss_interval` steps it
  /// reports all those taken so far.
  void add(StepReport report, const at::Tensor& loss);
  /// Reports all steps that were not reported yet. Their losses are read at once: on a device this waits for it.
  ///
  /// @throws Error  kDiverged at the first loss that is not finite.
  void report_steps();
  /// Writes an epoch into the history. The caller reports it once it is on the disk.
  void add(const EpochReport& report);

  double last_loss() const { return last_loss_; }
  /// Over the patches of the epoch so far.
  double mean_loss() const;
  /// Steps of the epoch so far that were replayed from a recording.
  std::int64_t replayed_steps() const { return replayed_; }

  /// Fills in what a checkpoint keeps of the journal.
  void write_to(Checkpoint& checkpoint) const;
  /// Goes on from a checkpoint: reports again what was reported before it, so that whoever writes the reports down has
  /// them without gaps or duplicates.
  ///
  /// @throws Error  kWeights if its history is broken.
  void resume_from(const Checkpoint& checkpoint);

 private:
  /// A step that is done and not reported.
  struct Pending {
    StepReport report;  ///< Without the loss.
    at::Tensor loss;
  };

  bool keeps_history() const { return !options_.checkpoint_folder.empty(); }
  void report_step_again(std::int64_t index);
  void report_epoch_again(std::int64_t epoch);

  TrainingStage& stage_;
  const TrainingOptions& options_;
  std::vector<Pending> pending_;
  EpochSums sums_;
  std::int64_t replayed_ = 0;
  double last_loss_ = 0.0;
  History history_;
};

}  // namespace wsss
