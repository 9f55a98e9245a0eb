// A test-only addon: operations of the core on named tensors, driven by the golden suite (test/parity.test.ts).

#include <ATen/ATen.h>
#include <napi.h>

#include <cstring>
#include <memory>

#include "../../binding/failure.h"
#include "workspace.h"
#include "wsss/core/error.h"

namespace wsss::test {

namespace {

using binding::guarded;

const std::map<std::string, c10::ScalarType>& dtypes() {
  static const std::map<std::string, c10::ScalarType> table{{"float32", at::kFloat}, {"float64", at::kDouble},
                                                            {"uint8", at::kByte},    {"int64", at::kLong},
                                                            {"int32", at::kInt},     {"bool", at::kBool}};
  return table;
}

const OperationTable& operations() {
  static const OperationTable table = [] {
    OperationTable made;
    add_rule_operations(made);
    add_classifier_operations(made);
    add_mask_operations(made);
    add_convolution_operations(made);
    add_kernel_operations(made);
    add_segmenter_operations(made);
    add_network_operations(made);
    add_residual_operations(made);
    add_training_operations(made);
    add_group_operations(made);
    add_evaluation_operations(made);
    add_label_operations(made);
    add_onnx_operations(made);
    add_weights_operations(made);
    add_recording_operations(made);
    add_memory_operations(made);
    add_augmentation_operations(made);
    return made;
  }();
  return table;
}

Napi::Object tensor_to_js(Napi::Env env, const at::Tensor& given) {
  const at::Tensor tensor = given.contiguous();
  Napi::Object object = Napi::Object::New(env);
  for (const auto& [name, type] : dtypes()) {
    if (type == tensor.scalar_type()) object.Set("dtype", name);
  }
  Napi::Array shape = Napi::Array::New(env);
  for (std::int64_t d = 0; d < tensor.dim(); ++d)
    shape.Set(static_cast<std::uint32_t>(d), static_cast<double>(tensor.size(d)));
  Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(env, tensor.nbytes());
  std::memcpy(buffer.Data(), tensor.const_data_ptr(), tensor.nbytes());
  object.Set("shape", shape);
  object.Set("data", buffer);
  return object;
}

/// JavaScript's hold on a Workspace.
class WorkspaceWrap : public Napi::ObjectWrap<WorkspaceWrap> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Workspace",
                       {InstanceMethod<&WorkspaceWrap::set>("set"), InstanceMethod<&WorkspaceWrap::get>("get"),
                        InstanceMethod<&WorkspaceWrap::has>("has"), InstanceMethod<&WorkspaceWrap::stats>("stats"),
                        InstanceMethod<&WorkspaceWrap::run>("run"), InstanceMethod<&WorkspaceWrap::clear>("clear")});
  }
  explicit WorkspaceWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<WorkspaceWrap>(info) {}

 private:
  // (name, {dtype, shape, data})
  Napi::Value set(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
      const Fields fields(info[1], "set");
      std::vector<std::int64_t> shape;
      for (const double size : fields.numbers("shape")) shape.push_back(static_cast<std::int64_t>(size));
      auto buffer = fields.value("data").As<Napi::ArrayBuffer>();
      at::Tensor tensor = at::empty(shape, dtypes().at(fields.string("dtype")));
      if (tensor.nbytes() != buffer.ByteLength()) throw Error(ErrorCode::kShape, "data does not match the shape");
      std::memcpy(tensor.data_ptr(), buffer.Data(), buffer.ByteLength());
      workspace_.set(info[0].As<Napi::String>(), tensor);
      return info.Env().Undefined();
    });
  }

  // (name, strides?) -> {dtype, shape, data} of tensor[::s0, ::s1, ...]
  Napi::Value get(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
      at::Tensor tensor = workspace_.get(info[0].As<Napi::String>());
      if (info[1].IsArray()) {
        const auto strides = info[1].As<Napi::Array>();
        for (std::uint32_t d = 0; d < strides.Length(); ++d) {
          tensor = tensor.slice(d, c10::nullopt, c10::nullopt, strides.Get(d).ToNumber().Int64Value());
        }
      }
      return tensor_to_js(info.Env(), tensor);
    });
  }

  Napi::Value has(const Napi::CallbackInfo& info) {
    return Napi::Boolean::New(info.Env(), workspace_.has(info[0].As<Napi::String>()));
  }

  // (name, flat indices) -> {mean, std, absmax, shape, samples}
  Napi::Value stats(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
      const at::Tensor values = workspace_.get(info[0].As<Napi::String>()).to(at::kDouble).contiguous();
      Napi::Object object = Napi::Object::New(info.Env());
      object.Set("mean", values.mean().item<double>());
      object.Set("std", values.std(/*unbiased=*/false).item<double>());
      object.Set("absmax", values.abs().max().item<double>());
      const auto indices = info[1].As<Napi::Array>();
      Napi::Array samples = Napi::Array::New(info.Env());
      for (std::uint32_t i = 0; i < indices.Length(); ++i) {
        samples.Set(i, values.const_data_ptr<double>()[indices.Get(i).ToNumber().Int64Value()]);
      }
      object.Set("samples", samples);
      return object;
    });
  }

  // (operation, fields)
  Napi::Value run(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
      const std::string name = info[0].As<Napi::String>();
      const auto found = operations().find(name);
      if (found == operations().end()) throw Error(ErrorCode::kOption, "there is no operation " + name);
      found->second(workspace_, Fields(info[1], "run"));
      return info.Env().Undefined();
    });
  }

  Napi::Value clear(const Napi::CallbackInfo& info) {
    workspace_.clear();
    return info.Env().Undefined();
  }

  Workspace workspace_;
};

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("Workspace", WorkspaceWrap::define(env));
  return exports;
}

NODE_API_MODULE(wsss_test, init)

}  // namespace

const at::Tensor& Workspace::get(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) throw Error(ErrorCode::kOption, "the workspace has no tensor " + name);
  return found->second;
}

c10::ScalarType dtype_of(const Fields& fields) { return dtypes().at(fields.string("dtype")); }

}  // namespace wsss::test
