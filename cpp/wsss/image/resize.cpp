#include "wsss/image/resize.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "wsss/core/libtorch.h"
#include "wsss/image/enlargement_launch.h"

namespace wsss {

namespace {

/// Linear interpolation along one dimension. Coordinates are computed in double and rounded once, as OpenCV does:
/// LibTorch's own float32 coordinates drift by up to 1e-5 of a pixel, which moves pixels from one class to another.
at::Tensor interpolate(const at::Tensor& maps, std::int64_t dim, std::int64_t size) {
  const std::int64_t source_size = maps.size(dim);
  const double scale = static_cast<double>(source_size) / static_cast<double>(size);
  std::vector<std::int64_t> left, right;
  std::vector<float> right_weight;
  for (std::int64_t i = 0; i < size; ++i) {
    const auto position = static_cast<float>((static_cast<double>(i) + 0.5) * scale - 0.5);
    const auto whole = static_cast<std::int64_t>(std::floor(position));
    left.push_back(std::clamp<std::int64_t>(whole, 0, source_size - 1));
    right.push_back(std::clamp<std::int64_t>(whole + 1, 0, source_size - 1));
    right_weight.push_back(position - static_cast<float>(whole));
  }
  std::vector<std::int64_t> shape(static_cast<std::size_t>(maps.dim()), 1);
  shape[static_cast<std::size_t>(dim)] = size;
  const at::Tensor weight = at::tensor(right_weight, at::kFloat).view(shape).to(maps.device(), maps.scalar_type());
  const auto pick = [&](const std::vector<std::int64_t>& indices) {
    return maps.index_select(dim, at::tensor(indices, at::kLong).to(maps.device()));
  };
  return pick(left) * (1.0 - weight) + pick(right) * weight;
}

/// ATen's enlargement with our own gradient.
class Enlarged : public torch::autograd::Function<Enlarged> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& maps, std::int64_t height,
                            std::int64_t width) {
    context->saved_data["height"] = maps.size(2);
    context->saved_data["width"] = maps.size(3);
    return at::upsample_bilinear2d(maps, {height, width}, /*align_corners=*/true);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto height = context->saved_data["height"].toInt(), width = context->saved_data["width"].toInt();
    return {launch_enlargement_gradient(gradients[0], height, width), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor resize_half_pixel(const at::Tensor& maps, std::int64_t height, std::int64_t width) {
  return interpolate(interpolate(maps, 3, width), 2, height);
}

at::Tensor resize_align_corners(const at::Tensor& maps, std::int64_t height, std::int64_t width) {
  // On the CPU ATen's own gradient has one order too.
  if (maps.is_cuda() && can_launch_enlargement(maps)) return Enlarged::apply(maps, height, width);
  return at::upsample_bilinear2d(maps, {height, width}, /*align_corners=*/true);
}

}  // namespace wsss
