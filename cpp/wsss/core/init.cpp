#include "wsss/core/init.h"

#include <cmath>

#include "wsss/core/libtorch.h"
#include "wsss/core/random.h"

namespace wsss {

void initialize_weights(torch::nn::Module& network, std::uint64_t seed) {
  const torch::NoGradGuard no_grad;
  std::uint64_t position = 0;
  for (const auto& module : network.modules()) {
    ++position;
    if (auto* conv = module->as<torch::nn::Conv2d>()) {
      const auto generator = make_generator(conv->weight.device(), random_bits(seed, RandomPurpose::kInit, position));
      const auto fan_out = conv->weight.size(0) * conv->weight.size(2) * conv->weight.size(3);
      conv->weight.normal_(0.0, std::sqrt(2.0 / static_cast<double>(fan_out)), generator);
      if (conv->bias.defined()) conv->bias.zero_();
    } else if (auto* norm = module->as<torch::nn::BatchNorm2d>()) {
      norm->weight.fill_(1.0);
      norm->bias.zero_();
    }
  }
}

void rescale_to_fan_in(torch::nn::Module& network) {
  const torch::NoGradGuard no_grad;
  for (const auto& module : network.modules()) {
    auto* conv = module->as<torch::nn::Conv2d>();
    if (conv == nullptr) continue;
    const double out_by_in = static_cast<double>(conv->weight.size(0)) / static_cast<double>(conv->weight.size(1));
    conv->weight.mul_(std::sqrt(out_by_in));
  }
}

void xavier_uniform(at::Tensor weight, std::uint64_t seed, std::uint64_t position) {
  const torch::NoGradGuard no_grad;
  const auto generator = make_generator(weight.device(), random_bits(seed, RandomPurpose::kInit, position, 1));
  const auto receptive = weight.size(2) * weight.size(3);
  const double bound = std::sqrt(6.0 / static_cast<double>((weight.size(0) + weight.size(1)) * receptive));
  weight.uniform_(-bound, bound, generator);
}

}  // namespace wsss
