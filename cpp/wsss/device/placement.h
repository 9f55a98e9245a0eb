#pragma once

#include <c10/core/Device.h>
#include <torch/nn/module.h>

namespace wsss {

/// Moves a network to the device on which it shall compute, and lays it out as that multiplies fastest: on CUDA the
/// weights of convolutions are channels-last, as the maps are, for otherwise every use would turn them round and every
/// step their gradients back.
void place(torch::nn::Module& network, const c10::Device& device);

}  // namespace wsss
