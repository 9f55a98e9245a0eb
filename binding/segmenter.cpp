#include "segmenter.h"

#include <ATen/Functions.h>

#include "classifier.h"
#include "conversions.h"
#include "evaluation.h"
#include "failure.h"
#include "js_values.h"
#include "process_group.h"
#include "slide.h"
#include "stores.h"
#include "wsss/segmenter/count_together.h"
#include "wsss/segmenter/segmenter_inference.h"
#include "wsss/segmenter/segmenter_trainer.h"

namespace wsss::binding {

namespace {

/// Ground truth of one size with the patches it belongs to, kept alive for a job.
struct ValidationStores {
  std::shared_ptr<PatchStore> patches;
  std::shared_ptr<MaskStore> truth;
};

ValidationStores validation_part(Napi::Value value) {
  const Fields fields(value, "validation");
  return {PatchStoreWrap::unwrap(fields.value("patches"), "validation.patches"),
          MaskStoreWrap::unwrap(fields.value("truth"), "validation.truth")};
}

/// One part, or each of an array; none for null and undefined.
std::vector<ValidationStores> validation_stores(Napi::Value value) {
  std::vector<ValidationStores> parts;
  if (value.IsNull() || value.IsUndefined()) return parts;
  if (!value.IsArray()) {
    parts.push_back(validation_part(value));
    return parts;
  }
  const auto array = value.As<Napi::Array>();
  for (std::uint32_t i = 0; i < array.Length(); ++i) parts.push_back(validation_part(array.Get(i)));
  return parts;
}

std::vector<SegmenterValidation> views_of(const std::vector<ValidationStores>& parts) {
  std::vector<SegmenterValidation> views;
  for (const auto& part : parts) views.push_back(SegmenterValidation{*part.patches, *part.truth});
  return views;
}

/// How a slide is segmented, but for the networks.
struct SlideWork {
  double scale_x, scale_y;
  std::int64_t tile, overlap, batch;
  int threads;
  bool confidence;
  std::int64_t heat_class;  ///< Below 0: none.
  std::string rows_file, fingerprint;
  PatchViews views;
};

SlideWork slide_work(const Fields& fields) {
  return {fields.number("scaleX"),      fields.number("scaleY"),     fields.integer("tile"),
          fields.integer("overlap"),    fields.integer("batchSize"), static_cast<int>(fields.integer("threads")),
          fields.boolean("confidence"), fields.integer("heatClass"), fields.string("path"),
          fields.string("fingerprint"), patch_views(fields)};
}

SlideSegmentation slide_segmentation(const Slide& slide, const SlideWork& work, std::int64_t classes) {
  SlideSegmentation segmentation(TilePlan(slide, work.scale_x, work.scale_y, work.tile, work.overlap));
  segmentation.classes = classes;
  segmentation.batch = work.batch;
  segmentation.threads = work.threads;
  segmentation.confidence = work.confidence;
  if (work.heat_class >= 0) segmentation.heat_class = work.heat_class;
  segmentation.rows_file = work.rows_file;
  segmentation.fingerprint = work.fingerprint;
  return segmentation;
}

/// The gate's settings, but for its network.
SlideGateNetwork slide_gate(const Fields& fields) {
  SlideGateNetwork gate;
  gate.patch = fields.integer("patch");
  gate.threshold = fields.number("threshold");
  gate.rule = gate_rule(fields);
  return gate;
}

onnx::SegmentationOutput segmentation_output(const std::string& name) {
  if (name == "logits") return onnx::SegmentationOutput::kLogits;
  if (name == "probabilities") return onnx::SegmentationOutput::kProbabilities;
  return onnx::SegmentationOutput::kClassMap;
}

}  // namespace

Napi::Function SegmenterWrap::define(Napi::Env env) {
  return define_model(
      env, "Segmenter",
      {InstanceMethod<&SegmenterWrap::train>("train"), InstanceMethod<&SegmenterWrap::segment>("segment"),
       InstanceMethod<&SegmenterWrap::redraw_masks>("redrawMasks"),
       InstanceMethod<&SegmenterWrap::evaluate>("evaluate"),
       InstanceMethod<&SegmenterWrap::segment_slide>("segmentSlide")});
}

SegmenterWrap::SegmenterWrap(const Napi::CallbackInfo& info) : ModelWrap(info, "Segmenter") {}

DeepLab SegmenterWrap::build(const ModelConfig& config) {
  return DeepLab(config.backbone, config.class_count, config.output_stride, config.width, config.head_width);
}

OnnxWriter<DeepLab> SegmenterWrap::onnx_writer(const Fields& fields) {
  const auto output = segmentation_output(fields.string("output"));
  return [output, file = onnx_file(fields)](const DeepLab& network) { onnx::export_onnx(network, output, file); };
}

// (options, train, masks, {patches, truth} | [{patches, truth}, ...] | null, onEvent, done)
Napi::Value SegmenterWrap::train(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    auto options = segmenter_training_options(info[0]);
    auto train = PatchStoreWrap::unwrap(info[1], "train");
    auto masks = MaskStoreWrap::unwrap(info[2], "masks");
    auto validation = validation_stores(info[3]);
    return submit(
        info, info[4], info[5], [model = model_, options, train, masks, validation](JobContext& job) -> Reply {
          const SegmenterObserver observer{
              [&job](StepReport step) {
                step.logits.reset();
                job.emit([step](Napi::Env env) { return to_js(env, step); });
              },
              [&job](const SegmenterEpoch& epoch) { job.emit([epoch](Napi::Env env) { return to_js(env, epoch); }); }};
          const PrecisionScope precision(model->config.precision);
          const auto summary =
              train_segmenter(model->ready(), options, *train, *masks, views_of(validation), observer, job.cancel());
          return [summary](Napi::Env env) { return Napi::Value(to_js(env, summary)); };
        });
  });
}

