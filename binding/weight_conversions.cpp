// What weight files and the addon's JavaScript say to each other.

#include <cstdint>
#include <string>
#include <vector>

#include "conversions.h"
#include "fields.h"
#include "js_values.h"

namespace wsss::binding {

std::optional<WeightLoading> weight_loading(Napi::Value value) {
  if (value.IsNull() || value.IsUndefined()) return std::nullopt;
  const Fields fields(value, "weights");
  return WeightLoading{fields.string("path"), fields.boolean("strict"), fields.boolean("foldNormalization"),
                       fields.string("key")};
}

Napi::Object to_js(Napi::Env env, const LoadReport& report) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("container", report.container);
  object.Set("origin", report.origin);
  object.Set("foldedNormalization", report.folded_normalization);
  object.Set("loaded", to_array(env, report.loaded));
  object.Set("missing", to_array(env, report.missing));
  object.Set("unexpected", to_array(env, report.unexpected));
  object.Set("misshapen", to_array(env, report.misshapen));
  object.Set("dropped", to_array(env, report.dropped));
  object.Set("fresh", to_array(env, report.fresh));
  object.Set("foundUnder", report.found_under);
  object.Set("otherKeys", to_array(env, report.other_keys));
  object.Set("stripped", to_array(env, report.stripped));
  object.Set("unread", to_array(env, report.unread));
  object.Set("skippedObjects", to_array(env, report.skipped_objects));
  object.Set("hint", report.hint);
  return object;
}

Napi::Object to_js(Napi::Env env, const WeightInspection& inspection) {
  Napi::Object metadata = Napi::Object::New(env);
  for (const auto& [key, value] : inspection.metadata) metadata.Set(key, value);
  Napi::Array tensors = Napi::Array::New(env, inspection.tensors.size());
  for (std::uint32_t i = 0; i < inspection.tensors.size(); ++i) {
    const TensorSummary& tensor = inspection.tensors[i];
    Napi::Object object = Napi::Object::New(env);
    object.Set("name", tensor.name);
    object.Set("dtype", tensor.dtype);
    object.Set("shape", to_array(env, std::vector<double>(tensor.shape.begin(), tensor.shape.end())));
    set(object, "sum", tensor.sum);
    set(object, "absMax", tensor.abs_max);
    tensors.Set(i, object);
  }
  Napi::Array fits = Napi::Array::New(env, inspection.fits.size());
  for (std::uint32_t i = 0; i < inspection.fits.size(); ++i) {
    const NetworkFit& fit = inspection.fits[i];
    Napi::Object object = Napi::Object::New(env);
    object.Set("network", fit.network);
    object.Set("origin", fit.origin);
    set(object, "width", fit.width);
    set(object, "matched", fit.matched);
    object.Set("missing", to_array(env, fit.missing));
    object.Set("unexpected", to_array(env, fit.unexpected));
    object.Set("stripped", to_array(env, fit.stripped));
    object.Set("rivals", to_array(env, fit.rivals));
    object.Set("unread", to_array(env, fit.unread));
    fits.Set(i, object);
  }
  Napi::Object object = Napi::Object::New(env);
  object.Set("container", inspection.container);
  object.Set("foundUnder", inspection.found_under);
  object.Set("otherKeys", to_array(env, inspection.other_keys));
  object.Set("metadata", metadata);
  Napi::Array state_dicts = Napi::Array::New(env, inspection.state_dicts.size());
  for (std::uint32_t i = 0; i < inspection.state_dicts.size(); ++i) {
    Napi::Object found = Napi::Object::New(env);
    found.Set("key", inspection.state_dicts[i].key);
    set(found, "tensorCount", static_cast<std::int64_t>(inspection.state_dicts[i].tensors));
    state_dicts.Set(i, found);
  }
  Napi::Array unread = Napi::Array::New(env, inspection.unread.size());
  for (std::uint32_t i = 0; i < inspection.unread.size(); ++i) {
    Napi::Object tensor = Napi::Object::New(env);
    tensor.Set("name", inspection.unread[i].name);
    tensor.Set("kind", inspection.unread[i].kind);
    unread.Set(i, tensor);
  }
  object.Set("stateDicts", state_dicts);
  object.Set("unread", unread);
  object.Set("skippedObjects", to_array(env, inspection.skipped_objects));
  object.Set("tensors", tensors);
  object.Set("fits", fits);
  return object;
}

Napi::Object to_js(Napi::Env env, const Conversion& conversion) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("container", conversion.container);
  object.Set("origin", conversion.origin);
  object.Set("dropped", to_array(env, conversion.dropped));
  object.Set("unread", to_array(env, conversion.unread));
  object.Set("stripped", to_array(env, conversion.stripped));
  object.Set("foundUnder", conversion.found_under);
  set(object, "tensorCount", conversion.tensor_count);
  return object;
}

}  // namespace wsss::binding
