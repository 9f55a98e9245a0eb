// Test operations on trainings, optimizers, schedules and held dropout masks.

#include <cstring>

#include "rules.h"
#include "workspace.h"
#include "wsss/classifier/classifier_trainer.h"
#include "wsss/core/error.h"
#include "wsss/core/libtorch.h"
#include "wsss/core/random.h"
#include "wsss/device/device.h"
#include "wsss/device/placement.h"
#include "wsss/image/resize.h"
#include "wsss/segmenter/segmenter_trainer.h"
#include "wsss/weights/state_dict.h"

namespace wsss::test {

namespace {

/// Rule images of one size in a store, with labels [N, K] if given.
PatchStore rule_patches(const Fields& fields, const at::Tensor& labels) {
  const auto tags = fields.strings("tags");
  PatchStore patches(static_cast<std::int64_t>(tags.size()), fields.integer("H"), fields.integer("W"), 4);
  for (std::size_t i = 0; i < tags.size(); ++i) {
    const auto image = synth_image(tags[i], patches.height(), patches.width());
    std::memcpy(patches.patch(static_cast<std::int64_t>(i)), image.data(), image.size());
  }
  if (labels.defined()) {
    const at::Tensor bytes = labels.to(at::kByte).contiguous();
    std::memcpy(patches.labels(0), bytes.const_data_ptr<std::uint8_t>(), static_cast<std::size_t>(bytes.numel()));
  }
  return patches;
}

/// Weights now minus weights at the start, and the norm of that difference per tensor in the given order.
void record_deltas(Workspace& w, const torch::nn::Module& network, const StateDict& initial, const std::string& prefix,
                   const std::vector<std::string>& names, const std::vector<std::string>& sorted_names) {
  const torch::NoGradGuard no_grad;
  std::map<std::string, at::Tensor> deltas;
  const StateDict now = state_dict(network);
  for (std::size_t i = 0; i < now.size(); ++i) {
    if (!now[i].second.is_floating_point()) continue;
    deltas[now[i].first] = now[i].second.to(at::kDouble) - initial[i].second.to(at::kDouble);
  }
  at::Tensor norms = at::empty({static_cast<std::int64_t>(sorted_names.size())}, at::kDouble);
  for (std::size_t i = 0; i < sorted_names.size(); ++i) {
    norms[static_cast<std::int64_t>(i)] = deltas.at(sorted_names[i]).norm();
  }
  w.set(prefix + "delta_l2_per_tensor", norms);
  for (const auto& name : names) w.set(prefix + "delta." + name, deltas.at(name));
}

/// Logits of a step in the order of the patches, not of the shuffle.
at::Tensor in_patch_order(const at::Tensor& logits, const std::vector<std::int64_t>& indices) {
  at::Tensor ordered = at::empty_like(logits);
  for (std::size_t i = 0; i < indices.size(); ++i) ordered[indices[i]] = logits[static_cast<std::int64_t>(i)];
  return ordered;
}

// labels; {weightTag, tags, H, W, dtype, lr, weightDecay, epochs, stopAfter, pdaStartEpoch, gamma, gammaDecay,
// gradNames, deltaNames, sortedNames} -> step<k>.*, final.*, losses, logits: the published recipe through the product's
// trainer
void classifier_training(Workspace& w, const Fields& fields) {
  Classifier network = make_classifier("resnet38", 4, 1.0);
  fill_by_rule(*network, "resnet38", fields.string("weightTag"));
  network->to(dtype_of(fields));
  const StateDict initial = snapshot(*network);
  const PatchStore patches = rule_patches(fields, w.get("labels"));

  ClassifierTrainingOptions options;
  options.schedule.learning_rate = fields.number("lr");
  options.schedule.epochs = fields.integer("epochs");
  options.batch_size = patches.count();
  options.weight_decay = fields.number("weightDecay");
  options.optimizer.momentum = options.weight_decay;  // as published
  options.gamma = {fields.integer("pdaStartEpoch"), fields.number("gamma"), fields.number("gammaDecay"), 0.65, true};
  options.pda_divisor = 4.0;
  options.dropout_factor = 0.0;
  options.freeze_stem = true;
  options.freeze_batch_norm = true;

  const auto grad_names = fields.strings("gradNames"), delta_names = fields.strings("deltaNames");
  const auto sorted_names = fields.strings("sortedNames");
  const std::int64_t stop_after = fields.integer("stopAfter");
  const CancelToken cancel;
  std::vector<at::Tensor> losses, logits;
  const ClassifierObserver observer{[&](const ClassifierStep& step) {
                                      const std::string prefix = "step" + std::to_string(step.step) + ".";
                                      losses.push_back(at::scalar_tensor(step.loss, at::kDouble));
                                      logits.push_back(in_patch_order(step.logits, step.indices).clone());
                                      w.set(prefix + "loss", losses.back());
                                      w.set(prefix + "logits", logits.back());
                                      if (!grad_names.empty()) {
                                        const auto parameters = network->named_parameters();
                                        for (const auto& name : grad_names)
                                          w.set(prefix + "grad." + name, parameters[name].grad().clone());
                                        record_deltas(w, *network, initial, prefix, delta_names, sorted_names);
                                      }
                                      if (step.step == stop_after) cancel.cancel();
                                    },
                                    {}};
  try {
    train_classifier(network, options, patches, {}, observer, cancel);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kCancelled) throw;
  }
  w.set("losses", at::stack(losses));
  w.set("logits", at::stack(logits));
  record_deltas(w, *network, initial, "final.", delta_names, sorted_names);
}

/// min(noise // 64, 3), with background where the image is white in every channel.
void fill_rule_target(MaskStore& masks, std::int64_t level, std::int64_t index, const std::string& key,
                      const std::string& image_tag) {
  const auto field = noise_field(key, masks.height(), masks.width(), 28);
  const auto image = synth_image(image_tag, masks.height(), masks.width());
  for (std::size_t p = 0; p < field.size(); ++p) {
    const bool white = image[3 * p] >= 242 && image[3 * p + 1] >= 242 && image[3 * p + 2] >= 242;
    masks.mask(level, index)[p] = white ? 4 : std::min<std::uint8_t>(field[p] / 64, 3);
  }
}

/// An unknown word is an error: another schedule in its place would blame the product.
ScheduleKind schedule_kind(const std::string& name) {
  if (name == "poly") return ScheduleKind::kPoly;
  if (name == "cos") return ScheduleKind::kCosine;
  if (name == "step") return ScheduleKind::kStep;
  throw Error(ErrorCode::kOption, "no schedule is called " + name);
}

/// {schedule, lr, stepEpochs, warmupEpochs, stepsPerEpoch, epochs}
Schedule schedule_of(const Fields& fields) {
  Schedule schedule;
  schedule.kind = schedule_kind(fields.string("schedule"));
  schedule.learning_rate = fields.number("lr");
  schedule.step_epochs = fields.integer("stepEpochs");
  schedule.warmup_epochs = fields.integer("warmupEpochs");
  schedule.steps_per_epoch = fields.integer("stepsPerEpoch");
  schedule.epochs = fields.integer("epochs");
  return schedule;
}

SegmentationLossKind loss_kind(const std::string& name) {
  if (name == "focal") return SegmentationLossKind::kFocal;
  if (name == "ce") return SegmentationLossKind::kCrossEntropy;
  throw Error(ErrorCode::kOption, "no segmentation loss is called " + name);
}

// {backbone, netKey, weightTag, split, tags, H, W, dtype, outputStride, momentum, weightDecay, nesterov, epoch, loss,
// names, normNames, sortedNames, and what schedule_of reads} -> group H2
void segmenter_training(Workspace& w, const Fields& fields) {
  DeepLab network(fields.string("backbone"), 4, fields.integer("outputStride"));
  fill_by_rule(*network, fields.string("netKey"), fields.string("weightTag"));
  network->to(dtype_of(fields));
  const StateDict initial = snapshot(*network);
  const PatchStore patches = rule_patches(fields, {});
  const auto tags = fields.strings("tags");
  MaskStore masks(patches.count(), patches.height(), patches.width(), 3);
  std::vector<std::int64_t> all(tags.size());
  std::iota(all.begin(), all.end(), 0);
  const std::vector<std::string> letters{"o", "a", "b"}, target_names{"target_main", "target_a", "target_b"};
  for (std::size_t level = 0; level < letters.size(); ++level) {
    for (std::size_t i = 0; i < tags.size(); ++i) {
      const std::string plain = tags[i].rfind("inv:", 0) == 0 ? tags[i].substr(4) : tags[i];
      const std::string number = plain.substr(plain.find_last_not_of("0123456789") + 1);
      fill_rule_target(masks, static_cast<std::int64_t>(level), static_cast<std::int64_t>(i),
                       fields.string("split") + "|H|lab" + letters[level] + number, plain);
    }
  }
  const at::Tensor targets = mask_batch(masks, all, {}, at::kCPU).to(at::kLong);
  for (std::size_t level = 0; level < letters.size(); ++level) {
    w.set(target_names[level], targets[static_cast<std::int64_t>(level)]);
  }

  // The one step stands at the beginning of an epoch of the published run, whose rate the first step here starts with.
  const Schedule published = schedule_of(fields);
  SegmenterTrainingOptions options;
  options.schedule.learning_rate = published.at(fields.integer("epoch") * published.steps_per_epoch);
  options.batch_size = patches.count();
  options.optimizer.momentum = fields.number("momentum");
  options.optimizer.nesterov = fields.boolean("nesterov");
  options.weight_decay = fields.number("weightDecay");
  options.dropout_factor = 0.0;
  options.drop_last_batch = false;
  options.loss.background = BackgroundRule::kFifthLogit;
  options.loss.divide_by_batch = true;
  options.loss.kind = loss_kind(fields.string("loss"));

  const CancelToken cancel;
  const SegmenterObserver observer{
      [&](const StepReport& step) {
        w.set("loss", at::scalar_tensor(step.loss, at::kDouble));
        w.set("lr_used", at::scalar_tensor(step.learning_rate, at::kDouble));
        const at::Tensor fine = resize_align_corners(step.logits, patches.height(), patches.width());
        w.set("logits_train", in_patch_order(fine, step.indices));
        const auto parameters = network->named_parameters();
        for (const auto& name : fields.strings("names")) w.set("grad." + name, parameters[name].grad().clone());
        record_deltas(w, *network, initial, "", fields.strings("names"), fields.strings("sortedNames"));
        const auto buffers = network->named_buffers();
        for (const auto& norm : fields.strings("normNames")) {
          w.set("running_mean." + norm, buffers[norm + ".running_mean"].clone());
          w.set("running_var." + norm, buffers[norm + ".running_var"].clone());
          w.set("num_batches_tracked." + norm, buffers[norm + ".num_batches_tracked"].clone());
        }
        cancel.cancel();
      },
      {}};
  try {
    train_segmenter(network, options, patches, masks, {}, observer, cancel);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kCancelled) throw;
  }
}

