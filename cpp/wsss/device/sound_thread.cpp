#include "wsss/device/sound_thread.h"

#include <ATen/Parallel.h>
#include <ATen/ThreadLocalState.h>
#include <sys/prctl.h>
#include <oneapi/dnnl/dnnl_common.hpp>

#include <array>
#include <optional>
#include <system_error>
#include <thread>

#include "wsss/core/cancel_watch.h"
#include "wsss/core/error.h"
#include "wsss/core/memory_reuse.h"
#include "wsss/core/precision.h"
#include "wsss/device/device.h"

namespace wsss {

namespace {

thread_local bool has_failed = false;

}  // namespace

void note_failure_of_thread(const std::exception& failure) {
  const auto* error = dynamic_cast<const dnnl::error*>(&failure);
  if (error != nullptr && error->status == dnnl_out_of_memory) has_failed = true;
}

void on_sound_thread(const std::function<void()>& work) {
  if (!has_failed) {
    work();
    return;
  }
  const at::ThreadLocalState state;
  const Precision precision = current_precision();
  const CancelWatch watch = current_cancel_watch();
  const int threads = at::get_num_threads();
  std::array<char, 16> name{};
  prctl(PR_GET_NAME, name.data());
  std::exception_ptr failure;
  std::thread thread;
  try {
    thread = std::thread([&] {
      prctl(PR_SET_NAME, name.data());
      try {
        const at::ThreadLocalStateGuard of_libtorch(state);
        set_intra_op_threads(threads);
        const PrecisionScope of_precision(precision);
        std::optional<CancelScope> of_cancelling;
        if (watch.token != nullptr) of_cancelling.emplace(*watch.token, watch.level);
        const MemoryReuse memory;
        work();
      } catch (...) {
        failure = std::current_exception();
      }
    });
  } catch (const std::system_error&) {
    throw Error(ErrorCode::kOutOfMemory, "there is no room for another thread");
  }
  thread.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace wsss
