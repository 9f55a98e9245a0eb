#include "wsss/device/placement.h"

#include <ATen/Context.h>

#include "wsss/device/device_use.h"

namespace wsss {

void place(torch::nn::Module& network, const c10::Device& device) {
  const DeviceUse use(device);
  network.to(device);
  if (!device.is_cuda()) return;
  for (auto& parameter : network.parameters()) {
    if (parameter.dim() == 4) parameter.set_data(parameter.tensor_data().contiguous(at::MemoryFormat::ChannelsLast));
  }
  // Patches are all of one size: the fastest way of each convolution is looked for once. This holds for the process.
  at::globalContext().setBenchmarkCuDNN(true);
}

}  // namespace wsss