// {device, interval, lr, folder, stopAfter, resumeFrom} -> losses, and epochs: the step at which each epoch was
// reported, of a small training whose losses are read every so many steps; diverged: the step that it stopped at, 0 if
// it did not. With a folder it leaves a checkpoint every two steps, and is cancelled after so many reports, 0 for
// never.
void loss_interval(Workspace& w, const Fields& fields) {
  constexpr std::int64_t kPatches = 10, kSize = 32, kClasses = 2;
  PatchStore patches(kPatches, kSize, kSize, kClasses);
  for (std::int64_t i = 0; i < kPatches; ++i) {
    const auto image = synth_image("interval" + std::to_string(i), kSize, kSize);
    std::memcpy(patches.patch(i), image.data(), image.size());
    patches.labels(i)[i % kClasses] = 1;
  }
  Classifier network = make_classifier("mobilenet", kClasses, 1.0 / 16);
  network->initialize(1);
  place(*network, parse_device(fields.string("device")));
  ClassifierTrainingOptions options;
  options.schedule.learning_rate = fields.number("lr");
  options.schedule.epochs = 2;
  options.batch_size = 2;
  options.freeze_stem = false;
  options.freeze_batch_norm = false;
  options.loss_interval = fields.integer("interval");
  options.checkpoint_folder = fields.string("folder");
  options.checkpoint_steps = options.checkpoint_folder.empty() ? 0 : 2;
  options.resume_from = fields.string("resumeFrom");
  const CancelToken cancel;
  const std::int64_t stop_after = fields.integer("stopAfter");
  std::vector<double> losses, epochs;
  const ClassifierObserver observer{
      [&](const ClassifierStep& step) {
        losses.push_back(step.loss);
        if (static_cast<std::int64_t>(losses.size()) == stop_after) cancel.cancel();
      },
      [&](const ClassifierEpoch&) { epochs.push_back(static_cast<double>(losses.size())); }};
  double diverged = 0.0;
  try {
    train_classifier(network, options, patches, {}, observer, cancel);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kDiverged) {
      diverged = static_cast<double>(losses.size()) + 1;
    } else if (error.code() != ErrorCode::kCancelled) {
      throw;
    }
  }
  w.set("losses", at::tensor(losses, at::kDouble));
  w.set("epochs", at::tensor(epochs, at::kDouble));
  w.set("diverged", at::scalar_tensor(diverged, at::kDouble));
}

