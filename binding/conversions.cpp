#include "conversions.h"

#include <ATen/ATen.h>

#include <cstring>
#include <string>
#include <vector>

#include "fields.h"
#include "js_values.h"
#include "process_group.h"
#include "wsss/core/error.h"

namespace wsss::binding {

namespace {

std::optional<GlassRule> glass_rule(const Fields& fields) {
  if (!fields.boolean("glass")) return std::nullopt;
  return GlassRule{static_cast<int>(fields.integer("glassGreyAbove")), fields.integer("glassMinAreaPx")};
}

/// Looks a word up; lib has checked it, so a miss names a defect.
template <typename Value>
Value word(const std::string& text, const char* option, std::initializer_list<std::pair<const char*, Value>> words) {
  std::string allowed;
  for (const auto& [name, value] : words) {
    if (text == name) return value;
    allowed += std::string(allowed.empty() ? "" : ", ") + name;
  }
  throw Error(ErrorCode::kOption, std::string(option) + " must be one of " + allowed + ", received " + text,
              {{"option", option}});
}

void read_shared(const Fields& fields, TrainingOptions& options) {
  options.schedule.kind = word<ScheduleKind>(
      fields.string("schedule"), "schedule",
      {{"poly", ScheduleKind::kPoly}, {"cosine", ScheduleKind::kCosine}, {"step", ScheduleKind::kStep}});
  options.schedule.learning_rate = fields.number("learningRate");
  options.schedule.power = fields.number("power");
  options.schedule.step_epochs = fields.integer("stepEpochs");
  options.schedule.warmup_epochs = fields.integer("warmupEpochs");
  options.schedule.epochs = fields.integer("epochs");
  options.batch_size = fields.integer("batchSize");
  options.fit_batch = fields.boolean("fitBatch");
  options.free_host_bytes = static_cast<std::int64_t>(fields.number("freeHostBytes"));
  options.gradient_checkpointing = fields.boolean("gradientCheckpointing");
  options.head_learning_rate_factor = fields.number("headLearningRateFactor");
  options.optimizer.kind = word<OptimizerKind>(fields.string("optimizer"), "optimizer",
                                               {{"sgd", OptimizerKind::kSgd}, {"adamw", OptimizerKind::kAdamW}});
  options.optimizer.momentum = fields.number("momentum");
  options.optimizer.nesterov = fields.boolean("nesterov");
  options.weight_decay = fields.number("weightDecay");
  options.optimizer.gradient_clip_norm = fields.number("gradientClipNorm");
  options.weight_average_decay = fields.number("emaDecay");
  options.drop_last_batch = fields.boolean("dropLastBatch");
  options.unfold_batch_norms = fields.boolean("unfoldBatchNorm");
  options.seed = fields.seed("seed");
  options.precision = precision_of(fields);
  options.augmentation.horizontal_flip = fields.number("horizontalFlip");
  options.augmentation.vertical_flip = fields.number("verticalFlip");
  options.augmentation.quarter_turns = fields.number("quarterTurns");
  options.augmentation.scale_min = fields.number("scaleMin");
  options.augmentation.scale_max = fields.number("scaleMax");
  options.augmentation.brightness = fields.number("brightness");
  options.augmentation.contrast = fields.number("contrast");
  options.augmentation.saturation = fields.number("saturation");
  options.augmentation.hue = fields.number("hue");
  options.augmentation.stain = fields.number("stainJitter");
  options.dropout_factor = fields.number("dropoutFactor");
  options.checkpoint_folder = fields.string("checkpointFolder");
  options.checkpoint_steps = fields.integer("checkpointSteps");
  options.checkpoint_keep = fields.integer("checkpointKeep");
  options.checkpoint_config = fields.string("checkpointConfig");
  options.resume_from = fields.string("resumeFrom");
  options.metadata = fields.string_map("metadata");
  options.group = ProcessGroupWrap::unwrap(fields.value("group"));
  options.group_config = fields.string("groupConfig");
  options.synchronize_batch_norms = fields.boolean("syncBatchNorm");
  options.bfloat16_gradients = fields.boolean("bfloat16Gradients");
  options.keep_best = word<bool>(fields.string("keep"), "keep", {{"best", true}, {"last", false}});
  if (options.batch_size < 1)
    throw Error(ErrorCode::kOption, "batchSize must be at least 1", {{"option", "batchSize"}});
}

Napi::Object step_to_js(Napi::Env env, const StepReport& step) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("kind", "step");
  set(object, "epoch", step.epoch);
  set(object, "step", step.step);
  set(object, "steps", step.steps);
  set(object, "loss", step.loss);
  set(object, "learningRate", step.learning_rate);
  set(object, "patches", step.patches);
  set(object, "elapsedMs", step.elapsed_ms);
  object.Set("again", step.again);
  object.Set("fromRecording", step.replayed);
  return object;
}

Napi::Object epoch_to_js(Napi::Env env, const EpochReport& epoch) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("kind", "epoch");
  set(object, "epoch", epoch.epoch);
  set(object, "meanLoss", epoch.mean_loss);
  set(object, "elapsedMs", epoch.elapsed_ms);
  object.Set("best", epoch.best);
  object.Set("again", epoch.again);
  set(object, "replayedSteps", epoch.replayed_steps);
  object.Set("whyNotRecorded", epoch.why_not_recorded);
  return object;
}

