#include "classifier.h"

#include "conversions.h"
#include "failure.h"
#include "patch_features.h"
#include "process_group.h"
#include "stores.h"
#include "wsss/classifier/classifier_inference.h"
#include "wsss/pseudo_mask/generate.h"

namespace wsss::binding {

namespace {

constexpr napi_type_tag kClassifierTag{0x5be1c1a97d3f4e05ULL, 0x9c1f0a7742b84d14ULL};

}  // namespace

Napi::Function ClassifierWrap::define(Napi::Env env) {
  return define_model(
      env, "Classifier",
      {InstanceMethod<&ClassifierWrap::train>("train"), InstanceMethod<&ClassifierWrap::classify>("classify"),
       InstanceMethod<&ClassifierWrap::describe>("describe"), InstanceMethod<&ClassifierWrap::evaluate>("evaluate"),
       InstanceMethod<&ClassifierWrap::generate_masks>("generatePseudoMasks")});
}

ClassifierWrap::ClassifierWrap(const Napi::CallbackInfo& info) : ModelWrap(info, "Classifier") {
  info.This().As<Napi::Object>().TypeTag(&kClassifierTag);
}

std::shared_ptr<Model<Classifier>> ClassifierWrap::unwrap(Napi::Value value) {
  if (!value.IsObject() || !value.As<Napi::Object>().CheckTypeTag(&kClassifierTag)) {
    throw Error(ErrorCode::kOption, "the gate must be a Classifier");
  }
  return Unwrap(value.As<Napi::Object>())->model_;
}

Classifier ClassifierWrap::build(const ModelConfig& config) {
  return make_classifier(config.backbone, config.class_count, config.width);
}

OnnxWriter<Classifier> ClassifierWrap::onnx_writer(const Fields& fields) {
  return [file = onnx_file(fields)](const Classifier& network) { onnx::export_onnx(network, file); };
}

// (options, train, validation | [validation, ...] | null, onEvent, done)
Napi::Value ClassifierWrap::train(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    auto options = classifier_training_options(info[0]);
    auto train = PatchStoreWrap::unwrap(info[1], "train");
    auto validation = PatchStoreWrap::unwrap_all(info[2], "validation");
    return submit(info, info[3], info[4], [model = model_, options, train, validation](JobContext& job) -> Reply {
      const ClassifierObserver observer{
          [&job](ClassifierStep step) {
            step.logits.reset();
            job.emit([step](Napi::Env env) { return to_js(env, step); });
          },
          [&job](const ClassifierEpoch& epoch) { job.emit([epoch](Napi::Env env) { return to_js(env, epoch); }); }};
      std::vector<const PatchStore*> parts;
      for (const auto& part : validation) parts.push_back(part.get());
      const PrecisionScope precision(model->config.precision);
      const auto summary = train_classifier(model->ready(), options, *train, parts, observer, job.cancel());
      return [summary](Napi::Env env) { return Napi::Value(to_js(env, summary)); };
    });
  });
}

// ({batchSize, group}, patches, onEvent, done)
Napi::Value ClassifierWrap::classify(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const Fields fields(info[0], "Classifier.predict");
    const auto batch_size = fields.integer("batchSize");
    auto group = ProcessGroupWrap::unwrap(fields.value("group"));
    auto patches = PatchStoreWrap::unwrap(info[1], "patches");
    return submit(info, info[2], info[3], [model = model_, batch_size, group, patches](JobContext& job) -> Reply {
      const PrecisionScope precision(model->config.precision);
      const at::Tensor probabilities =
          group
              ? classify_patches_together(model->ready(), *patches, batch_size, *group, progress_to(job), job.cancel())
              : classify_patches(model->ready(), *patches, batch_size, progress_to(job), job.cancel());
      return [probabilities](Napi::Env env) {
        Napi::Object result = Napi::Object::New(env);
        result.Set("probabilities", floats_to_js(env, probabilities));
        return Napi::Value(result);
      };
    });
  });
}

// ({batchSize, positions}, patches, features, onEvent, done)
Napi::Value ClassifierWrap::describe(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const Fields fields(info[0], "Classifier.describe");
    const auto batch_size = fields.integer("batchSize");
    const std::vector<double> numbers = fields.doubles("positions");
    const std::vector<std::int64_t> positions(numbers.begin(), numbers.end());
    auto patches = PatchStoreWrap::unwrap(info[1], "patches");
    auto features = PatchFeaturesWrap::unwrap(info[2]);
    return submit(
        info, info[3], info[4], [model = model_, batch_size, positions, patches, features](JobContext& job) -> Reply {
          const PrecisionScope precision(model->config.precision);
          features->set(positions,
                        describe_patches(model->ready(), *patches, batch_size, progress_to(job), job.cancel()));
          return nullptr;
        });
  });
}

// ({batchSize, group}, patches, onEvent, done)
Napi::Value ClassifierWrap::evaluate(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const Fields fields(info[0], "Classifier.evaluate");
    const auto batch_size = fields.integer("batchSize");
    auto group = ProcessGroupWrap::unwrap(fields.value("group"));
    auto patches = PatchStoreWrap::unwrap(info[1], "patches");
    return submit(info, info[2], info[3], [model = model_, batch_size, group, patches](JobContext& job) -> Reply {
      const PrecisionScope precision(model->config.precision);
      const LabelScores scores =
          evaluate_labels(model->ready(), *patches, batch_size, group.get(), progress_to(job), job.cancel());
      return [scores](Napi::Env env) { return Napi::Value(to_js(env, scores)); };
    });
  });
}

// (options, patches, masks, onEvent, done)
Napi::Value ClassifierWrap::generate_masks(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    auto options = pseudo_mask_options(info[0]);
    const Fields fields(info[0], "Classifier.generatePseudoMasks");
    auto group = ProcessGroupWrap::unwrap(fields.value("group"));
    auto patches = PatchStoreWrap::unwrap(info[1], "patches");
    auto masks = MaskStoreWrap::unwrap(info[2], "masks");
    return submit(info, info[3], info[4], [model = model_, options, group, patches, masks](JobContext& job) -> Reply {
      const PrecisionScope precision(model->config.precision);
      const MaskObserver observer = [&job](const std::vector<std::int64_t>& finished, std::int64_t done,
                                           std::int64_t total) {
        job.emit([finished, done, total](Napi::Env env) { return finished_masks_to_js(env, finished, done, total); });
      };
      if (group) {
        generate_pseudo_masks_together(model->ready(), options, *patches, *masks, *group, observer, job.cancel());
      } else {
        generate_pseudo_masks(model->ready(), options, *patches, *masks, observer, job.cancel());
      }
      return nullptr;
    });
  });
}

}  // namespace wsss::binding
