#include "wsss/core/cancel.h"

#include <ATen/ATen.h>

namespace wsss {

namespace {
thread_local const CancelToken* current_token = nullptr;
}  // namespace

CancelScope::CancelScope(const CancelToken& token) : previous_(current_token) { current_token = &token; }

CancelScope::~CancelScope() { current_token = previous_; }

void check_cancelled() {
  if (current_token != nullptr) current_token->check();
}

void cancellation_point(const at::Tensor& x) {
  if (current_token == nullptr) return;
  current_token->check();
  // The token is copied: autograd may run the hook on a thread of its own.
  if (x.requires_grad()) x.register_hook([token = *current_token](const at::Tensor&) { token.check(); });
}

}  // namespace wsss
