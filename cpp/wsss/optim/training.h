#pragma once

#include <torch/optim/sgd.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "wsss/dataset/batch.h"
#include "wsss/optim/schedule.h"

namespace wsss {

/// What both training stages share.
struct TrainingOptions {
  Schedule schedule;  ///< epochs included; steps_per_epoch is filled in by the trainer.
  double head_learning_rate_factor = 10.0;
  std::int64_t batch_size = 20;
  double momentum = 0.9;
  bool nesterov = false;
  double weight_decay = 5e-4;
  double gradient_clip_norm = 0.0;  ///< L2 norm over all gradients; 0 = no clipping.
  bool drop_last_batch = true;
  std::uint64_t seed = 0;
  Augmentation augmentation;
  double dropout_factor = 1.0;
  std::string checkpoint_folder;  ///< last.safetensors and best.safetensors go here; empty = none.
  std::map<std::string, std::string> metadata;
  bool keep_best = true;  ///< End with the weights of the best validation score rather than the last.
};

/// How a run ended.
struct TrainingSummary {
  std::int64_t steps = 0;
  std::int64_t epochs = 0;
  std::int64_t best_epoch = -1;  ///< -1 without validation.
  double best_score = 0.0;
  double last_loss = 0.0;
  double elapsed_ms = 0.0;
};

/// The batches of one epoch: a seeded shuffle cut into pieces, the last one smaller or dropped.
std::vector<std::vector<std::int64_t>> epoch_batches(std::int64_t count, const TrainingOptions& options,
                                                     std::int64_t epoch);
std::int64_t steps_per_epoch(std::int64_t count, const TrainingOptions& options);

/// SGD whose group 0 has the base rate, group 1 (the new layers) base rate times head factor; further groups the base
/// rate. Weight decay per group as given.
struct ParameterGroup {
  std::vector<at::Tensor> parameters;
  double learning_rate_factor = 1.0;
  double weight_decay = 0.0;
};
class GroupedSgd {
 public:
  GroupedSgd(std::vector<ParameterGroup> groups, const TrainingOptions& options);

  void zero_grad() { optimizer_.zero_grad(); }
  /// Clips (if asked) and updates with `learning_rate` times each group's factor.
  void step(double learning_rate);

 private:
  std::vector<double> factors_;
  double clip_norm_;
  torch::optim::SGD optimizer_;
};

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
