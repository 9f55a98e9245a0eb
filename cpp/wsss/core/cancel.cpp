#include "wsss/core/cancel.h"

#include <ATen/ATen.h>

#include "wsss/core/cancel_watch.h"

namespace wsss {

namespace {
thread_local CancelWatch current;
}  // namespace

CancelWatch current_cancel_watch() { return current; }

CancelScope::CancelScope(const CancelToken& token, CancelLevel level)
    : previous_token_(current.token), previous_level_(current.level) {
  current = {&token, level};
}

CancelScope::~CancelScope() { current = {previous_token_, previous_level_}; }

void check_cancelled() {
  if (current.token != nullptr) current.token->check(current.level);
}

void cancellation_point(const at::Tensor& x) {
  if (current.token == nullptr) return;
  check_cancelled();
  if (!x.requires_grad()) return;
  // Token and level are copied: autograd may run the hook on a thread of its own.
  x.register_hook([token = *current.token, level = current.level](const at::Tensor&) { token.check(level); });
}

}  // namespace wsss
