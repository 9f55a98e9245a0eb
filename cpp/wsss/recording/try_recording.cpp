#include "wsss/recording/try_recording.h"

#include <ATen/ATen.h>

#include "wsss/device/device_use.h"
#include "wsss/device/own_stream.h"
#include "wsss/recording/recording.h"

namespace wsss {

std::string try_recording(const c10::Device& device, const GraphSource& source) {
  const OwnStream stream(device);
  at::Tensor sum = at::zeros({1}, at::TensorOptions(device));
  const at::Tensor added = at::ones({1}, at::TensorOptions(device));
  const auto work = [&] { sum.add_(added); };
  work();
  Recording recording;
  if (recording.make(source, work) != Recording::Outcome::kMade) return recording.problem();
  added.fill_(2.0);
  recording.replay();
  recording.replay();
  const DeviceUse use(device);
  return sum.item<float>() == 5.0F ? "" : "a recording was replayed and did not do what was recorded";
}

}  // namespace wsss
