// What the JavaScript classes of classifier and segmenter share: build, load, save, dispose, and queue jobs.
#pragma once

#include <napi.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "conversions.h"
#include "executor.h"
#include "failure.h"
#include "fields.h"
#include "wsss/core/error.h"
#include "wsss/core/precision.h"
#include "wsss/device/device.h"
#include "wsss/device/device_use.h"
#include "wsss/device/placement.h"
#include "wsss/onnx/export_onnx.h"
#include "wsss/weights/load.h"
#include "wsss/weights/safetensors.h"

namespace wsss::binding {

/// What every model is made from.
struct ModelConfig {
  std::int64_t class_count = 0;
  double width = 1.0;
  double head_width = 1.0;
  std::string backbone;
  std::int64_t output_stride = 0;
  std::string device;
  std::uint64_t seed = 0;
  int threads = 0;
  Precision precision = Precision::kFloat32;  ///< Of everything but trainings.
  bool tf32 = true;                           ///< Whether float32 convolutions on a GPU may multiply in TF32.

  explicit ModelConfig(const Fields& fields)
      : class_count(fields.integer("classCount")),
        width(fields.number("width")),
        head_width(fields.number("headWidth")),
        backbone(fields.string("backbone")),
        output_stride(fields.integer("outputStride")),
        device(fields.string("device")),
        seed(fields.seed("seed")),
        threads(static_cast<int>(fields.integer("threads"))),
        precision(precision_of(fields)),
        tf32(fields.boolean("tf32")) {}
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

/// What a network is, for the caller; read on the executor's thread, where the network lives.
struct NetworkReport {
  double parameter_count = 0.0;
  double tensor_count = 0.0;
  std::string device;
};
template <typename Network>
NetworkReport report_of(const Network& network, const c10::Device& device) {
  NetworkReport report;
  for (const auto& parameter : network->parameters()) report.parameter_count += static_cast<double>(parameter.numel());
  report.tensor_count = static_cast<double>(state_dict(*network).size());
  report.device = device.str();
  return report;
}

inline Napi::Object to_js(Napi::Env env, const NetworkReport& report) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("parameterCount", report.parameter_count);
  object.Set("tensorCount", report.tensor_count);
  object.Set("device", report.device);
  return object;
}

/// Writes a network as an ONNX file, as a JavaScript object has told.
template <typename Network>
using OnnxWriter = std::function<void(const Network&)>;

inline onnx::OnnxFile onnx_file(const Fields& fields) {
  onnx::OnnxFile file{fields.string("path"), std::nullopt, fields.string_map("metadata")};
  const onnx::MapSize size{fields.integer("height"), fields.integer("width")};
  if (size.height > 0) file.fixed_size = size;
  return file;
}

/// What both models' JavaScript objects share: one network, one thread, the methods that do not depend on what the
/// network is. `Wrap` is the class itself (CRTP, as Napi::ObjectWrap wants it).
template <typename Wrap, typename Network>
class ModelWrap : public Napi::ObjectWrap<Wrap> {
 public:
  explicit ModelWrap(const Napi::CallbackInfo& info, const char* what) : Napi::ObjectWrap<Wrap>(info) {
    guarded(info.Env(), [&]() -> Napi::Value {
      model_ = std::make_shared<Model<Network>>(ModelConfig(Fields(info[0], what)));
      const bool is_on_cpu = parse_device(model_->config.device).is_cpu();
      executor_ = std::make_unique<Executor>(info.Env(), model_->config.threads,
                                             is_on_cpu ? Executor::AtRest::kEnds : Executor::AtRest::kStays);
      return info.Env().Undefined();
    });
  }

 protected:
  using Method = Napi::ClassPropertyDescriptor<Wrap>;

  /// The JavaScript class: the given methods and those that are here.
  static Napi::Function define_model(Napi::Env env, const char* name, std::vector<Method> methods) {
    using Body = Napi::Value (Wrap::*)(const Napi::CallbackInfo&);
    methods.push_back(Wrap::InstanceMethod("initialize", static_cast<Body>(&ModelWrap::initialize)));
    methods.push_back(Wrap::InstanceMethod("saveWeights", static_cast<Body>(&ModelWrap::save)));
    methods.push_back(Wrap::InstanceMethod("exportOnnx", static_cast<Body>(&ModelWrap::export_onnx)));
    methods.push_back(Wrap::InstanceMethod("fingerprint", static_cast<Body>(&ModelWrap::fingerprint)));
    methods.push_back(Wrap::InstanceMethod("dispose", static_cast<Body>(&ModelWrap::dispose)));
    return Wrap::DefineClass(env, name, methods);
  }

  /// (weights: {path, strict, foldNormalization} | null, done): builds the network, with the weights of a file or at
  /// random, and puts it on the device that it will compute on.
  Napi::Value initialize(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      const auto weights = weight_loading(info[0]);
      const auto body = [model = model_, weights](JobContext&) -> Reply {
        const ModelConfig& config = model->config;
        Network network = Wrap::build(config);
        const auto start_at_random = [&] { network->initialize(config.seed); };
        std::optional<LoadReport> loaded;
        if (weights) {
          loaded = load_weight_file(*network, *weights, start_at_random);
        } else {
          start_at_random();
        }
        network->eval();
        const c10::Device device = parse_device(config.device);
        place(*network, device);
        model->network = network;
        return [report = report_of(network, device), loaded](Napi::Env env) {
          Napi::Object reply = Napi::Object::New(env);
          reply.Set("network", to_js(env, report));
          reply.Set("weights", loaded ? Napi::Value(to_js(env, *loaded)) : env.Null());
          return Napi::Value(reply);
        };
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

  /// (options: {path, metadata, height, width, and what the network has of its own}, done)
  Napi::Value export_onnx(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      const auto write = Wrap::onnx_writer(Fields(info[0], "exportOnnx"));
      return submit(info, info.Env().Null(), info[1], [model = model_, write](JobContext&) -> Reply {
        write(model->ready());
        return nullptr;
      });
    });
  }

  /// (done): what tells this network's weights from others.
  Napi::Value fingerprint(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      return submit(info, info.Env().Null(), info[0], [model = model_](JobContext&) -> Reply {
        const std::string digits = fingerprint_of(*model->ready());
        return [digits](Napi::Env env) { return Napi::Value(Napi::String::New(env, digits)); };
      });
    });
  }

  /// (done): cancels whatever is running, then frees the network and ends the thread.
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
    const auto scoped = [tf32 = model_->config.tf32, body = std::move(body)](JobContext& job) {
      const Tf32Scope scope(tf32);
      return body(job);
    };
    return executor_->submit(info.Env(), info.This().As<Napi::Object>(), on_event, done, scoped);
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
