// Random initial weights for networks.
#pragma once

#include <torch/nn/module.h>

#include <cstdint>

namespace wsss {

/// Random start of a network: convolutions from He's normal distribution over the fan-out (gain sqrt(2)), biases 0,
/// batch norms at the identity. Each tensor is drawn from (seed, its place in the module), so the start depends on
/// nothing else.
void initialize_weights(torch::nn::Module& network, std::uint64_t seed);

/// Rescales a random start from the fan-out to the fan-in: where few channels come out, as in the layer that yields the
/// classes, weights scaled by the fan-out begin with outputs that are far too large.
void rescale_to_fan_in(torch::nn::Module& network);

/// Glorot's uniform distribution (the published start of fc8).
void xavier_uniform(at::Tensor weight, std::uint64_t seed, std::uint64_t position);

}  // namespace wsss
