// The options and the summary of a training, and the batches of its epochs.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "wsss/core/precision.h"
#include "wsss/dataset/batch.h"
#include "wsss/optim/optimizer.h"
#include "wsss/optim/schedule.h"
#include "wsss/process_group/process_group.h"
#include "wsss/recording/device_graph.h"

namespace wsss {

/// What both training stages share.
struct TrainingOptions {
  Schedule schedule;  ///< epochs included; steps_per_epoch is filled in by the trainer.
  double head_learning_rate_factor = 10.0;
  std::int64_t batch_size = 20;
  /// Take fewer patches a step if memory has no room for batch_size of them; a resumed run takes as many as before.
  bool fit_batch = false;
  /// Memory of the host that the training may take, for fit_batch on the CPU and for what a failure says would fit.
  std::int64_t free_host_bytes = 0;
  /// Keep only the inputs of the networks' blocks, and compute what is inside twice: see RecomputeScope.
  bool gradient_checkpointing = false;
  OptimizerOptions optimizer;
  double weight_decay = 5e-4;
  double weight_average_decay = 0.0;  ///< Validate, keep and save a running average of the weights; 0 = the weights.
  bool drop_last_batch = true;
  std::uint64_t seed = 0;
  Augmentation augmentation;
  std::shared_ptr<const Mosaics> mosaics;  ///< Null: none. Of the segmenter alone: they have masks, but no labels.
  double dropout_factor = 1.0;
  Precision precision = Precision::kFloat32;  ///< Of the steps; validation and what follows use the caller's.
  /// last.safetensors and best.safetensors go here, and the checkpoints that a run resumes from; empty = none.
  std::string checkpoint_folder;
  std::int64_t checkpoint_steps = 0;  ///< A checkpoint every so many steps, beside the one of each epoch; 0 = none.
  std::int64_t checkpoint_keep = 2;   ///< How many of the newest checkpoints stay.
  std::string checkpoint_config;      ///< What options and data the run has; a resumed run must have the same.
  std::string resume_from;            ///< Checkpoint to go on from; empty = from the start.
  std::map<std::string, std::string> metadata;
  /// Give folded batch norms that will be trained their statistics back, from the first patches of the training set.
  bool unfold_batch_norms = true;
  /// Losses are read, checked and reported every so many steps; in between, the host does not wait for the device. 0
  /// means every step on the CPU, and every 20 steps elsewhere. With 1, a loss that is not finite is found before the
  /// update, so that the weights stay as they were; otherwise some updates have followed it.
  std::int64_t loss_interval = 0;
  bool keep_best = true;  ///< End with the weights of the best validation score rather than the last.
  /// The processes that train together, each on its part of every step; null for one alone. Process 0 writes the files.
  std::shared_ptr<ProcessGroup> group;
  std::string group_config;             ///< What all processes of the group must agree in, as text.
  bool synchronize_batch_norms = true;  ///< Batch norms that learn take the statistics of all processes' patches.
  bool bfloat16_gradients = false;      ///< Processes send each other their gradients in bfloat16.
  /// Where recordings of steps come from, instead of what the device has.
  std::optional<GraphSource> graphs;
};

/// How a run ended.
struct TrainingSummary {
  std::int64_t steps = 0;
  std::int64_t epochs = 0;
  std::int64_t batch_size = 0;      ///< As asked for, or what was fitted.
  std::int64_t replayed_steps = 0;  ///< Those that were replayed from a recording, since the run last resumed.
  std::string why_not_recorded;     ///< Why steps are not recorded at the end; empty if they are.
  std::int64_t best_epoch = -1;     ///< -1 without validation.
  double best_score = 0.0;
  double last_loss = 0.0;
  double elapsed_ms = 0.0;
};

/// The batches of one epoch: a seeded shuffle cut into pieces, the last one smaller or dropped.
std::vector<std::vector<std::int64_t>> epoch_batches(std::int64_t count, const TrainingOptions& options,
                                                     std::int64_t epoch);
std::int64_t steps_per_epoch(std::int64_t count, const TrainingOptions& options);

/// What becomes of some patches in an epoch, one draw for each.
std::vector<AugmentationDraw> draws_of(const TrainingOptions& options, std::int64_t epoch,
                                       const std::vector<std::int64_t>& patches);

/// @throws Error kDiverged if the loss is NaN or infinite, naming step and rate and what to try.
void require_finite_loss(double loss, std::int64_t step, double learning_rate);

/// Milliseconds since construction.
class Stopwatch {
 public:
  Stopwatch();
  double elapsed_ms() const;

 private:
  std::int64_t start_ns_;
};

}  // namespace wsss
