#include "wsss/segmenter/pixel_loss_sums.h"

#include <vector>

#include "wsss/core/libtorch.h"
#include "wsss/image/resize.h"
#include "wsss/kernels/launch.h"
#include "wsss/kernels/pixel_loss.h"

namespace wsss {

namespace {

constexpr std::int64_t kIgnored = 255;
// Pixels that are worth a thread of their own.
constexpr std::int64_t kGrain = 1 << 9;

template <typename T>
EnlargedLogits<T> enlarged(const at::Tensor& logits, const at::Tensor& masks) {
  return {logits.const_data_ptr<T>(), logits.size(1), {logits.size(2), masks.size(2)}, {logits.size(3), masks.size(3)}};
}

LevelTargets level_targets(const at::Tensor& masks, std::int64_t class_count, bool background_logit) {
  const std::int64_t pixels = masks.size(1) * masks.size(2) * masks.size(3);
  return {masks.const_data_ptr<std::uint8_t>(), masks.size(0), pixels, class_count, background_logit};
}

class PixelLossSums : public torch::autograd::Function<PixelLossSums> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& given, const at::Tensor& masks,
                            bool background_logit) {
    const at::Tensor logits = given.contiguous();
    const LevelTargets targets = level_targets(masks, logits.size(1), background_logit);
    at::Tensor losses = at::empty(masks.sizes(), logits.options());
    AT_DISPATCH_FLOATING_TYPES(logits.scalar_type(), "pixel_loss", [&] {
      const PixelLoss<scalar_t> loss{enlarged<scalar_t>(logits, masks), targets, losses.data_ptr<scalar_t>()};
      launch(loss, targets.pixel_count, logits.device(), kGrain);
    });
    context->save_for_backward({logits, masks});
    context->saved_data["background_logit"] = background_logit;
    return losses.sum({1, 2, 3});
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor& logits = saved[0];
    const at::Tensor& masks = saved[1];
    const LevelTargets targets = level_targets(masks, logits.size(1), context->saved_data["background_logit"].toBool());
    const at::Tensor of_levels = gradients[0].contiguous();
    at::Tensor fine = at::empty({logits.size(0), logits.size(1), masks.size(2), masks.size(3)}, logits.options());
    at::Tensor coarse = at::empty_like(logits);
    AT_DISPATCH_FLOATING_TYPES(logits.scalar_type(), "pixel_loss_gradient", [&] {
      const auto maps = enlarged<scalar_t>(logits, masks);
      const PixelLossGradient<scalar_t> at_pixels{maps, targets, of_levels.const_data_ptr<scalar_t>(),
                                                  fine.data_ptr<scalar_t>()};
      launch(at_pixels, targets.pixel_count, logits.device(), kGrain);
      const CoarseGradient<scalar_t> gathered{fine.const_data_ptr<scalar_t>(), maps.rows, maps.columns,
                                              coarse.data_ptr<scalar_t>()};
      launch(gathered, coarse.numel(), logits.device(), kGrain);
    });
    return {coarse, at::Tensor(), at::Tensor()};
  }
};

/// [N, K + 1, H, W]: the published constant channel beside the logits.
at::Tensor with_background_logit(const at::Tensor& logits, const at::Tensor& main_mask) {
  const at::Tensor background = (main_mask == logits.size(1)).to(logits.scalar_type()) * LevelTargets::kBackgroundLogit;
  return torch::cat({logits, background.unsqueeze(1)}, 1);
}

}  // namespace

at::Tensor composed_pixel_loss_sums(const at::Tensor& logits, const at::Tensor& masks, bool background_logit) {
  const at::Tensor fine = resize_align_corners(logits.contiguous(), masks.size(2), masks.size(3));
  const at::Tensor log_probabilities =
      at::log_softmax(background_logit ? with_background_logit(fine, masks[0]) : fine, 1);
  std::vector<at::Tensor> sums;
  for (std::int64_t level = 0; level < masks.size(0); ++level) {
    const at::Tensor classes = masks[level].to(at::kLong);
    const at::Tensor target = classes.masked_fill(classes >= log_probabilities.size(1), kIgnored);
    sums.push_back(at::nll_loss2d(log_probabilities, target, {}, at::Reduction::Sum, kIgnored));
  }
  return at::stack(sums);
}

at::Tensor pixel_loss_sums(const at::Tensor& logits, const at::Tensor& masks, bool background_logit) {
  if (!can_launch(logits)) return composed_pixel_loss_sums(logits, masks, background_logit);
  return PixelLossSums::apply(logits, masks.contiguous(), background_logit);
}

}  // namespace wsss
