#include "classifier.h"

#include "conversions.h"
#include "failure.h"
#include "stores.h"
#include "wsss/classifier/classifier_inference.h"
#include "wsss/pseudo_mask/generate.h"

namespace wsss::binding {

namespace {

ProgressObserver progress_to(JobContext& job) {
  return [&job](std::int64_t done, std::int64_t total) {
    job.emit([done, total](Napi::Env env) { return progress_to_js(env, done, total); });
  };
}

}  // namespace

Napi::Function ClassifierWrap::define(Napi::Env env) {
  return DefineClass(
      env, "Classifier",
      {InstanceMethod<&ClassifierWrap::initialize>("initialize"), InstanceMethod<&ClassifierWrap::load>("loadWeights"),
       InstanceMethod<&ClassifierWrap::save>("saveWeights"), InstanceMethod<&ClassifierWrap::train>("train"),
       InstanceMethod<&ClassifierWrap::classify>("classify"), InstanceMethod<&ClassifierWrap::evaluate>("evaluate"),
       InstanceMethod<&ClassifierWrap::generate_masks>("generatePseudoMasks"),
       InstanceMethod<&ClassifierWrap::dispose>("dispose")});
}

ClassifierWrap::ClassifierWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<ClassifierWrap>(info) {
  guarded(info.Env(), [&]() -> Napi::Value {
    model_ = std::make_shared<Model<ResNet38>>(ModelConfig(Fields(info[0], "Classifier")));
    executor_ = std::make_unique<Executor>(info.Env(), model_->config.threads);
    return info.Env().Undefined();
  });
}

Napi::Value ClassifierWrap::submit(const Napi::CallbackInfo& info, std::size_t event_index, Executor::Body body) {
  return executor_->submit(info.Env(), info.This().As<Napi::Object>(), info[event_index], info[event_index + 1],
                           std::move(body));
}

// (done)
Napi::Value ClassifierWrap::initialize(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    auto body = [model = model_](JobContext&) -> Reply {
      ResNet38 network(model->config.class_count, model->config.width);
      network->initialize(model->config.seed);
      network->eval();
      return place_network(*model, network);
    };
    return executor_->submit(info.Env(), info.This().As<Napi::Object>(), info.Env().Null(), info[0], body);
  });
}

// (options, train, validation | null, onEvent, done)
Napi::Value ClassifierWrap::train(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    auto options = classifier_training_options(info[0]);
    auto train = PatchStoreWrap::unwrap(info[1], "train");
    auto validation = PatchStoreWrap::unwrap_optional(info[2], "validation");
    return submit(info, 3, [model = model_, options, train, validation](JobContext& job) -> Reply {
      const ClassifierObserver observer{
          [&job](ClassifierStep step) {
            step.logits.reset();
            job.emit([step](Napi::Env env) { return to_js(env, step); });
          },
          [&job](const ClassifierEpoch& epoch) { job.emit([epoch](Napi::Env env) { return to_js(env, epoch); }); }};
      const auto summary = train_classifier(model->ready(), options, *train, validation.get(), observer, job.cancel());
      return [summary](Napi::Env env) { return Napi::Value(to_js(env, summary)); };
    });
  });
}

// ({batchSize}, patches, onEvent, done)
Napi::Value ClassifierWrap::classify(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const auto batch_size = Fields(info[0], "Classifier.predict").integer("batchSize");
    auto patches = PatchStoreWrap::unwrap(info[1], "patches");
    return submit(info, 2, [model = model_, batch_size, patches](JobContext& job) -> Reply {
      const at::Tensor probabilities =
          classify_patches(model->ready(), *patches, batch_size, progress_to(job), job.cancel());
      return [probabilities](Napi::Env env) {
        Napi::Object result = Napi::Object::New(env);
        result.Set("probabilities", floats_to_js(env, probabilities));
        return Napi::Value(result);
      };
    });
  });
}

// ({batchSize}, patches, onEvent, done)
Napi::Value ClassifierWrap::evaluate(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const auto batch_size = Fields(info[0], "Classifier.evaluate").integer("batchSize");
    auto patches = PatchStoreWrap::unwrap(info[1], "patches");
    return submit(info, 2, [model = model_, batch_size, patches](JobContext& job) -> Reply {
      const LabelScores scores = evaluate_labels(model->ready(), *patches, batch_size, progress_to(job), job.cancel());
      return [scores](Napi::Env env) { return Napi::Value(to_js(env, scores)); };
    });
  });
}

// (options, patches, masks, onEvent, done)
Napi::Value ClassifierWrap::generate_masks(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    auto options = pseudo_mask_options(info[0]);
    auto patches = PatchStoreWrap::unwrap(info[1], "patches");
    auto masks = MaskStoreWrap::unwrap(info[2], "masks");
    return submit(info, 3, [model = model_, options, patches, masks](JobContext& job) -> Reply {
      generate_pseudo_masks(model->ready(), options, *patches, *masks, progress_to(job), job.cancel());
      return nullptr;
    });
  });
}

Napi::Value ClassifierWrap::load(const Napi::CallbackInfo& info) { return load_weights(info, *executor_, model_); }
Napi::Value ClassifierWrap::save(const Napi::CallbackInfo& info) { return save_weights(info, *executor_, model_); }
Napi::Value ClassifierWrap::dispose(const Napi::CallbackInfo& info) { return dispose_model(info, *executor_, model_); }

}  // namespace wsss::binding
