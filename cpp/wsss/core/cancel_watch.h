// Whom a thread's work is cancelled by, for what another thread does of it.
#pragma once

#include "wsss/core/cancel.h"

namespace wsss {

/// What check_cancelled() asks on a thread.
struct CancelWatch {
  const CancelToken* token = nullptr;  ///< Null: nobody cancels.
  CancelLevel level = CancelLevel::kCancel;
};

/// That of this thread.
CancelWatch current_cancel_watch();

}  // namespace wsss