// {kept, dtype} -> shares [3]: of what is kept, of neighbours that are both kept, and of elements that are the same in
// two masks of one generator; same [3]: 1 where another number of threads draws the same, another seed draws others,
// and every value is 0 or 1 / kept
void dropout_masks(Workspace& w, const Fields& fields) {
  const double kept = fields.number("kept");
  const auto dtype = fields.string("dtype") == "bfloat16" ? at::kBFloat16 : at::kFloat;
  const at::Tensor x = at::ones({3, 37, 41, 53}, dtype);
  const auto masks = [&](std::uint64_t seed) {
    Dropout dropout(make_generator(c10::Device(c10::DeviceType::CPU), seed), 1.0);
    const at::Tensor first = dropout.elements(x, 1.0 - kept);
    return std::vector<at::Tensor>{first, dropout.elements(x, 1.0 - kept)};
  };
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const std::vector<at::Tensor> drawn = masks(7);
  at::set_num_threads(3);
  const bool same = masks(7)[1].equal(drawn[1]);
  at::set_num_threads(threads);
  const auto share = [](const at::Tensor& flags) { return flags.to(at::kDouble).mean().item<double>(); };
  const at::Tensor one = drawn[0].flatten() != 0, two = drawn[1].flatten() != 0;
  const std::int64_t last = one.numel() - 1;
  w.set("shares", at::tensor({share(one), share(one.slice(0, 0, last).logical_and(one.slice(0, 1))), share(one == two)},
                             at::kDouble));
  const at::Tensor values = drawn[0].to(at::kFloat);
  const double far = (values - one.view(values.sizes()).to(at::kFloat) / kept).abs().max().item<double>();
  w.set("same", at::tensor({same ? 1 : 0, masks(8)[0].equal(drawn[0]) ? 0 : 1, far < 0.01 ? 1 : 0}, at::kByte));
}

