#pragma once

#include <napi.h>

#include <memory>
#include <string>
#include <utility>

#include "executor.h"
#include "fields.h"
#include "wsss/core/device.h"
#include "wsss/core/error.h"
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

/// (options: {path, strict}, done)
template <typename Network>
Napi::Value load_weights(const Napi::CallbackInfo& info, Executor& executor, std::shared_ptr<Model<Network>> model);

/// (options: {path, metadata}, done)
template <typename Network>
Napi::Value save_weights(const Napi::CallbackInfo& info, Executor& executor, std::shared_ptr<Model<Network>> model);

/// (done): cancels what runs, then frees the network.
template <typename Network>
Napi::Value dispose_model(const Napi::CallbackInfo& info, Executor& executor, std::shared_ptr<Model<Network>> model);

}  // namespace wsss::binding

#include "model_jobs.h"
