#include "failure.h"

#include <c10/util/Exception.h>

#include <string>
#include <vector>

#include "js_values.h"
#include "wsss/device/device_memory.h"

namespace wsss::binding {

namespace {

const char* code_name(ErrorCode code) {
  switch (code) {
    case ErrorCode::kOption:
      return "WSSS_ERR_OPTION";
    case ErrorCode::kShape:
      return "WSSS_ERR_SHAPE";
    case ErrorCode::kDataset:
      return "WSSS_ERR_DATASET";
    case ErrorCode::kWeights:
      return "WSSS_ERR_WEIGHTS";
    case ErrorCode::kIo:
      return "WSSS_ERR_IO";
    case ErrorCode::kDevice:
      return "WSSS_ERR_DEVICE";
    case ErrorCode::kOutOfMemory:
      return "WSSS_ERR_OUT_OF_MEMORY";
    case ErrorCode::kCancelled:
      return "WSSS_ERR_CANCELLED";
    case ErrorCode::kDisposed:
      return "WSSS_ERR_DISPOSED";
    case ErrorCode::kBusy:
      return "WSSS_ERR_BUSY";
    case ErrorCode::kDiverged:
      return "WSSS_ERR_DIVERGED";
    case ErrorCode::kProcessGroup:
      return "WSSS_ERR_PROCESS_GROUP";
    case ErrorCode::kInternal:
      return "WSSS_ERR_INTERNAL";
  }
  return "WSSS_ERR_INTERNAL";
}

Error out_of_memory(const std::string& what) {
  return Error(ErrorCode::kOutOfMemory,
               "memory ran out; use a smaller batch, width or patch size, or close other programs (" + what + ")");
}

Napi::Value js_detail(Napi::Env env, const ErrorDetails::mapped_type& value) {
  if (const double* number = std::get_if<double>(&value)) return Napi::Number::New(env, *number);
  if (const auto* text = std::get_if<std::string>(&value)) return Napi::String::New(env, *text);
  return to_array(env, std::get<std::vector<std::string>>(value));
}

void set_members(Napi::Object object, const Error& error) {
  object.Set("code", code_name(error.code()));
  Napi::Object details = Napi::Object::New(object.Env());
  for (const auto& [name, value] : error.details()) details.Set(name, js_detail(object.Env(), value));
  object.Set("details", details);
}

}  // namespace

Error as_error(std::exception_ptr exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const Error& error) {
    return error;
  } catch (const c10::Error& error) {
    const std::string what = error.what_without_backtrace();
    return is_out_of_memory(error) ? out_of_memory(what) : Error(ErrorCode::kInternal, "LibTorch: " + what);
  } catch (const std::exception& error) {
    return is_out_of_memory(error) ? out_of_memory(error.what()) : Error(ErrorCode::kInternal, error.what());
  } catch (...) {
    return Error(ErrorCode::kInternal, "an unknown exception");
  }
}

Napi::Object failure_object(Napi::Env env, const Error& error) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("message", std::string(error.what()));
  set_members(object, error);
  return object;
}

Napi::Value guarded(Napi::Env env, const std::function<Napi::Value()>& body) {
  try {
    return body();
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    const Error error = as_error(std::current_exception());
    Napi::Error thrown = Napi::Error::New(env, error.what());
    set_members(thrown.Value(), error);
    throw thrown;
  }
}

}  // namespace wsss::binding
