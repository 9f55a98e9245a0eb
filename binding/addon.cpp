// The addon's module: the members of NativeAddon in lib/native/addon.ts.

#include <napi.h>

#include "addon_state.h"
#include "classifier.h"
#include "conversions.h"
#include "evaluation.h"
#include "executor.h"
#include "failure.h"
#include "fields.h"
#include "map_tiles.h"
#include "patch_features.h"
#include "process_group.h"
#include "segmenter.h"
#include "slide.h"
#include "slide_patches.h"
#include "stores.h"
#include "synthesis.h"
#include "wsss/device/device.h"
#include "wsss/kernels/cuda_plugin.h"
#include "wsss/recording/try_recording.h"

namespace wsss::binding {

namespace {

// ({path, key, statistics}, done)
Napi::Value inspect_weight_file(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const Fields fields(info[0], "inspectWeights");
    return submit_shared(info, 1,
                         [path = fields.string("path"), key = fields.string("key"),
                          statistics = fields.boolean("statistics")](JobContext& job) -> Reply {
                           const WeightInspection inspection = inspect_weights(path, key, statistics, job.cancel());
                           return [inspection](Napi::Env env) { return Napi::Value(to_js(env, inspection)); };
                         });
  });
}

// ({input, key, output, translate}, done)
Napi::Value convert_weight_file(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const Fields fields(info[0], "convertWeights");
    return submit_shared(info, 1,
                         [input = fields.string("input"), key = fields.string("key"), output = fields.string("output"),
                          translate = fields.boolean("translate")](JobContext& job) -> Reply {
                           const Conversion conversion = convert_weights(input, key, output, translate, job.cancel());
                           return [conversion](Napi::Env env) { return Napi::Value(to_js(env, conversion)); };
                         });
  });
}

// ({device}, done)
Napi::Value try_to_record(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const c10::Device device = parse_device(Fields(info[0], "tryRecording").string("device"));
    return submit_shared(info, 1, [device](JobContext&) -> Reply {
      const std::string reason = try_recording(device, graphs_of_cuda());
      return [reason](Napi::Env env) { return Napi::Value(Napi::String::New(env, reason)); };
    });
  });
}

Napi::Value report_devices(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const DeviceReport report = device_report();
    Napi::Object cuda = Napi::Object::New(info.Env());
    cuda.Set("loaded", report.cuda_loaded);
    cuda.Set("deviceCount", static_cast<double>(report.cuda_device_count));
    cuda.Set("reason", report.cuda_reason);
    // Asked for where there is a device only: the plugin needs the CUDA runtime.
    cuda.Set("kernelsReason", report.cuda_device_count > 0 ? cuda_plugin_reason() : "");
    Napi::Array bfloat16 = Napi::Array::New(info.Env());
    for (std::int64_t i = 0; i < report.cuda_device_count; ++i) {
      bfloat16.Set(static_cast<std::uint32_t>(i), cuda_multiplies_bfloat16(static_cast<int>(i)));
    }
    cuda.Set("bfloat16", bfloat16);
    Napi::Object object = Napi::Object::New(info.Env());
    object.Set("libtorchVersion", report.libtorch_version);
    object.Set("builtAgainst", report.built_against);
    object.Set("compiler", report.compiler);
    object.Set("threads", report.threads);
    object.Set("cpuCapability", report.cpu_capability);
    object.Set("bfloat16", report.bfloat16);
    object.Set("cuda", cuda);
    return object;
  });
}

// () Called by lib when the process is about to exit.
Napi::Value shutdown(const Napi::CallbackInfo& info) {
  AddonState::of(info.Env())->shut_down();
  return info.Env().Undefined();
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new AddonState);
  exports.Set("PatchStore", PatchStoreWrap::define(env));
  exports.Set("MaskStore", MaskStoreWrap::define(env));
  exports.Set("Classifier", ClassifierWrap::define(env));
  exports.Set("Segmenter", SegmenterWrap::define(env));
  exports.Set("PatchFeatures", PatchFeaturesWrap::define(env));
  exports.Set("ProcessGroup", ProcessGroupWrap::define(env));
  exports.Set("inspectWeights", Napi::Function::New(env, inspect_weight_file));
  exports.Set("convertWeights", Napi::Function::New(env, convert_weight_file));
  exports.Set("tryRecording", Napi::Function::New(env, try_to_record));
  exports.Set("shutdown", Napi::Function::New(env, shutdown));
  exports.Set("deviceReport", Napi::Function::New(env, report_devices));
  define_evaluation(env, exports);
  define_slides(env, exports);
  define_annotations(env, exports);
  define_map_tiles(env, exports);
  define_synthesis(env, exports);
  return exports;
}

NODE_API_MODULE(wsss_tissue_native, init)

}  // namespace

}  // namespace wsss::binding
