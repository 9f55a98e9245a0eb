// How a network is moved to its device and laid out there.
#pragma once

#include <c10/core/Device.h>
#include <torch/nn/module.h>

namespace wsss {

/// Moves a network to the device that it will compute on, in the layout that multiplies fastest there: on CUDA the
/// weights of convolutions are channels-last, like the maps. Otherwise every use would rearrange the weights, and every
/// step would rearrange their gradients back.
void place(torch::nn::Module& network, const c10::Device& device);

}  // namespace wsss