Napi::Object preview_to_js(Napi::Env env, const ClassMapPreview& preview) {
  Napi::Uint8Array classes = Napi::Uint8Array::New(env, preview.classes.size());
  std::memcpy(classes.Data(), preview.classes.data(), preview.classes.size());
  Napi::Object object = Napi::Object::New(env);
  set(object, "part", preview.part);
  set(object, "patch", preview.patch);
  set(object, "height", preview.height);
  set(object, "width", preview.width);
  object.Set("classMap", classes);
  return object;
}

}  // namespace

Precision precision_of(const Fields& fields) {
  return word<Precision>(fields.string("precision"), "precision",
                         {{"float32", Precision::kFloat32}, {"bfloat16", Precision::kBfloat16}});
}

ClassifierTrainingOptions classifier_training_options(Napi::Value value) {
  const Fields fields(value, "Classifier.train");
  ClassifierTrainingOptions options;
  read_shared(fields, options);
  options.gamma.start_epoch = fields.integer("pdaStartEpoch");
  options.gamma.initial = fields.number("gammaInitial");
  options.gamma.decay = fields.number("gammaDecay");
  options.gamma.floor = fields.number("gammaFloor");
  options.gamma.decays_before_start =
      word<bool>(fields.string("gammaDecaysFrom"), "gammaDecaysFrom", {{"start", true}, {"pda", false}});
  options.pda_divisor = fields.number("pdaDivisor");
  options.dense_loss_weight = fields.number("denseLoss");
  options.freeze_stem = fields.boolean("freezeStem");
  options.freeze_batch_norm = fields.boolean("freezeBatchNorm");
  return options;
}

SegmenterTrainingOptions segmenter_training_options(Napi::Value value) {
  const Fields fields(value, "Segmenter.train");
  SegmenterTrainingOptions options;
  read_shared(fields, options);
  options.augmentation.blur = fields.number("blur");
  options.loss.weights = fields.numbers("levelWeights");
  options.loss.background =
      word<BackgroundRule>(fields.string("background"), "background",
                           {{"ignore", BackgroundRule::kIgnore}, {"fifth-logit", BackgroundRule::kFifthLogit}});
  options.loss.kind = word<SegmentationLossKind>(
      fields.string("loss"), "loss",
      {{"cross-entropy", SegmentationLossKind::kCrossEntropy}, {"focal", SegmentationLossKind::kFocal}});
  options.loss.divide_by_batch = fields.boolean("divideByBatch");
  options.freeze_batch_norm = fields.boolean("freezeBatchNorm");
  options.mosaic = fields.number("mosaic");
  const auto patients = fields.numbers("patients");
  options.patients.assign(patients.begin(), patients.end());
  options.previews = fields.integer("previews");
  return options;
}

PatchViews patch_views(const Fields& fields) {
  return word<PatchViews>(
      fields.string("views"), "views",
      {{"one", PatchViews::kOne}, {"flips", PatchViews::kFlips}, {"symmetries", PatchViews::kSymmetries}});
}

RedrawOptions redraw_options(Napi::Value value) {
  const Fields fields(value, "Segmenter.redrawPseudoMasks");
  return {fields.integer("batchSize"), glass_rule(fields), patch_views(fields)};
}

PseudoMaskOptions pseudo_mask_options(Napi::Value value) {
  const Fields fields(value, "Classifier.generatePseudoMasks");
  PseudoMaskOptions options;
  options.levels = fields.strings("levels");
  options.batch_size = fields.integer("batchSize");
  options.glass = glass_rule(fields);
  options.scaling = word<CamScaling>(fields.string("scaling"), "scaling",
                                     {{"present", CamScaling::kPresent}, {"published", CamScaling::kPublished}});
  options.views = patch_views(fields);
  options.padding = fields.integer("paddingPx");
  return options;
}

GateRule gate_rule(const Fields& fields) {
  return word<GateRule>(fields.string("rule"), "rule",
                        {{"exclude", GateRule::kExclude}, {"multiply", GateRule::kMultiply}});
}

