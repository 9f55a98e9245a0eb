#include "wsss/convolution/pointwise_fused.h"

#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>

#include <optional>
#include <string_view>

namespace wsss {

namespace {

using Scalars = c10::List<std::optional<at::Scalar>>;

/// The name that oneDNN's operators have for an activation, and its numbers.
struct NamedActivation {
  std::string_view name;
  Scalars scalars;
};

NamedActivation named(Activation activation) {
  switch (activation) {
    case Activation::kRelu:
      return {"relu", Scalars()};
    case Activation::kRelu6:
      return {"hardtanh", Scalars({at::Scalar(0.0), at::Scalar(6.0)})};
    case Activation::kNone:
      break;
  }
  return {"none", Scalars()};
}

}  // namespace

at::Tensor packed_weight(const at::Tensor& weight, at::IntArrayRef input_size, const ConvolutionShape& shape) {
  using Reorder = at::Tensor(const at::Tensor&, at::IntArrayRef, at::IntArrayRef, at::IntArrayRef, std::int64_t,
                             at::OptionalIntArrayRef);
  static const auto reorder =
      c10::Dispatcher::singleton().findSchemaOrThrow("mkldnn::_reorder_convolution_weight", "").typed<Reorder>();
  return reorder.call(weight, shape.padding, shape.stride, shape.dilation, shape.groups, input_size);
}

at::Tensor pointwise_fused(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                           const at::Tensor& shortcut, const ConvolutionShape& shape, Activation activation) {
  // These have no function in ATen's headers; TorchInductor calls them by name too.
  using Unary = at::Tensor(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&, at::IntArrayRef,
                           at::IntArrayRef, at::IntArrayRef, std::int64_t, std::string_view, Scalars,
                           std::optional<std::string_view>);
  using Binary =
      at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&,
                 at::IntArrayRef, at::IntArrayRef, at::IntArrayRef, std::int64_t, std::string_view,
                 std::optional<at::Scalar>, std::optional<std::string_view>, Scalars, std::optional<std::string_view>);
  static const auto unary =
      c10::Dispatcher::singleton().findSchemaOrThrow("mkldnn::_convolution_pointwise", "").typed<Unary>();
  static const auto binary =
      c10::Dispatcher::singleton().findSchemaOrThrow("mkldnn::_convolution_pointwise", "binary").typed<Binary>();

  const at::Tensor maps = x.contiguous(at::MemoryFormat::ChannelsLast);
  const std::optional<at::Tensor> own_bias = bias.defined() ? std::make_optional(bias) : std::nullopt;
  const NamedActivation after = named(activation);
  if (!shortcut.defined()) {
    return unary.call(maps, weight, own_bias, shape.padding, shape.stride, shape.dilation, shape.groups, after.name,
                      after.scalars, "");
  }
  // With a shortcut it knows ReLU alone.
  const bool is_relu = activation == Activation::kRelu;
  at::Tensor sum = binary.call(maps, shortcut.contiguous(at::MemoryFormat::ChannelsLast), weight, own_bias,
                               shape.padding, shape.stride, shape.dilation, shape.groups, "add", std::nullopt,
                               is_relu ? std::make_optional(after.name) : std::nullopt, Scalars(), std::nullopt);
  return activation == Activation::kRelu6 ? at::hardtanh_(sum, 0.0, 6.0) : sum;
}

}  // namespace wsss
