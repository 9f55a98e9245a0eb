// How C++ exceptions reach JavaScript: as an error code, a message and details.
#pragma once

#include <napi.h>

#include <exception>
#include <functional>

#include "wsss/core/error.h"

namespace wsss::binding {

/// What any exception of a native job means to JavaScript. LibTorch's own exceptions become kOutOfMemory or kInternal.
Error as_error(std::exception_ptr exception);

/// {code, message, details}: lib makes a WsssError of it.
Napi::Object failure_object(Napi::Env env, const Error& error);

/// Runs synchronous glue; any C++ exception becomes a JavaScript one that carries code and details.
Napi::Value guarded(Napi::Env env, const std::function<Napi::Value()>& body);

}  // namespace wsss::binding
