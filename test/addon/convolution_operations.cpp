#include <torch/torch.h>

#include "rules.h"
#include "workspace.h"
#include "wsss/convolution/conv2d.h"
#include "wsss/convolution/same_convolution.h"
#include "wsss/convolution/winograd.h"

namespace wsss::test {

namespace {

at::Tensor normal(at::IntArrayRef shape, std::uint64_t seed) {
  return at::randn(shape, at::detail::createCPUGenerator(seed), at::kFloat);
}

/// Largest difference from `exact`, in units of its largest value.
double relative_error(const at::Tensor& got, const at::Tensor& exact) {
  return (got.to(at::kDouble) - exact).abs().max().item<double>() / exact.abs().max().item<double>();
}

// {n, in, out, height, width, dilation} -> winograd, by_module [3]: errors of output, input gradient and weight
// gradient against float64; taps []: that of the weight gradient by taps
void same_convolution_case(Workspace& w, const Fields& fields) {
  const auto in = fields.integer("in"), out = fields.integer("out"), dilation = fields.integer("dilation");
  const auto height = fields.integer("height"), width = fields.integer("width");
  const at::Tensor x = normal({fields.integer("n"), in, height, width}, 1);
  const at::Tensor weight = normal({out, in, 3, 3}, 2);
  const at::Tensor gradient = normal({x.size(0), out, height, width}, 3);

  const at::Tensor exact_x = x.to(at::kDouble).requires_grad_(true);
  const at::Tensor exact_weight = weight.to(at::kDouble).requires_grad_(true);
  const at::Tensor exact = at::conv2d(exact_x, exact_weight, {}, 1, dilation, dilation);
  exact.backward(gradient.to(at::kDouble));
  const auto errors = [&](const at::Tensor& output, const at::Tensor& of_x, const at::Tensor& of_weight) {
    return at::tensor({relative_error(output, exact.detach()), relative_error(of_x, exact_x.grad()),
                       relative_error(of_weight, exact_weight.grad())})
        .to(at::kDouble);
  };

  w.set("winograd",
        errors(winograd::convolve(x, winograd::transformed_weight(weight), dilation),
               winograd::input_gradient(gradient, weight, dilation), winograd::weight_gradient(x, gradient, dilation)));
  w.set("taps", at::tensor({relative_error(weight_gradient_by_taps(x, gradient, dilation), exact_weight.grad())})
                    .to(at::kDouble));
  w.set("pays", at::scalar_tensor(winograd::pays(x, weight, dilation), at::kBool));

  Conv2d module = same_conv(in, out, 3, 1, dilation);
  {
    const torch::NoGradGuard no_grad;
    module->weight.copy_(weight);
  }
  const at::Tensor leaf = x.clone().requires_grad_(true);
  const at::Tensor output = module(leaf);
  output.backward(gradient);
  w.set("by_module", errors(output.detach(), leaf.grad(), module->weight.grad()));
}

}  // namespace

void add_convolution_operations(OperationTable& table) { table["same_convolution"] = same_convolution_case; }

}  // namespace wsss::test
