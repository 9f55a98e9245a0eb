// NativePatchFeatures of lib/native/native-label-suggestion.ts.

#include "patch_features.h"

#include <string>
#include <utility>
#include <vector>

#include "conversions.h"
#include "failure.h"
#include "fields.h"
#include "js_values.h"
#include "wsss/core/error.h"
#include "wsss/label_suggestion/label_probe.h"
#include "wsss/label_suggestion/spread.h"

namespace wsss::binding {

namespace {

constexpr napi_type_tag kPatchFeaturesTag{0x5be1c1a97d3f4e09ULL, 0x9c1f0a7742b84d18ULL};

std::vector<std::int64_t> positions_of(const Fields& fields, const char* name) {
  const std::vector<double> numbers = fields.doubles(name);
  return {numbers.begin(), numbers.end()};
}

}  // namespace

Napi::Function PatchFeaturesWrap::define(Napi::Env env) {
  return DefineClass(
      env, "PatchFeatures",
      {InstanceMethod<&PatchFeaturesWrap::suggest>("suggest"), InstanceMethod<&PatchFeaturesWrap::spread>("spread"),
       InstanceMethod<&PatchFeaturesWrap::likeness>("likeness"),
       InstanceMethod<&PatchFeaturesWrap::dispose>("dispose")});
}

// ({count, threads})
PatchFeaturesWrap::PatchFeaturesWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<PatchFeaturesWrap>(info) {
  guarded(info.Env(), [&]() -> Napi::Value {
    const Fields fields(info[0], "PatchFeatures");
    features_ = std::make_shared<PatchFeatures>(fields.integer("count"));
    executor_ =
        std::make_unique<Executor>(info.Env(), static_cast<int>(fields.integer("threads")), Executor::AtRest::kEnds);
    info.This().As<Napi::Object>().TypeTag(&kPatchFeaturesTag);
    return info.Env().Undefined();
  });
}

std::shared_ptr<PatchFeatures> PatchFeaturesWrap::unwrap(Napi::Value value) {
  if (!value.IsObject() || !value.As<Napi::Object>().CheckTypeTag(&kPatchFeaturesTag)) {
    throw Error(ErrorCode::kOption, "features must be PatchFeatures");
  }
  return Unwrap(value.As<Napi::Object>())->features_;
}

// ({answers, classCount}, done): answers are count * classCount bytes.
Napi::Value PatchFeaturesWrap::suggest(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const Fields fields(info[0], "suggest");
    const std::int64_t classes = fields.integer("classCount");
    const std::int64_t size = features_->count() * classes;
    const std::uint8_t* bytes = bytes_of(fields.value("answers"), size, "answers");
    std::vector<std::uint8_t> answers(bytes, bytes + size);
    return submit(info, info[1],
                  [features = features_, answers = std::move(answers), classes](JobContext& job) -> Reply {
                    const auto probabilities = std::make_shared<at::Tensor>(
                        suggest_labels(features->standardised(), answers_of(answers, classes), job.cancel()));
                    return [probabilities](Napi::Env env) { return floats_to_js(env, *probabilities); };
                  });
  });
}

// ({chosen, candidates, count}, done)
Napi::Value PatchFeaturesWrap::spread(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const Fields fields(info[0], "spread");
    return submit(
        info, info[1],
        [features = features_, chosen = positions_of(fields, "chosen"), candidates = positions_of(fields, "candidates"),
         most = fields.integer("count")](JobContext&) -> Reply {
          const auto order = farthest_first(features->standardised(), chosen, candidates, most);
          return [order](Napi::Env env) {
            return Napi::Value(to_array(env, std::vector<double>(order.begin(), order.end())));
          };
        });
  });
}

// ({position}, done)
Napi::Value PatchFeaturesWrap::likeness(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const std::int64_t position = Fields(info[0], "likeness").integer("position");
    return submit(info, info[1], [features = features_, position](JobContext&) -> Reply {
      const auto distances = std::make_shared<at::Tensor>(distances_from(features->standardised(), position));
      return [distances](Napi::Env env) { return floats_to_js(env, *distances); };
    });
  });
}

// (done)
Napi::Value PatchFeaturesWrap::dispose(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    executor_->abort_all();
    const Napi::Value handle = submit(info, info[0], [](JobContext&) -> Reply { return nullptr; });
    executor_->retire();
    return handle;
  });
}

Napi::Value PatchFeaturesWrap::submit(const Napi::CallbackInfo& info, Napi::Value done, Executor::Body body) {
  return executor_->submit(info.Env(), info.This().As<Napi::Object>(), info.Env().Null(), done, std::move(body));
}

}  // namespace wsss::binding