// {} -> same [3]: whether a step with held masks is the one with masks of its own when it is computed, and when it
// comes again with other numbers; and whether asking for more masks than the first time is refused
void held_masks(Workspace& w, const Fields& /*fields*/) {
  const at::Tensor x = at::randn({2, 3, 4, 5}, at::detail::createCPUGenerator(1));
  const auto step = [&](Dropout dropout) { return dropout.elements(dropout.channels(x, 0.3), 0.5); };
  const auto plain = [&](std::uint64_t seed) { return step(Dropout(at::detail::createCPUGenerator(seed), 1.0)); };
  HeldMasks masks;
  const at::Tensor first = step(Dropout(at::detail::createCPUGenerator(2), 1.0, &masks));
  masks.rewind();
  masks.draw(at::detail::createCPUGenerator(3));
  const at::Tensor second = step(Dropout(at::detail::createCPUGenerator(4), 1.0, &masks));
  bool refuses = false;
  try {
    step(Dropout(at::detail::createCPUGenerator(4), 1.0, &masks));
  } catch (const c10::Error&) {
    refuses = true;
  }
  const std::vector<std::int64_t> same{at::equal(first, plain(2)), at::equal(second, plain(3)), refuses};
  w.set("same", at::tensor(same, at::kLong).to(at::kBool));
}

