#include "wsss/device/device_use.h"

#include <ATen/Context.h>
#include <c10/util/Exception.h>

#include <condition_variable>
#include <mutex>

namespace wsss {

namespace {

/// Who uses devices now.
struct Users {
  std::mutex entrance;  ///< Whoever comes waits here first, so that one who waits is not overtaken for ever.
  std::mutex mutex;     ///< Of what follows.
  std::condition_variable left;
  int count = 0;
  bool alone = false;
  bool tf32 = true;  ///< As the users want it, and as LibTorch has it.
};

// Of the process, and of its threads. NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables)
Users users;
thread_local int scopes = 0;  // Of DeviceUse.
thread_local bool is_alone = false;
thread_local bool allows_tf32 = true;
// NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables)

/// LibTorch warns that its settings have new names, under which those of before do not always read.
class Quiet : public c10::WarningHandler {
 public:
  void process(const c10::Warning& /*warning*/) override {}
};

void set_tf32(bool allowed) {
  if (users.tf32 == allowed) return;
  Quiet quiet;
  const c10::WarningUtils::WarningHandlerGuard guard(&quiet);
  at::globalContext().setAllowTF32CuDNN(allowed);
  users.tf32 = allowed;
}

template <typename Condition>
void enter(const Condition& may_enter, int users_more, bool alone) {
  const std::lock_guard<std::mutex> turn(users.entrance);
  std::unique_lock<std::mutex> lock(users.mutex);
  users.left.wait(lock, may_enter);
  users.count += users_more;
  users.alone = alone;
  set_tf32(allows_tf32);
}

void leave(int users_less) {
  {
    const std::lock_guard<std::mutex> lock(users.mutex);
    users.count -= users_less;
    users.alone = false;
  }
  users.left.notify_all();
}

}  // namespace

Tf32Scope::Tf32Scope(bool allowed) : previous_(allows_tf32) { allows_tf32 = allowed; }

Tf32Scope::~Tf32Scope() { allows_tf32 = previous_; }

DeviceUse::DeviceUse(const c10::Device& device) : counts_(device.is_cuda() && !is_alone) {
  if (!counts_ || scopes++ > 0) return;
  enter([] { return !users.alone && (users.count == 0 || users.tf32 == allows_tf32); }, 1, false);
}

DeviceUse::~DeviceUse() {
  if (counts_ && --scopes == 0) leave(1);
}

SoleDeviceUse::SoleDeviceUse() {
  TORCH_CHECK(scopes == 0 && !is_alone, "a thread that uses a device cannot be alone with it");
  enter([] { return !users.alone && users.count == 0; }, 0, true);
  is_alone = true;
}

SoleDeviceUse::~SoleDeviceUse() {
  is_alone = false;
  leave(0);
}

}  // namespace wsss
