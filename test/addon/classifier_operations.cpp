// Test operations on the classifier: ResNet38, PDA, its loss and its label scores.

#include "rules.h"
#include "workspace.h"
#include "wsss/classifier/classifier_trainer.h"
#include "wsss/classifier/pda.h"
#include "wsss/classifier/resnet38.h"
#include "wsss/core/libtorch.h"

namespace wsss::test {

namespace {

// {weightTag, tags, H, W, dtype, gammas} -> every tensor of group B
void resnet38_forward(Workspace& w, const Fields& fields) {
  const torch::NoGradGuard no_grad;
  const auto dtype = dtype_of(fields);
  ResNet38 network(4);
  fill_by_rule(*network, "resnet38", fields.string("weightTag"));
  network->to(dtype);
  const at::Tensor x = rule_images(fields.strings("tags"), fields.integer("H"), fields.integer("W"), dtype);

  network->eval();
  Dropout inactive;
  network->observe_with([&](const std::string& name, const at::Tensor& t) { w.set("act." + name, t); });
  const FeatureLevels features = network->features(x, inactive);
  network->observe_with({});
  const at::Tensor logits = network->classify(features.deep, inactive);
  const at::Tensor cam = network->class_activation_maps(features.deep);
  w.set("logits_eval", logits);
  w.set("prob_eval", logits.sigmoid());
  w.set("cam_prob", logits.sigmoid());
  w.set("feature_eval", ResNet38Impl::pooled(features.deep));
  w.set("cam_raw", cam);
  w.set("cam_relu", cam.relu());

  network->set_batch_norm_frozen(true);
  network->train();
  const at::Tensor bn7 = network->features(x, inactive).deep;
  w.set("logits_train_nopda", network->classify(bn7, inactive));
  for (const double gamma : fields.numbers("gammas")) {
    const at::Tensor map = pda_map(bn7, network->class_weights(), at::scalar_tensor(gamma, bn7.options()), 4.0);
    const std::string suffix = std::string("_g").append(js_number(gamma));
    w.set("pda_map" + suffix, map.squeeze(1));
    w.set("logits_pda" + suffix, network->classify(bn7 * map, inactive));
    w.set("feature_pda" + suffix, ResNet38Impl::pooled(bn7 * map));
  }
}

// x, fc, G; {gammas} -> g<gamma>.out, .grad_x, .grad_fc
void pda(Workspace& w, const Fields& fields) {
  for (const double gamma : fields.numbers("gammas")) {
    const at::Tensor x = w.get("x").clone().requires_grad_(true);
    const at::Tensor fc = w.get("fc").clone().requires_grad_(true);
    const at::Tensor out = x * pda_map(x, fc, at::scalar_tensor(gamma, x.options()), fields.number("divisor"));
    (out * w.get("G")).sum().backward();
    const std::string prefix = std::string("g").append(js_number(gamma)).append(".");
    w.set(prefix + "out", out);
    w.set(prefix + "grad_x", x.grad());
    w.set(prefix + "grad_fc", fc.grad());
  }
}

// x, y -> loss, grad
void label_loss(Workspace& w, const Fields&) {
  const at::Tensor x = w.get("x").clone().requires_grad_(true);
  const at::Tensor loss = multilabel_soft_margin(x, w.get("y").to(x.scalar_type()));
  loss.backward();
  w.set("loss", loss);
  w.set("grad", x.grad());
}

// {initial, decay, floor, startEpoch, decaysBeforeStart, epochs} -> table [epochs, 2] of (enabled, gamma)
void gamma_table(Workspace& w, const Fields& fields) {
  GammaSchedule schedule;
  schedule.initial = fields.number("initial");
  schedule.decay = fields.number("decay");
  schedule.floor = fields.number("floor");
  schedule.start_epoch = fields.integer("startEpoch");
  schedule.decays_before_start = fields.boolean("decaysBeforeStart");
  at::Tensor table = at::empty({fields.integer("epochs"), 2}, at::kDouble);
  for (std::int64_t epoch = 0; epoch < table.size(0); ++epoch) {
    table[epoch][0] = schedule.enabled(epoch) ? 1.0 : 0.0;
    table[epoch][1] = schedule.gamma(epoch);
  }
  w.set("table", table);
}

// prob [n, K] float32, label [n, K] -> exact [n], jaccard [n] (NaN = undefined), running [n, 2] over the defined rows
void label_scores(Workspace& w, const Fields&) {
  const at::Tensor probabilities = w.get("prob").contiguous();
  const at::Tensor labels = w.get("label").to(at::kByte).contiguous();
  const std::int64_t n = probabilities.size(0), classes = probabilities.size(1);
  at::Tensor exact = at::empty({n}, at::kDouble), jaccard = at::empty({n}, at::kDouble);
  at::Tensor running = at::zeros({n, 2}, at::kDouble);
  LabelMeter meter(classes);
  for (std::int64_t i = 0; i < n; ++i) {
    const float* p = probabilities.const_data_ptr<float>() + i * classes;
    const std::uint8_t* y = labels.const_data_ptr<std::uint8_t>() + i * classes;
    const LabelAgreement agreement = label_agreement(p, y, classes);
    exact[i] = agreement.exact_match ? 1.0 : 0.0;
    jaccard[i] = agreement.jaccard.value_or(std::numeric_limits<double>::quiet_NaN());
    if (agreement.jaccard) meter.add(p, y);  // the published running means leave out the rows it cannot score
    running[i][0] = meter.exact_match();
    running[i][1] = meter.jaccard();
  }
  w.set("exact", exact);
  w.set("jaccard", jaccard);
  w.set("running", running);
}

// maps [N, K, h, w], labels [N, K] -> loss, grad
void dense_loss(Workspace& w, const Fields& /*fields*/) {
  const at::Tensor maps = w.get("maps").clone().requires_grad_(true);
  const at::Tensor loss = single_class_cell_loss(maps, w.get("labels"));
  loss.backward();
  w.set("loss", loss);
  w.set("grad", maps.grad());
}

}  // namespace

void add_classifier_operations(OperationTable& table) {
  table["resnet38_forward"] = resnet38_forward;
  table["pda"] = pda;
  table["label_loss"] = label_loss;
  table["gamma_table"] = gamma_table;
  table["label_scores"] = label_scores;
  table["dense_loss"] = dense_loss;
}

}  // namespace wsss::test
