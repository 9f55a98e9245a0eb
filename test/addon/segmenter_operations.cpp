// Test operations on the segmenter: DeepLab v3+, its losses and the class gate.

#include "rules.h"
#include "workspace.h"
#include "wsss/core/libtorch.h"
#include "wsss/core/precision.h"
#include "wsss/image/resize.h"
#include "wsss/segmenter/class_gate.h"
#include "wsss/segmenter/deeplab.h"
#include "wsss/segmenter/enlarged_classes.h"
#include "wsss/segmenter/multi_layer_loss.h"
#include "wsss/segmenter/pixel_loss_sums.h"
#include "wsss/training/training_options.h"

namespace wsss::test {

namespace {

// {backbone, netKey, weightTag, tags, H, W, classCount, outputStride, dtype} -> low_level, backbone, aspp, decoder,
// logits
void deeplab_forward(Workspace& w, const Fields& fields) {
  const torch::NoGradGuard no_grad;
  const auto dtype = dtype_of(fields);
  DeepLab network(fields.string("backbone"), fields.integer("classCount"), fields.integer("outputStride"));
  fill_by_rule(*network, fields.string("netKey"), fields.string("weightTag"));
  network->to(dtype);
  network->eval();
  Dropout inactive;
  const at::Tensor x = rule_images(fields.strings("tags"), fields.integer("H"), fields.integer("W"), dtype);
  const at::Tensor logits =
      network->forward(x, inactive, [&](const std::string& name, const at::Tensor& t) { w.set(name, t); });
  w.set("logits", logits);
  w.set("argmax", logits.argmax(1));
}

SegmentationLossKind kind_of(const Fields& fields) {
  return fields.string("kind") == "focal" ? SegmentationLossKind::kFocal : SegmentationLossKind::kCrossEntropy;
}

// logits, target; {kind} -> loss, grad: the published criterion
void criterion(Workspace& w, const Fields& fields) {
  const at::Tensor logits = w.get("logits").clone().requires_grad_(true);
  const at::Tensor masks = w.get("target").to(at::kByte).unsqueeze(0);
  const at::Tensor sums = pixel_loss_sums(logits, masks, /*background_logit=*/false);
  const at::Tensor counts = (masks < logits.size(1)).sum({1, 2, 3}).to(logits.scalar_type());
  const at::Tensor loss = segmentation_criterion(sums, counts, kind_of(fields), logits.size(0))[0];
  loss.backward();
  w.set("loss", loss);
  w.set("grad", logits.grad());
}

// logits, target_main, target_a, target_b; {kind, background} -> loss, loss_main, loss_a, loss_b, grad. With
// "fifth-logit" the published total, divided by N once more.
void multi_layer(Workspace& w, const Fields& fields) {
  const at::Tensor logits = w.get("logits").clone().requires_grad_(true);
  MultiLayerLossOptions options;
  const bool published = fields.string("background") == "fifth-logit";
  options.background = published ? BackgroundRule::kFifthLogit : BackgroundRule::kIgnore;
  options.kind = kind_of(fields);
  options.divide_by_batch = published;
  const std::vector<std::string> names{"main", "a", "b"};
  std::vector<at::Tensor> targets;
  for (const auto& name : names) targets.push_back(w.get("target_" + name).to(at::kByte));
  const at::Tensor masks = at::stack(targets);
  for (std::size_t i = 0; i < names.size(); ++i) {
    MultiLayerLossOptions alone = options;
    alone.weights = {0.0, 0.0, 0.0};
    alone.weights[i] = 1.0;
    w.set("loss_" + names[i], multi_layer_loss(logits.detach(), masks, alone));
  }
  const at::Tensor loss = multi_layer_loss(logits, masks, options);
  loss.backward();
  w.set("loss", loss);
  w.set("grad", logits.grad());
}

// {key, split, lr, weightDecay} -> target_*, loss, grad, updated: one published step whose only parameter is the logits
void multi_layer_step(Workspace& w, const Fields& fields) {
  constexpr std::int64_t kImages = 2, kSize = 224;
  const std::string split = fields.string("split");
  w.set("logits", tensor_uniform(fields.string("key"), {kImages, 4, kSize, kSize}, 3.0, 0.0));
  const auto white = noise_field(split + "|E|white", kSize, kSize, 40);
  const std::vector<std::string> letters{"o", "a", "b"}, names{"target_main", "target_a", "target_b"};
  for (std::size_t l = 0; l < letters.size(); ++l) {
    at::Tensor target = at::empty({kImages, kSize, kSize}, at::kLong);
    for (std::int64_t n = 0; n < kImages; ++n) {
      const auto base = noise_field(split + "|E|lab" + letters[l] + std::to_string(n), kSize, kSize, 28);
      auto* out = target[n].data_ptr<std::int64_t>();
      for (std::size_t p = 0; p < base.size(); ++p) out[p] = white[p] > 190 ? 4 : base[p] / 64;
    }
    w.set(names[l], target);
  }
  multi_layer(w, fields);
  TrainingOptions options;
  options.schedule.learning_rate = fields.number("lr");
  at::Tensor logits = w.get("logits").clone().requires_grad_(true);
  logits.mutable_grad() = w.get("grad").clone();
  Optimizer optimizer({{{logits}, 1.0, fields.number("weightDecay")}}, options.optimizer);
  optimizer.set_learning_rate(fields.number("lr"));
  optimizer.step();
  w.set("updated", logits);
}

// logits [N, K, H, W], y [N, K]; {threshold, rule} -> gated, pred
void gate(Workspace& w, const Fields& fields) {
  const auto rule = fields.string("rule") == "multiply" ? GateRule::kMultiply : GateRule::kExclude;
  const at::Tensor gated = gate_logits(w.get("logits"), w.get("y"), fields.number("threshold"), rule);
  w.set("gated", gated);
  w.set("pred", gated.argmax(1).to(at::kByte));
  w.set("plain", w.get("logits").argmax(1).to(at::kByte));
}

// coarse [N, K, h, w], and maybe open [N, K]; {height, width} -> classes, exact [N, height, width]; takes []
void enlarged_classes_case(Workspace& w, const Fields& fields) {
  const at::Tensor coarse = w.get("coarse");
  const auto height = fields.integer("height"), width = fields.integer("width");
  const at::Tensor open = fields.boolean("gated") ? w.get("open").to(at::kBool) : at::Tensor();
  at::Tensor fine = resize_align_corners(coarse, height, width);
  if (open.defined()) fine = gate_logits(fine, open.to(at::kFloat), 0.5, GateRule::kExclude);
  w.set("exact", std::get<1>(fine.max(1)).to(at::kByte));
  const bool takes = takes_enlarged_classes(coarse, height, width);
  w.set("takes", at::scalar_tensor(takes, at::kBool));
  if (takes) w.set("classes", enlarged_classes(coarse, height, width, open));
}

// {backbone, size, precision} -> equal: the share of the pixels of random pictures that have the same class by
// inference's fast ways, from bytes, as layer by layer in float64 from values in [0, 1]; classes: how many there are
void class_maps(Workspace& w, const Fields& fields) {
  const torch::NoGradGuard no_grad;
  torch::manual_seed(1);
  DeepLab network(fields.string("backbone"), 4, 16, 0.5, 0.25);
  network->initialize(1);
  // Statistics and shifts that matter; no branch begins as the identity.
  for (auto& parameter : network->parameters()) {
    if (parameter.dim() == 1) parameter.copy_(at::rand_like(parameter) + 0.5);
  }
  for (auto& buffer : network->named_buffers()) {
    if (buffer.key().ends_with("running_var")) buffer.value().uniform_(0.5, 1.5);
    if (buffer.key().ends_with("running_mean")) buffer.value().normal_(0.0, 0.3);
  }
  network->eval();
  const auto size = fields.integer("size");
  const at::Tensor small = at::rand({3, 3, size / 8, size / 8});
  const at::Tensor pictures = at::upsample_bilinear2d(small, {size, size}, /*align_corners=*/true);
  const at::Tensor bytes = (pictures * 255).to(at::kByte).contiguous(at::MemoryFormat::ChannelsLast);
  Dropout inactive;
  at::Tensor fast;
  {
    const PrecisionScope precision(fields.string("precision") == "bfloat16" ? Precision::kBfloat16
                                                                            : Precision::kFloat32);
    TORCH_CHECK(network->input_type() == at::kByte, "the network does not read bytes");
    fast = enlarged_classes(network->coarse_logits(bytes, inactive), size, size, {});
  }
  network->to(at::kDouble);
  const at::Tensor exact = network->forward(bytes.to(at::kDouble) / 255.0, inactive).argmax(1).to(at::kByte);
  w.set("equal", (fast == exact).to(at::kDouble).mean());
  w.set("classes", at::scalar_tensor(static_cast<double>(std::get<0>(at::_unique(exact)).numel()), at::kDouble));
}

}  // namespace

void add_segmenter_operations(OperationTable& table) {
  table["deeplab_forward"] = deeplab_forward;
  table["criterion"] = criterion;
  table["multi_layer"] = multi_layer;
  table["multi_layer_step"] = multi_layer_step;
  table["enlarged_classes"] = enlarged_classes_case;
  table["class_maps"] = class_maps;
  table["gate"] = gate;
}

}  // namespace wsss::test
