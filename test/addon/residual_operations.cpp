// Test operations on classifiers and backbones of inverted residuals, with weights from a file.
#include <torch/torch.h>

#include "workspace.h"
#include "wsss/classifier/classifier.h"
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

}  // namespace

void add_residual_operations(OperationTable& table) {
  table["residual_classifier"] = residual_classifier;
  table["residual_backbone"] = residual_backbone;
}

}  // namespace wsss::test
