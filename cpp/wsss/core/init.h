#pragma once

#include <torch/nn/module.h>

#include <cstdint>

namespace wsss {

/// Random start of a network: convolutions from He's normal distribution over the fan-in (gain sqrt(2)), biases 0,
/// batch norms at the identity. (Over the fan-out, a last layer of few classes would begin with logits of 5 and more.)
/// Each tensor is drawn from (seed, its place in the module), so the start depends on nothing else.
void initialize_weights(torch::nn::Module& network, std::uint64_t seed);

/// Glorot's uniform distribution (the published start of fc8).
void xavier_uniform(at::Tensor weight, std::uint64_t seed, std::uint64_t position);

}  // namespace wsss
