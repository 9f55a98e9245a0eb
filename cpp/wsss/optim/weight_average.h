// An exponential moving average of a network's weights during training.
#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <string>
#include <vector>

#include "wsss/weights/state_dict.h"

namespace wsss {

/// A running average of a network's weights and batch-norm statistics. Trained with a high learning rate, the network
/// jumps around a good place, and the average lies in it. (Polyak averaging in its exponential form; `model_ema` in
/// timm.)
class WeightAverage {
 public:
  /// Starts at the network's weights.
  ///
  /// @param decay  share of the old average that each step keeps, in (0, 1); the first steps keep less, so that the
  ///               random start is soon forgotten.
  WeightAverage(const torch::nn::Module& network, double decay);

  /// Takes the weights after an optimiser step into the average.
  ///
  /// @param step  steps done, from 1.
  void update(std::int64_t step);

  /// Exchanges network and average. Calling it again puts both back.
  void swap();

  /// Goes on from an average that was saved.
  ///
  /// @throws Error  kWeights if it is of another network.
  void restore(const StateDict& average);

  /// The averaged tensors, in the order of names().
  const std::vector<at::Tensor>& tensors() const { return average_; }
  const std::vector<std::string>& names() const { return names_; }

 private:
  double decay_;
  std::vector<std::string> names_;
  std::vector<at::Tensor> network_;
  std::vector<at::Tensor> average_;
};

/// The network holds the average while this lives.
class AveragedWeightsScope {
 public:
  explicit AveragedWeightsScope(WeightAverage* average) : average_(average) {
    if (average_ != nullptr) average_->swap();
  }
  ~AveragedWeightsScope() {
    if (average_ != nullptr) average_->swap();
  }
  AveragedWeightsScope(const AveragedWeightsScope&) = delete;
  AveragedWeightsScope& operator=(const AveragedWeightsScope&) = delete;

 private:
  WeightAverage* average_;
};

}  // namespace wsss