// ({batchSize, views, probabilities}, patches, gate | null, predictions, onEvent, done)
Napi::Value SegmenterWrap::segment(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const Fields fields(info[0], "Segmenter.predict");
    const auto batch_size = fields.integer("batchSize");
    const bool wants_probabilities = fields.boolean("probabilities");
    const PatchViews views = patch_views(fields);
    auto patches = PatchStoreWrap::unwrap(info[1], "patches");
    auto gate = class_gate(info[2], patches->count(), model_->config.class_count);
    auto predictions = MaskStoreWrap::unwrap(info[3], "predictions");
    return submit(info, info[4], info[5], [=, model = model_](JobContext& job) -> Reply {
      at::Tensor probabilities;
      if (wants_probabilities) {
        probabilities = at::empty({patches->count(), model->config.class_count, patches->height(), patches->width()});
      }
      const PrecisionScope precision(model->config.precision);
      segment_patches(model->ready(), *patches, batch_size, views, gate, predictions.get(), probabilities,
                      progress_to(job), job.cancel());
      return [probabilities](Napi::Env env) {
        Napi::Object result = Napi::Object::New(env);
        result.Set("probabilities", probabilities.defined() ? floats_to_js(env, probabilities) : env.Null());
        return Napi::Value(result);
      };
    });
  });
}

// (options, patches, masks, onEvent, done)
Napi::Value SegmenterWrap::redraw_masks(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const RedrawOptions options = redraw_options(info[0]);
    const Fields fields(info[0], "Segmenter.redrawPseudoMasks");
    auto group = ProcessGroupWrap::unwrap(fields.value("group"));
    auto patches = PatchStoreWrap::unwrap(info[1], "patches");
    auto masks = MaskStoreWrap::unwrap(info[2], "masks");
    return submit(info, info[3], info[4], [=, model = model_](JobContext& job) -> Reply {
      const PrecisionScope precision(model->config.precision);
      if (group) {
        redraw_masks_together(model->ready(), options, *patches, *masks, *group, progress_to(job), job.cancel());
      } else {
        wsss::redraw_masks(model->ready(), options, *patches, *masks, progress_to(job), job.cancel());
      }
      return [](Napi::Env env) { return env.Null(); };
    });
  });
}

// ({batchSize, views, boundaryTolerance, group}, patches, truth, gate | null, onEvent, done)
Napi::Value SegmenterWrap::evaluate(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const Fields fields(info[0], "Segmenter.evaluate");
    const auto batch_size = fields.integer("batchSize");
    const auto tolerance = fields.number("boundaryTolerance");
    const PatchViews views = patch_views(fields);
    auto group = ProcessGroupWrap::unwrap(fields.value("group"));
    auto patches = PatchStoreWrap::unwrap(info[1], "patches");
    auto truth = MaskStoreWrap::unwrap(info[2], "truth");
    auto gate = class_gate(info[3], patches->count(), model_->config.class_count);
    return submit(info, info[4], info[5], [=, model = model_](JobContext& job) -> Reply {
      const PrecisionScope precision(model->config.precision);
      const PatchCounts counts =
          group ? count_segmentation_together(model->ready(), *patches, *truth, batch_size, views, gate, tolerance,
                                              *group, progress_to(job), job.cancel())
                : count_segmentation(model->ready(), *patches, *truth, batch_size, views, gate, tolerance,
                                     progress_to(job), job.cancel());
      return [counts](Napi::Env env) { return Napi::Value(to_js(env, counts)); };
    });
  });
}

// (options, tissue search, slide, {classifier, patch, threshold, rule} | null, onEvent, done)
Napi::Value SegmenterWrap::segment_slide(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const SlideWork work = slide_work(Fields(info[0], "Segmenter.segmentSlide"));
    const TissueSearch search = tissue_search(Fields(info[1], "Segmenter.segmentSlide tissue"));
    const auto slide = SlideWrap::unwrap(info[2]);
    std::optional<SlideGateNetwork> gate;
    std::shared_ptr<Model<Classifier>> classifier;
    if (!info[3].IsNull()) {
      const Fields fields(info[3], "Segmenter.segmentSlide gate");
      gate = slide_gate(fields);
      classifier = ClassifierWrap::unwrap(fields.value("classifier"));
    }
    return submit(info, info[4], info[5], [=, model = model_](JobContext& job) mutable -> Reply {
      if (gate) {
        gate->network = classifier->ready();
        gate->precision = classifier->config.precision;
      }
      const auto check = [&job] { job.cancel().check(); };
      const TissueMask tissue = find_tissue(*slide, search, work.threads, check);
      const PrecisionScope precision(model->config.precision);
      SlideSegmentation segmentation = slide_segmentation(*slide, work, model->config.class_count);
      const BandLayout layout = layout_of(segmentation);
      segment_slide_with(model->ready(), work.views, gate, *slide, tissue, std::move(segmentation), progress_to(job),
                         job.cancel());
      return [layout, share = tissue.share(), damaged = slide->damaged_regions()](Napi::Env env) {
        Napi::Object reply = Napi::Object::New(env);
        set(reply, "width", layout.width);
        set(reply, "height", layout.height);
        set(reply, "bandRows", layout.band_rows);
        set(reply, "planes", layout.planes);
        set(reply, "tissueShare", share);
        set(reply, "damagedRegions", damaged);
        return Napi::Value(reply);
      };
    });
  });
}

}  // namespace wsss::binding
