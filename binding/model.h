#pragma once

#include <napi.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "conversions.h"
#include "executor.h"
#include "failure.h"
#include "fields.h"
#include "wsss/core/device.h"
#include "wsss/core/error.h"
#include "wsss/weights/load.h"
#include "wsss/weights/safetensors.h"

namespace wsss::binding {

/// What every model is made from.
struct ModelConfig {
  std::int64_t class_count = 0;
  double width = 1.0;
  std::string device;
  std::uint64_t seed = 0;
  int threads = 0;

  explicit ModelConfig(const Fields& fields)
      : class_count(fields.integer("classCount")),
        width(fields.number("width")),
        device(fields.string("device")),
        seed(fields.seed("seed")),
        threads(static_cast<int>(fields.integer("threads"))) {}
};

/// A network and its configuration, shared by the JavaScript object and its jobs. Only the executor's thread touches
/// the network.
template <typename Network>
struct Model {
  explicit Model(ModelConfig from) : config(std::move(from)) {}

  ModelConfig config;
  Network network{nullptr};

  /// @throws Error kDisposed before initialize() and after dispose().
  Network& ready() {
    if (network.is_empty()) throw Error(ErrorCode::kDisposed, "the model was disposed, or not initialised");
    return network;
  }
};

/// Puts a fresh network where it shall compute and reports on it.
template <typename Network>
Reply place_network(Model<Network>& model, Network network) {
  const c10::Device device = parse_device(model.config.device);
  network->to(device);
  model.network = network;
  double parameters = 0.0;
  for (const auto& parameter : network->parameters()) parameters += static_cast<double>(parameter.numel());
  const auto tensors = static_cast<double>(state_dict(*network).size());
  return [parameters, tensors, name = device.str()](Napi::Env env) {
    Napi::Object report = Napi::Object::New(env);
    report.Set("parameterCount", parameters);
    report.Set("tensorCount", tensors);
    report.Set("device", name);
    return Napi::Value(report);
  };
}

/// What both models' JavaScript objects share: one network, one thread, the methods that do not depend on what the
/// network is. `Wrap` is the class itself (CRTP, as Napi::ObjectWrap wants it).
template <typename Wrap, typename Network>
class ModelWrap : public Napi::ObjectWrap<Wrap> {
 public:
  explicit ModelWrap(const Napi::CallbackInfo& info, const char* what) : Napi::ObjectWrap<Wrap>(info) {
    guarded(info.Env(), [&]() -> Napi::Value {
      model_ = std::make_shared<Model<Network>>(ModelConfig(Fields(info[0], what)));
      executor_ = std::make_unique<Executor>(info.Env(), model_->config.threads);
      return info.Env().Undefined();
    });
  }

 protected:
  using Method = Napi::ClassPropertyDescriptor<Wrap>;

  /// The JavaScript class: the given methods and those that are here.
  static Napi::Function define_model(Napi::Env env, const char* name, std::vector<Method> methods) {
    using Body = Napi::Value (Wrap::*)(const Napi::CallbackInfo&);
    methods.push_back(Wrap::InstanceMethod("loadWeights", static_cast<Body>(&ModelWrap::load)));
    methods.push_back(Wrap::InstanceMethod("saveWeights", static_cast<Body>(&ModelWrap::save)));
    methods.push_back(Wrap::InstanceMethod("dispose", static_cast<Body>(&ModelWrap::dispose)));
    return Wrap::DefineClass(env, name, methods);
  }

  /// (options: {path, strict}, done)
  Napi::Value load(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      const Fields fields(info[0], "loadWeights");
      const auto body = [model = model_, path = fields.string("path"),
                         strict = fields.boolean("strict")](JobContext&) -> Reply {
        const LoadReport report = load_weight_file(*model->ready(), path, strict);
        return [report](Napi::Env env) { return Napi::Value(to_js(env, report)); };
      };
      return submit(info, info.Env().Null(), info[1], body);
    });
  }

  /// (options: {path, metadata}, done)
  Napi::Value save(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      const Fields fields(info[0], "saveWeights");
      const auto body = [model = model_, path = fields.string("path"),
                         metadata = fields.string_map("metadata")](JobContext&) -> Reply {
        write_safetensors(path, state_dict(*model->ready()), metadata);
        return nullptr;
      };
      return submit(info, info.Env().Null(), info[1], body);
    });
  }

  /// (done): cancels what runs, then frees the network and ends the thread.
  Napi::Value dispose(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      executor_->abort_all();
      const Napi::Value handle = submit(info, info.Env().Null(), info[0], [model = model_](JobContext&) -> Reply {
        model->network = Network(nullptr);
        return nullptr;
      });
      executor_->retire();
      return handle;
    });
  }

  /// Queues a job whose callbacks are given; the JavaScript object lives until it has ended.
  Napi::Value submit(const Napi::CallbackInfo& info, Napi::Value on_event, Napi::Value done, Executor::Body body) {
    return executor_->submit(info.Env(), info.This().As<Napi::Object>(), on_event, done, std::move(body));
  }

  /// Reports patches done as events of a job.
  static ProgressObserver progress_to(JobContext& job) {
    return [&job](std::int64_t done, std::int64_t total) {
      job.emit([done, total](Napi::Env env) { return progress_to_js(env, done, total); });
    };
  }

  std::shared_ptr<Model<Network>> model_;
  std::unique_ptr<Executor> executor_;
};

}  // namespace wsss::binding
