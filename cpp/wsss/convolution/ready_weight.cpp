#include "wsss/convolution/ready_weight.h"

#include <utility>

namespace wsss {

bool ReadyWeight::fits(const Use& use) const {
  return value_.defined() && type_ == use.type && input_size_ == use.input_size && weight_.stands(use.weight) &&
         scale_.stands(use.scale);
}

void ReadyWeight::keep(const Use& use, at::Tensor value) {
  value_ = std::move(value);
  weight_ = TensorState(use.weight);
  scale_ = TensorState(use.scale);
  type_ = use.type;
  input_size_ = use.input_size;
}

}  // namespace wsss
