#include "wsss/optim/weight_average.h"

#include <algorithm>

#include "wsss/core/error.h"
#include "wsss/core/libtorch.h"

namespace wsss {

WeightAverage::WeightAverage(const torch::nn::Module& network, double decay) : decay_(decay) {
  for (auto& [name, tensor] : state_dict(network)) {
    if (!tensor.is_floating_point()) continue;
    names_.push_back(name);
    network_.push_back(tensor);
    average_.push_back(tensor.detach().clone());
  }
}

void WeightAverage::update(std::int64_t step) {
  const torch::NoGradGuard no_grad;
  const auto t = static_cast<double>(step);
  const double decay = std::min(decay_, (1.0 + t) / (10.0 + t));
  at::_foreach_lerp_(average_, network_, 1.0 - decay);
}

void WeightAverage::restore(const StateDict& average) {
  bool same = average.size() == names_.size();
  for (std::size_t i = 0; same && i < names_.size(); ++i) {
    same = average[i].first == names_[i] && average[i].second.sizes() == average_[i].sizes();
  }
  if (!same) throw Error(ErrorCode::kWeights, "the checkpoint's weight average is of another network");
  for (std::size_t i = 0; i < names_.size(); ++i) average_[i].copy_(average[i].second);
}

void WeightAverage::swap() {
  for (std::size_t i = 0; i < network_.size(); ++i) {
    const at::Tensor current = network_[i].tensor_data();
    network_[i].set_data(average_[i]);
    average_[i] = current;
  }
}

}  // namespace wsss
