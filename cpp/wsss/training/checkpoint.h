// The file that a training goes on from after it was stopped.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "wsss/training/history.h"
#include "wsss/weights/state_dict.h"

namespace wsss {

/// Sums over the steps of an epoch so far.
struct EpochSums {
  double loss = 0.0;         ///< Of all patches together.
  std::int64_t patches = 0;  ///< That were seen.
};

/// Everything that a training needs to go on as if it had never stopped. Random numbers need nothing: each draw is a
/// function of the seed and its place in the run.
struct Checkpoint {
  std::string stage;   ///< "classifier" or "segmenter".
  std::string config;  ///< Options and data of the run as its caller describes them; a resumed run must have the same.
  std::int64_t epoch = 0;       ///< Epochs that are finished.
  std::int64_t steps = 0;       ///< Optimiser steps done, those of an unfinished epoch included.
  std::int64_t batch_size = 0;  ///< Patches of a full step; 0 in older checkpoints.
  EpochSums sums;               ///< Of the unfinished epoch, as the meters.
  Measures meters;
  std::int64_t best_epoch = -1;
  double best_score = 0.0;
  double last_loss = 0.0;
  double elapsed_ms = 0.0;
  History history;
  StateDict network;
  /// What the optimizer keeps of each parameter: by the name of the state ("momentum"), then of the parameter.
  std::map<std::string, StateDict> optimizer;
  StateDict average;  ///< Of the running weight average; empty without one.
};

/// Where the checkpoint of a step lies.
std::string checkpoint_path(const std::string& folder, std::int64_t steps);

/// Writes a checkpoint, whole or not at all, then removes older ones beyond the newest `keep`, and those of later
/// steps, which an earlier run left.
///
/// @throws Error  kIo; nothing that was there before is lost.
void write_checkpoint(const std::string& folder, const Checkpoint& checkpoint, std::int64_t keep);

/// Checkpoints of earlier versions, whose history has no names, are read too.
///
/// @throws Error  kIo, kWeights if it is no checkpoint.
Checkpoint read_checkpoint(const std::string& path);

}  // namespace wsss
