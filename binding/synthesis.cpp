// Invented tissue: synthesizeTissue and synthesizeSlide of NativeAddon in lib/native/addon.ts.

#include "synthesis.h"

#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "addon_state.h"
#include "failure.h"
#include "fields.h"
#include "js_values.h"
#include "slide.h"
#include "stores.h"
#include "wsss/class_map/geojson.h"
#include "wsss/synthetic/slide.h"
#include "wsss/synthetic/synthesize.h"

namespace wsss::binding {

namespace {

// ({seed, firstPatch}, patches, masks, done)
Napi::Value synthesize(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const Fields fields(info[0], "synthesizeTissue");
    const auto seed = fields.seed("seed");
    const auto first = fields.seed("firstPatch");
    auto patches = PatchStoreWrap::unwrap(info[1], "patches");
    auto masks = MaskStoreWrap::unwrap(info[2], "masks");
    return submit_shared(info, 3, [=](JobContext& job) -> Reply {
      synthesize_patches(seed, first, *patches, *masks, job.cancel());
      return nullptr;
    });
  });
}

Napi::Value to_buffer(Napi::Env env, const std::vector<std::uint8_t>& bytes) {
  Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(env, bytes.size());
  std::memcpy(buffer.Data(), bytes.data(), bytes.size());
  return buffer;
}

// ({seed, slide, width, height, geojson, names, colours}, done)
Napi::Value synthesize_whole_slide(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const Fields fields(info[0], "synthesizeSlide");
    const auto seed = fields.seed("seed");
    const auto index = fields.seed("slide");
    const auto width = static_cast<int>(fields.integer("width"));
    const auto height = static_cast<int>(fields.integer("height"));
    const std::string geojson = fields.string("geojson");
    GeoJsonOptions options;
    options.names = fields.strings("names");
    options.colours = colours_of(fields.numbers("colours"));
    options.seed = index;
    return submit_shared(info, 1, [=](JobContext& job) -> Reply {
      auto slide = std::make_shared<SyntheticSlide>(synthesize_slide(seed, index, height, width, job.cancel()));
      write_regions(geojson, slide->mask, slide->width, kSyntheticGlass, options);
      return [slide](Napi::Env env) {
        Napi::Object reply = Napi::Object::New(env);
        reply.Set("rgb", to_buffer(env, slide->rgb));
        reply.Set("mask", to_buffer(env, slide->mask));
        return Napi::Value(reply);
      };
    });
  });
}

}  // namespace

void define_synthesis(Napi::Env env, Napi::Object exports) {
  exports.Set("synthesizeTissue", Napi::Function::New(env, synthesize));
  exports.Set("synthesizeSlide", Napi::Function::New(env, synthesize_whole_slide));
}

}  // namespace wsss::binding
