#include "wsss/core/tensor_state.h"

namespace wsss {

TensorState::TensorState(const at::Tensor& tensor)
    : held_(tensor.defined() ? tensor.detach() : at::Tensor()),
      version_(tensor.defined() ? static_cast<std::uint32_t>(tensor._version()) : 0) {}

bool TensorState::stands(const at::Tensor& tensor) const {
  if (!held_.defined() || !tensor.defined()) return held_.defined() == tensor.defined();
  return held_.const_data_ptr() == tensor.const_data_ptr() && version_ == tensor._version();
}

}  // namespace wsss
