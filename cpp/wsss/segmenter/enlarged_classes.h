// The classes of an enlarged map, without making it.
#pragma once

#include <ATen/core/Tensor.h>

namespace wsss {

/// The class with the largest logit at each pixel of maps that are enlarged as resize_align_corners() does; the first
/// one on ties.
///
/// @param coarse  [N, K, h, w] float32 on the CPU, K from 1 to 255.
/// @param open    [N, K] bool: classes that may be taken; of a patch that has none, all may. Undefined: all.
/// @return        [N, height, width] uint8. height >= 2 * h - 1 and width >= 2 * w - 1.
at::Tensor enlarged_classes(const at::Tensor& coarse, std::int64_t height, std::int64_t width, const at::Tensor& open);

/// Whether enlarged_classes() takes the logits and the size.
bool takes_enlarged_classes(const at::Tensor& coarse, std::int64_t height, std::int64_t width);

}  // namespace wsss
