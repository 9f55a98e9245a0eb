#include "wsss/image/enlargement_launch.h"

#include <ATen/ATen.h>

#include "wsss/kernels/enlargement_gradient.h"
#include "wsss/kernels/launch.h"

namespace wsss {

bool can_launch_enlargement(const at::Tensor& maps) {
  const bool known = maps.scalar_type() == at::kFloat || maps.scalar_type() == at::kBFloat16;
  return known && can_launch(maps.device());
}

at::Tensor launch_enlargement_gradient(const at::Tensor& gradient, std::int64_t height, std::int64_t width) {
  const at::Tensor fine = gradient.contiguous(at::MemoryFormat::ChannelsLast);
  at::Tensor coarse = at::empty({fine.size(0), fine.size(1), height, width},
                                fine.options().memory_format(at::MemoryFormat::ChannelsLast));
  const auto run = [&]<typename T>(T /*of_this_type*/) {
    const EnlargementGradient<T> op{
        fine.const_data_ptr<T>(), {height, fine.size(2)}, {width, fine.size(3)}, fine.size(1), coarse.data_ptr<T>()};
    launch(op, coarse.numel(), fine.device());
  };
  fine.scalar_type() == at::kBFloat16 ? run(c10::BFloat16()) : run(float());
  return coarse;
}

}  // namespace wsss