// init.<name>, grad<k>.<name>; {names, groups, factors, groupDecay, momentum, nesterov, steps, and what schedule_of
// reads} -> after<k>.<name>, lr_table
void optimizer_steps(Workspace& w, const Fields& fields, const OptimizerOptions& options) {
  const auto names = fields.strings("names");
  const auto group_of = fields.numbers("groups"), factors = fields.numbers("factors"),
             decays = fields.numbers("groupDecay");
  const Schedule schedule = schedule_of(fields);
  std::vector<ParameterGroup> groups;
  for (std::size_t g = 0; g < factors.size(); ++g) groups.push_back({{}, factors[g], decays[g]});
  std::vector<at::Tensor> parameters;
  for (std::size_t i = 0; i < names.size(); ++i) {
    parameters.push_back(w.get("init." + names[i]).clone().requires_grad_(true));
    groups[static_cast<std::size_t>(group_of[i])].parameters.push_back(parameters.back());
  }
  Optimizer optimizer(groups, options);
  const std::int64_t steps = fields.integer("steps");
  at::Tensor rates = at::empty({steps, static_cast<std::int64_t>(factors.size())}, at::kDouble);
  for (std::int64_t step = 0; step < steps; ++step) {
    const std::string number = std::to_string(step + 1);
    optimizer.zero_grad();
    for (std::size_t i = 0; i < names.size(); ++i) {
      const std::string gradient = "grad" + number + "." + names[i];
      if (w.has(gradient)) parameters[i].mutable_grad() = w.get(gradient).clone();
    }
    const double rate = schedule.at(step);
    for (std::size_t g = 0; g < factors.size(); ++g) rates[step][static_cast<std::int64_t>(g)] = rate * factors[g];
    optimizer.set_learning_rate(rate);
    optimizer.step();
    for (std::size_t i = 0; i < names.size(); ++i)
      w.set("after" + number + "." + names[i], parameters[i].detach().clone());
  }
  w.set("lr_table", rates);
}

void sgd(Workspace& w, const Fields& fields) {
  OptimizerOptions options;
  options.momentum = fields.number("momentum");
  options.nesterov = fields.boolean("nesterov");
  optimizer_steps(w, fields, options);
}

// The same without momentum and nesterov.
void adamw(Workspace& w, const Fields& fields) {
  OptimizerOptions options;
  options.kind = OptimizerKind::kAdamW;
  optimizer_steps(w, fields, options);
}

// {what schedule_of reads} -> rates [epochs * stepsPerEpoch]
void schedule(Workspace& w, const Fields& fields) {
  const Schedule schedule = schedule_of(fields);
  at::Tensor rates = at::empty({schedule.steps_per_epoch * schedule.epochs}, at::kDouble);
  for (std::int64_t t = 0; t < rates.size(0); ++t) rates[t] = schedule.at(t);
  w.set("rates", rates);
}

}  // namespace

void add_training_operations(OperationTable& table) {
  table["classifier_training"] = classifier_training;
  table["segmenter_training"] = segmenter_training;
  table["loss_interval"] = loss_interval;
  table["dropout_masks"] = dropout_masks;
  table["held_masks"] = held_masks;
  table["sgd"] = sgd;
  table["adamw"] = adamw;
  table["schedule"] = schedule;
}

}  // namespace wsss::test
