// Test operations on convolutions: Winograd, fused layers and kept weights against float64.

#include <cmath>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "rules.h"
#include "workspace.h"
#include "wsss/convolution/depthwise.h"
#include "wsss/convolution/fused.h"
#include "wsss/convolution/instruction_set.h"
#include "wsss/convolution/same_convolution.h"
#include "wsss/convolution/winograd.h"
#include "wsss/core/libtorch.h"
#include "wsss/core/precision.h"
#include "wsss/optim/weight_average.h"
#include "wsss/training/training_options.h"

namespace wsss::test {

namespace {

at::Tensor normal(at::IntArrayRef shape, std::uint64_t seed) {
  return at::randn(shape, at::detail::createCPUGenerator(seed), at::kFloat);
}

/// Largest difference from `exact`, in units of its largest value.
double relative_error(const at::Tensor& got, const at::Tensor& exact) {
  return (got.to(at::kDouble) - exact).abs().max().item<double>() / exact.abs().max().item<double>();
}

/// L2 norm of the difference from `exact`, in units of that of `exact`.
double relative_distance(const at::Tensor& got, const at::Tensor& exact) {
  return (got.to(at::kDouble) - exact).norm().item<double>() / exact.norm().item<double>();
}

// {n, in, out, height, width, dilation} -> winograd, by_module [3]: errors of output, input gradient and weight
// gradient against float64; taps []: that of the weight gradient by taps; winograd_bfloat16, bfloat16 [3]: distances of
// the same, of Winograd's filtering and of the module
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
  const auto compared = [&](auto measure, const at::Tensor& output, const at::Tensor& of_x,
                            const at::Tensor& of_weight) {
    return at::tensor({measure(output, exact.detach()), measure(of_x, exact_x.grad()),
                       measure(of_weight, exact_weight.grad())})
        .to(at::kDouble);
  };
  const auto errors = [&](const at::Tensor& output, const at::Tensor& of_x, const at::Tensor& of_weight) {
    return compared(relative_error, output, of_x, of_weight);
  };
  const auto distances = [&](const at::Tensor& output, const at::Tensor& of_x, const at::Tensor& of_weight) {
    return compared(relative_distance, output, of_x, of_weight);
  };

  w.set("winograd",
        errors(winograd::convolve(x, winograd::transformed_weight(weight, at::kFloat), dilation),
               winograd::input_gradient(gradient, weight, dilation), winograd::weight_gradient(x, gradient, dilation)));
  w.set("taps", at::tensor({relative_error(weight_gradient_by_taps(x, gradient, 3, dilation), exact_weight.grad())})
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

  const at::Tensor rounded = x.to(at::kBFloat16), rounded_gradient = gradient.to(at::kBFloat16);
  w.set("winograd_bfloat16",
        distances(winograd::convolve(rounded, winograd::transformed_weight(weight, at::kBFloat16), dilation),
                  winograd::input_gradient(rounded_gradient, weight, dilation),
                  winograd::weight_gradient(rounded, rounded_gradient, dilation)));
  const PrecisionScope precision(Precision::kBfloat16);
  module->zero_grad();
  const at::Tensor other_leaf = x.clone().requires_grad_(true);
  const at::Tensor other = module(other_leaf);
  other.backward(rounded_gradient);
  w.set("bfloat16", distances(other.detach(), other_leaf.grad(), module->weight.grad()));
  w.set("stored", at::scalar_tensor(other.scalar_type() == at::kBFloat16, at::kBool));
}

// {newest}: the newest instruction set that loops take from now on, 0 to 3 -> set []: what they take, which is an older
// one where the processor does not have it
void limit_instruction_set(Workspace& w, const Fields& fields) {
  static std::optional<InstructionSetLimit> limit;
  limit.reset();
  limit.emplace(static_cast<InstructionSet>(fields.integer("newest")));
  w.set("set", at::scalar_tensor(static_cast<std::int64_t>(instruction_set()), at::kByte));
}

/// A block of every kind that the networks have, with what it computed.
struct Block {
  Conv2d conv, next;
  BatchNorm norm;
  at::Tensor x, shortcut, output;

