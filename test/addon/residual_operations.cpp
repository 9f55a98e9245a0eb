// Test operations on inverted residuals, and on classifiers and backbones made of them, with weights from a file.

#include <cmath>
#include <vector>

#include "workspace.h"
#include "wsss/backbone/inverted_residuals.h"
#include "wsss/classifier/classifier.h"
#include "wsss/core/libtorch.h"
#include "wsss/core/precision.h"
#include "wsss/segmenter/deeplab.h"
#include "wsss/weights/load.h"

namespace wsss::test {

namespace {

// {backbone, path, fold, training} x -> head, stage7, stage6, and grad.NAME of every parameter of (head ** 2).mean()
void residual_classifier(Workspace& w, const Fields& fields) {
  Classifier network = make_classifier(fields.string("backbone"), 3, 1.0);
  WeightLoading loading;
  loading.path = fields.string("path");
  loading.fold_normalization = fields.boolean("fold");
  load_weight_file(*network, loading, [&] { network->initialize(1); });
  network->to(at::kDouble);
  network->train(fields.boolean("training"));
  Dropout inactive;
  const FeatureLevels levels = network->features(w.get("x"), inactive);
  levels.deep.pow(2).mean().backward();
  w.set("head", levels.deep);
  w.set("stage7", levels.middle);
  w.set("stage6", levels.shallow);
  for (const auto& parameter : network->named_parameters()) {
    if (parameter.value().grad().defined()) w.set("grad." + parameter.key(), parameter.value().grad());
  }
}

// {backbone, path, outputStride} x -> backbone, low_level
void residual_backbone(Workspace& w, const Fields& fields) {
  const torch::NoGradGuard no_grad;
  DeepLab network(fields.string("backbone"), 3, fields.integer("outputStride"), 1.0);
  WeightLoading loading;
  loading.path = fields.string("path");
  loading.fold_normalization = false;
  load_weight_file(*network, loading, [&] { network->initialize(1); });
  network->to(at::kDouble);
  network->eval();
  Dropout inactive;
  network->forward(w.get("x"), inactive, [&](const std::string& name, const at::Tensor& t) { w.set(name, t); });
}

/// A block with weights and statistics of no special values.
InvertedResidual random_block(const BlockShape& shape) {
  InvertedResidual block(shape, 1e-3);
  for (auto& parameter : block->parameters()) {
    parameter.set_data(at::randn_like(parameter) / std::sqrt(static_cast<double>(parameter[0].numel())));
  }
  for (auto& buffer : block->named_buffers()) {
    if (buffer.key().ends_with("running_var")) buffer.value().uniform_(0.5, 1.5);
    if (buffer.key().ends_with("running_mean")) buffer.value().normal_(0.0, 0.3);
  }
  block->eval();
  return block;
}

/// A copy in float64, which goes layer by layer.
at::Tensor exact_output(std::vector<InvertedResidual>& blocks, const at::Tensor& x) {
  at::Tensor t = x.to(at::kDouble);
  for (auto& block : blocks) {
    block->to(at::kDouble);
    t = block->forward(t);
    block->to(at::kFloat);
  }
  return t;
}

// {n, height, width, in, out, kernel, stride, dilation, expansion, padding, threads, precision} -> of two blocks one
// after the other, the second with a shortcut; then of the same with changed weights, with changed statistics, and
// after a step with gradients: errors: the largest, by the largest value; distances: relative, L2; kept: whether an
// output that the first call made has stayed as it was
void fused_block_case(Workspace& w, const Fields& fields) {
  const torch::NoGradGuard no_grad;
  torch::manual_seed(1);
  const int threads_before = at::get_num_threads();
  at::set_num_threads(static_cast<int>(fields.integer("threads")));
  const std::int64_t in = fields.integer("in"), out = fields.integer("out"), kernel = fields.integer("kernel");
  const std::int64_t dilation = fields.integer("dilation"), expansion = fields.integer("expansion");
  const auto padding = static_cast<BlockPadding>(fields.integer("padding"));
  std::vector<InvertedResidual> blocks{
      random_block({in, out, kernel, fields.integer("stride"), dilation, expansion, false, padding}),
      random_block({out, out, kernel, 1, dilation, expansion, true, padding})};
  const at::Tensor x = at::randn({fields.integer("n"), in, fields.integer("height"), fields.integer("width")});
  std::vector<double> errors, distances;
  const PrecisionScope precision(fields.string("precision") == "bfloat16" ? Precision::kBfloat16 : Precision::kFloat32);
  const auto compare = [&] {
    const at::Tensor exact = exact_output(blocks, x);
    at::Tensor t = x;
    for (auto& block : blocks) t = block->forward(t);
    const at::Tensor error = t.to(at::kDouble) - exact;
    errors.push_back(error.abs().max().item<double>() / exact.abs().max().item<double>());
    distances.push_back(error.norm().item<double>() / exact.norm().item<double>());
  };
  compare();
  const at::Tensor first = blocks[0]->forward(x);
  const at::Tensor copy = first.clone();
  for (auto& parameter : blocks[1]->parameters()) parameter.mul_(1.1);
  compare();
  for (auto& buffer : blocks[0]->named_buffers()) {
    if (buffer.key().ends_with("running_mean")) buffer.value().add_(0.2);
  }
  compare();
  {
    const torch::AutoGradMode grad(true);
    blocks[1]->forward(blocks[0]->forward(x)).sum().backward();
  }
  for (auto& parameter : blocks[0]->parameters()) parameter.sub_(parameter.grad() * 1e-3);
  compare();
  w.set("errors", at::tensor(errors, at::kDouble));
  w.set("distances", at::tensor(distances, at::kDouble));
  w.set("kept", at::tensor({copy.equal(first) ? 1 : 0}, at::kByte));
  at::set_num_threads(threads_before);
}

// {n, height, width, channels, padding, precision, threads} -> errors: of the stem on bytes from the same in float64 on
// values in [0, 1], by the largest value; then of the same with another weight, and with other statistics
void stem_case(Workspace& w, const Fields& fields) {
  const torch::NoGradGuard no_grad;
  torch::manual_seed(1);
  const int threads_before = at::get_num_threads();
  at::set_num_threads(static_cast<int>(fields.integer("threads")));
  const ResidualPlan plan{
      fields.integer("channels"), {}, 0, static_cast<BlockPadding>(fields.integer("padding")), 1e-3};
  ResidualFeatures stem(plan, /*output_stride=*/16, /*width=*/1.0);
  for (auto& buffer : stem->named_buffers()) {
    if (buffer.key().ends_with("running_var")) buffer.value().uniform_(0.5, 1.5);
    if (buffer.key().ends_with("running_mean")) buffer.value().normal_(0.0, 0.3);
  }
  stem->eval();
  const at::Tensor bytes = at::randint(256, {fields.integer("n"), fields.integer("height"), fields.integer("width"), 3})
                               .to(at::kByte)
                               .permute({0, 3, 1, 2});
  const auto error = [&] {
    const bool reads = stem->reads_bytes();
    at::Tensor got;
    {
      const PrecisionScope precision(fields.string("precision") == "bfloat16" ? Precision::kBfloat16
                                                                              : Precision::kFloat32);
      got = stem->run(bytes, 0, 0);
    }
    stem->to(at::kDouble);
    const at::Tensor exact = stem->run(bytes.to(at::kDouble) / 255.0, 0, 0);
    stem->to(at::kFloat);
    TORCH_CHECK(reads && got.sizes() == exact.sizes(), "the stem does not read bytes");
    return (got.to(at::kDouble) - exact).abs().max().item<double>() / exact.abs().max().item<double>();
  };
  std::vector<double> errors{error()};
  for (auto& parameter : stem->parameters()) parameter.mul_(1.1);
  errors.push_back(error());
  for (auto& buffer : stem->named_buffers()) {
    if (buffer.key().ends_with("running_mean")) buffer.value().add_(0.2);
  }
  errors.push_back(error());
  w.set("errors", at::tensor(errors, at::kDouble));
  at::set_num_threads(threads_before);
}

}  // namespace

void add_residual_operations(OperationTable& table) {
  table["residual_classifier"] = residual_classifier;
  table["residual_backbone"] = residual_backbone;
  table["fused_block"] = fused_block_case;
  table["stem"] = stem_case;
}

}  // namespace wsss::test
