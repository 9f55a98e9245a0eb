#pragma once

// Bodies of the jobs that both models share; included by model.h.

#include "conversions.h"
#include "failure.h"
#include "model.h"

namespace wsss::binding {

template <typename Network>
Napi::Value load_weights(const Napi::CallbackInfo& info, Executor& executor, std::shared_ptr<Model<Network>> model) {
  return guarded(info.Env(), [&] {
    const Fields fields(info[0], "loadWeights");
    auto body = [model, path = fields.string("path"), strict = fields.boolean("strict")](JobContext&) -> Reply {
      SafetensorsFile file = read_safetensors(path);
      LoadReport report = load_state_dict(*model->ready(), file.tensors, strict, path);
      report.metadata = std::move(file.metadata);
      return [report](Napi::Env env) { return Napi::Value(to_js(env, report)); };
    };
    return executor.submit(info.Env(), info.This().As<Napi::Object>(), info.Env().Null(), info[1], body);
  });
}

template <typename Network>
Napi::Value save_weights(const Napi::CallbackInfo& info, Executor& executor, std::shared_ptr<Model<Network>> model) {
  return guarded(info.Env(), [&] {
    const Fields fields(info[0], "saveWeights");
    auto body = [model, path = fields.string("path"), metadata = fields.string_map("metadata")](JobContext&) -> Reply {
      write_safetensors(path, state_dict(*model->ready()), metadata);
      return nullptr;
    };
    return executor.submit(info.Env(), info.This().As<Napi::Object>(), info.Env().Null(), info[1], body);
  });
}

template <typename Network>
Napi::Value dispose_model(const Napi::CallbackInfo& info, Executor& executor, std::shared_ptr<Model<Network>> model) {
  return guarded(info.Env(), [&] {
    executor.cancel_all();
    auto body = [model](JobContext&) -> Reply {
      model->network = Network(nullptr);
      return nullptr;
    };
    const Napi::Value handle =
        executor.submit(info.Env(), info.This().As<Napi::Object>(), info.Env().Null(), info[0], body);
    executor.retire();
    return handle;
  });
}

}  // namespace wsss::binding