  /// The same numbers in another type: in float64 everything goes LibTorch's plain way.
  Block(const Fields& fields, c10::ScalarType dtype)
      : conv(
            same_conv(fields.integer("in"), fields.integer("out"), fields.integer("kernel"), fields.integer("stride"))),
        next(same_conv(fields.integer("out"), fields.integer("out"), 1)),
        norm(fields.integer("out")) {
    const torch::NoGradGuard no_grad;
    const auto out = fields.integer("out"), size = fields.integer("size");
    conv->weight.copy_(normal(conv->weight.sizes(), 2).div(std::sqrt(conv->weight[0].numel())));
    next->weight.copy_(normal(next->weight.sizes(), 3).div(std::sqrt(static_cast<double>(out))));
    norm->weight.copy_(normal({out}, 4).add(1.0));
    norm->bias.copy_(normal({out}, 5));
    norm->running_mean.copy_(normal({out}, 6));
    norm->running_var.copy_(normal({out}, 7).square().add(0.5));
    for (torch::nn::Module* module : std::initializer_list<torch::nn::Module*>{&*conv, &*next, &*norm}) {
      module->to(dtype);
    }
    x = normal({2, fields.integer("in"), size, size}, 8).to(dtype);
    const std::int64_t small = (size - 1) / fields.integer("stride") + 1;
    shortcut = normal({2, out, small, small}, 9).to(dtype);
  }

  void run(const Fields& fields, Activation activation) {
    const std::string mode = fields.string("mode");
    norm->train(mode == "training");
    const bool differentiates = mode != "inference";
    const torch::AutoGradMode grad_mode(differentiates);
    norm->weight.requires_grad_(mode == "training");
    norm->bias.requires_grad_(mode == "training");
    x.requires_grad_(differentiates);
    shortcut.requires_grad_(differentiates);
    const at::Tensor before = norm_activation(norm, conv_norm(conv, norm, x, activation, shortcut), activation);
    output = conv_add(next, before, shortcut);
    if (differentiates) (output * normal(output.sizes(), 10).to(output.scalar_type())).sum().backward();
  }

  void infer() {
    norm->eval();
    const at::Tensor before = conv_norm(conv, norm, x, Activation::kRelu, shortcut);
    output = conv_add(next, before, shortcut);
  }

