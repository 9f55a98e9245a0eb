// Convolution, batch norm, shortcut and activation, computed together where that is faster.
#pragma once

#include "wsss/convolution/conv2d.h"
#include "wsss/convolution/epilogue.h"
#include "wsss/core/batch_norm.h"

namespace wsss {

// A convolution with what follows it. In evaluation a batch norm is a scale and a shift of each channel: on a CPU they,
// the shortcut and the activation are then done while the convolution writes its output, or in one pass afterwards
// where a gradient is wanted. Elsewhere and in training these are the plain layers, one after the other.

/// activation(norm(conv(x)) + shortcut)
///
/// @param shortcut  of the output's shape, or undefined for none.
at::Tensor conv_norm(Conv2d& conv, BatchNorm& norm, const at::Tensor& x, Activation activation,
                     const at::Tensor& shortcut = {});

/// conv(x) + shortcut
at::Tensor conv_add(Conv2d& conv, const at::Tensor& x, const at::Tensor& shortcut);

/// activation(norm(x))
at::Tensor norm_activation(BatchNorm& norm, const at::Tensor& x, Activation activation);

}  // namespace wsss