std::optional<ClassGate> class_gate(Napi::Value value, std::int64_t patch_count, std::int64_t class_count) {
  if (value.IsNull() || value.IsUndefined()) return std::nullopt;
  const Fields fields(value, "gate");
  const Napi::Value probabilities = fields.value("probabilities");
  if (!probabilities.IsTypedArray() || probabilities.As<Napi::TypedArray>().TypedArrayType() != napi_float32_array) {
    throw Error(ErrorCode::kOption, "gate.probabilities must be a Float32Array");
  }
  const auto array = probabilities.As<Napi::Float32Array>();
  if (static_cast<std::int64_t>(array.ElementLength()) != patch_count * class_count) {
    throw Error(ErrorCode::kShape, "gate.probabilities must have one value per patch and class");
  }
  ClassGate gate;
  gate.probabilities = at::empty({patch_count, class_count}, at::kFloat);
  std::memcpy(gate.probabilities.data_ptr<float>(), array.Data(), array.ByteLength());
  gate.threshold = fields.number("threshold");
  gate.rule = gate_rule(fields);
  return gate;
}

Napi::Object to_js(Napi::Env env, const ClassifierStep& step) {
  Napi::Object object = step_to_js(env, step);
  set(object, "exactMatch", step.exact_match);
  set(object, "jaccard", step.jaccard);
  return object;
}

Napi::Object to_js(Napi::Env env, const StepReport& step) { return step_to_js(env, step); }

Napi::Object to_js(Napi::Env env, const ClassifierEpoch& epoch) {
  Napi::Object object = epoch_to_js(env, epoch);
  object.Set("pdaEnabled", epoch.pda_enabled);
  set(object, "gamma", epoch.gamma);
  set(object, "exactMatch", epoch.exact_match);
  set(object, "jaccard", epoch.jaccard);
  if (epoch.validation) object.Set("labelValidation", to_js(env, *epoch.validation));
  return object;
}

Napi::Object to_js(Napi::Env env, const SegmenterEpoch& epoch) {
  Napi::Object object = epoch_to_js(env, epoch);
  set(object, "scoredPixels", epoch.scored_pixels);
  if (epoch.validation) object.Set("validation", to_js(env, *epoch.validation));
  Napi::Array previews = Napi::Array::New(env, epoch.previews.size());
  for (std::size_t i = 0; i < epoch.previews.size(); ++i) {
    previews.Set(static_cast<std::uint32_t>(i), preview_to_js(env, epoch.previews[i]));
  }
  object.Set("previews", previews);
  return object;
}

Napi::Object to_js(Napi::Env env, const TrainingSummary& summary) {
  Napi::Object object = Napi::Object::New(env);
  set(object, "steps", summary.steps);
  set(object, "epochs", summary.epochs);
  set(object, "bestEpoch", summary.best_epoch);
  set(object, "bestScore", summary.best_score);
  set(object, "batchSize", summary.batch_size);
  set(object, "lastLoss", summary.last_loss);
  set(object, "elapsedMs", summary.elapsed_ms);
  set(object, "replayedSteps", summary.replayed_steps);
  object.Set("whyNotRecorded", summary.why_not_recorded);
  return object;
}

Napi::Object to_js(Napi::Env env, const LabelScores& scores) {
  Napi::Object object = Napi::Object::New(env);
  set(object, "exactMatch", scores.exact_match);
  set(object, "jaccard", scores.jaccard);
  object.Set("classAccuracy", to_array(env, scores.class_accuracy));
  return object;
}

Napi::Object to_js(Napi::Env env, const ConfusionMatrix& confusion) {
  const SegmentationScores scores = confusion.reported_scores();
  const std::vector<double> counts(confusion.counts().begin(), confusion.counts().end());
  Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(env, counts.size() * sizeof(double));
  std::memcpy(buffer.Data(), counts.data(), counts.size() * sizeof(double));
  Napi::Object object = Napi::Object::New(env);
  object.Set("confusion", buffer);
  set(object, "pixelAccuracy", scores.pixel_accuracy);
  set(object, "meanClassAccuracy", scores.mean_class_accuracy);
  set(object, "mIoU", scores.mean_iou);
  set(object, "fwIoU", scores.frequency_weighted_iou);
  object.Set("iou", to_array(env, scores.iou));
  object.Set("dice", to_array(env, scores.dice));
  return object;
}

Napi::Object progress_to_js(Napi::Env env, std::int64_t done, std::int64_t total) {
  Napi::Object object = Napi::Object::New(env);
  set(object, "done", done);
  set(object, "total", total);
  return object;
}

Napi::Object finished_masks_to_js(Napi::Env env, const std::vector<std::int64_t>& patches, std::int64_t done,
                                  std::int64_t total) {
  Napi::Object object = progress_to_js(env, done, total);
  Napi::Array array = Napi::Array::New(env, patches.size());
  for (std::size_t i = 0; i < patches.size(); ++i) {
    array.Set(static_cast<std::uint32_t>(i), static_cast<double>(patches[i]));
  }
  object.Set("patches", array);
  return object;
}

Napi::Value floats_to_js(Napi::Env env, const at::Tensor& tensor) {
  const at::Tensor values = tensor.to(at::kCPU, at::kFloat).contiguous();
  Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(env, values.nbytes());
  std::memcpy(buffer.Data(), values.const_data_ptr(), values.nbytes());
  return buffer;
}

}  // namespace wsss::binding
