// What the core uses of LibTorch's C++ front end: tensors with gradients, modules and layers. <torch/torch.h> brings
// data loaders, optimisers and the JIT too, which cost each file two seconds more to compile.
#pragma once

#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/pimpl.h>
#include <torch/types.h>
#include <torch/utils.h>
