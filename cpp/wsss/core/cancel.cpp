#include "wsss/core/cancel.h"

#include <ATen/ATen.h>

namespace wsss {

namespace {
thread_local const CancelToken* current_token = nullptr;
thread_local CancelLevel current_level = CancelLevel::kCancel;
}  // namespace

CancelScope::CancelScope(const CancelToken& token, CancelLevel level)
    : previous_token_(current_token), previous_level_(current_level) {
  current_token = &token;
  current_level = level;
}

CancelScope::~CancelScope() {
  current_token = previous_token_;
  current_level = previous_level_;
}

void check_cancelled() {
  if (current_token != nullptr) current_token->check(current_level);
}

void cancellation_point(const at::Tensor& x) {
  if (current_token == nullptr) return;
  check_cancelled();
  if (!x.requires_grad()) return;
  // Token and level are copied: autograd may run the hook on a thread of its own.
  x.register_hook([token = *current_token, level = current_level](const at::Tensor&) { token.check(level); });
}

}  // namespace wsss
