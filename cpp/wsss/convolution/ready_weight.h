// Keeps a convolution's prepared weight between calls of inference.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "wsss/core/tensor_state.h"

namespace wsss {

/// A weight in the form that inference multiplies with, kept from call to call.
class ReadyWeight {
 public:
  /// What it is made from and for.
  struct Use {
    at::Tensor weight;
    at::Tensor scale;  ///< Undefined where the form does not depend on it.
    c10::ScalarType type;
    std::vector<std::int64_t> input_size;  ///< Empty where the form fits inputs of any size.
  };

  /// What make() returned for the same use if weight and scale have not changed since; otherwise what it returns now.
  template <typename Make>
  const at::Tensor& made_for(const Use& use, Make make) {
    if (!fits(use)) keep(use, make());
    return value_;
  }

  void release() { *this = ReadyWeight(); }

 private:
  bool fits(const Use& use) const;
  void keep(const Use& use, at::Tensor value);

  at::Tensor value_;
  TensorState weight_, scale_;
  c10::ScalarType type_ = c10::ScalarType::Undefined;
  std::vector<std::int64_t> input_size_;
};

}  // namespace wsss