  std::vector<at::Tensor> results() {
    std::vector<at::Tensor> all{output.detach(), norm->running_mean, norm->running_var};
    for (const at::Tensor& tensor : {x, shortcut, conv->weight, norm->weight, norm->bias}) {
      if (tensor.grad().defined()) all.push_back(tensor.grad());
    }
    return all;
  }
};

// {in, out, kernel, stride, size, mode: inference | frozen | training, activation: 0 | 1 | 2, bfloat16} -> errors [...]
// of the output, the running statistics and all gradients against float64; updates [2]: norm's counts of batches
void fused_case(Workspace& w, const Fields& fields) {
  const auto activation = static_cast<Activation>(fields.integer("activation"));
  Block fast(fields, at::kFloat), exact(fields, at::kDouble);
  {
    const PrecisionScope precision(fields.boolean("bfloat16") ? Precision::kBfloat16 : Precision::kFloat32);
    fast.run(fields, activation);
  }
  exact.run(fields, activation);
  const auto got = fast.results(), wanted = exact.results();
  std::vector<double> errors;
  for (std::size_t i = 0; i < wanted.size(); ++i) errors.push_back(relative_distance(got[i], wanted[i]));
  w.set("errors", at::tensor(at::ArrayRef<double>(errors), at::kDouble));
  w.set("updates", at::stack({fast.norm->num_batches_tracked, exact.norm->num_batches_tracked}).to(at::kDouble));
}

/// What may happen to a block between two calls of inference, for which weights are kept ready.
const std::vector<std::pair<std::string, std::function<void(Block&)>>>& changes() {
  static const std::vector<std::pair<std::string, std::function<void(Block&)>>> all{
      {"nothing", [](Block&) {}},
      {"weight written", [](Block& block) { block.conv->weight.mul_(-1.5); }},
      {"weight exchanged",
       [](Block& block) { block.conv->weight.set_data(block.conv->weight.flip({0, 2}).contiguous()); }},
      {"weight updated",
       [](Block& block) {
         const torch::AutoGradMode grad_mode(true);
         at::Tensor& weight = block.conv->weight;
         weight.mutable_grad() = at::ones_like(weight);
         Optimizer optimizer({ParameterGroup{{weight}, 1.0, 0.0}}, {});
         optimizer.set_learning_rate(0.05);
         optimizer.step();
       }},
      {"running average in its place",
       [](Block& block) {
         WeightAverage average(*block.conv, 0.5);
         {
           const torch::NoGradGuard no_grad;
           block.conv->weight.mul_(3.0);
         }
         average.update(1);
         block.conv->weight.mul_(0.5);
         average.swap();
       }},
      {"scale of the norm", [](Block& block) { block.norm->weight.mul_(2.0); }},
      {"shift of the norm", [](Block& block) { block.norm->bias.add_(1.0); }},
      {"mean of the norm", [](Block& block) { block.norm->running_mean.sub_(0.5); }},
      {"variance of the norm", [](Block& block) { block.norm->running_var.mul_(3.0); }},
      {"another size",
       [](Block& block) {
         block.x = block.x.narrow(2, 0, block.x.size(2) - 1).contiguous();
         block.shortcut = block.shortcut.narrow(2, 0, block.output.size(2) - 1).contiguous();
       }},
      {"another batch",
       [](Block& block) {
         block.x = block.x.narrow(0, 0, 1).contiguous();
         block.shortcut = block.shortcut.narrow(0, 0, 1).contiguous();
       }},
  };
  return all;
}

// {in, out, kernel, stride, size} -> per change, done one after the other: names; distances [...] of the output from
// float64, in float32 and then in bfloat16
void changed_case(Workspace& w, const Fields& fields) {
  const torch::NoGradGuard no_grad;
  Block fast(fields, at::kFloat), exact(fields, at::kDouble);
  std::vector<double> full, half;
  for (const auto& [name, change] : changes()) {
    for (Block* block : {&fast, &exact}) {
      change(*block);
      block->infer();
    }
    full.push_back(relative_distance(fast.output, exact.output));
    const PrecisionScope precision(Precision::kBfloat16);
    fast.infer();
    half.push_back(relative_distance(fast.output, exact.output));
  }
  w.set("float32", at::tensor(at::ArrayRef<double>(full), at::kDouble));
  w.set("bfloat16", at::tensor(at::ArrayRef<double>(half), at::kDouble));
}

// {n, channels, height, width, kernel, stride, dilation, padding, threads} -> float32, bfloat16 [3]: distances of
// output, input gradient and weight gradient from float64, of the module; largest [3]: the largest errors in float32;
// stored []: whether the output is bfloat16 in the second case; takes []: whether it went by our loops
void depthwise_case(Workspace& w, const Fields& fields) {
  const auto channels = fields.integer("channels"), kernel = fields.integer("kernel");
  const auto stride = fields.integer("stride"), dilation = fields.integer("dilation");
  const auto padding = fields.integer("padding");
  const int threads_before = at::get_num_threads();
  at::set_num_threads(static_cast<int>(fields.integer("threads")));
  Conv2d module = depthwise_conv(channels, kernel, stride, dilation, padding);
  {
    const torch::NoGradGuard no_grad;
    module->weight.copy_(normal(module->weight.sizes(), 2));
  }
  const at::Tensor x = normal({fields.integer("n"), channels, fields.integer("height"), fields.integer("width")}, 1);
  const at::Tensor exact_x = x.to(at::kDouble).requires_grad_(true);
  const at::Tensor exact_weight = module->weight.detach().to(at::kDouble).requires_grad_(true);
  const at::Tensor exact = at::conv2d(exact_x, exact_weight, {}, stride, padding, dilation, channels);
  const at::Tensor gradient = normal(exact.sizes(), 3);
  exact.backward(gradient.to(at::kDouble));
  const auto stepped = [&](Precision scope) {
    const PrecisionScope precision(scope);
    module->zero_grad();
    const at::Tensor leaf = x.clone().requires_grad_(true);
    const at::Tensor output = module(leaf);
    output.backward(gradient.to(output.scalar_type()));
    return std::vector<at::Tensor>{output.detach(), leaf.grad(), module->weight.grad()};
  };
  const std::vector<at::Tensor> wanted{exact.detach(), exact_x.grad(), exact_weight.grad()};
  const auto compared = [&](auto measure, const std::vector<at::Tensor>& got) {
    std::vector<double> values;
    for (std::size_t i = 0; i < wanted.size(); ++i) values.push_back(measure(got[i], wanted[i]));
    return at::tensor(at::ArrayRef<double>(values), at::kDouble);
  };
  const std::vector<at::Tensor> full = stepped(Precision::kFloat32), half = stepped(Precision::kBfloat16);
  w.set("float32", compared(relative_distance, full));
  w.set("largest", compared(relative_error, full));
  w.set("bfloat16", compared(relative_distance, half));
  w.set("stored", at::scalar_tensor(half[0].scalar_type() == at::kBFloat16, at::kBool));
  w.set("takes", at::scalar_tensor(takes_depthwise(x, module->weight), at::kBool));
  at::set_num_threads(threads_before);
}

}  // namespace

void add_convolution_operations(OperationTable& table) {
  table["limit_instruction_set"] = limit_instruction_set;
  table["same_convolution"] = same_convolution_case;
  table["depthwise"] = depthwise_case;
  table["fused"] = fused_case;
  table["changed"] = changed_case;
}

}  // namespace wsss::test
