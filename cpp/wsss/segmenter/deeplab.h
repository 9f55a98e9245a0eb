// DeepLab v3+, the segmentation network, and its decoder.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "wsss/backbone/backbone.h"
#include "wsss/core/batch_norm.h"
#include "wsss/segmenter/aspp.h"

namespace wsss {

/// The last layers of the decoder; "0", "1", "4", "5", "8" are their checkpoint keys.
class DecoderHeadImpl : public torch::nn::Module {
 public:
  DecoderHeadImpl(std::int64_t in, std::int64_t channels, std::int64_t class_count);
  at::Tensor forward(const at::Tensor& x, Dropout& dropout);

 private:
  Conv2d conv0_{nullptr}, conv4_{nullptr}, conv8_{nullptr};
  BatchNorm bn1_{nullptr}, bn5_{nullptr};
};
TORCH_MODULE(DecoderHead);

/// Decoder of DeepLab v3+: ASPP up-sampled to the low-level features, joined with them, two 3x3 convolutions, classes.
class DecoderImpl : public torch::nn::Module {
 public:
  DecoderImpl(std::int64_t low_channels, std::int64_t aspp_channels, std::int64_t class_count, double width);
  /// aspp [N, A, h, w], low [N, B, h', w'] -> logits [N, K, h', w'].
  at::Tensor forward(const at::Tensor& aspp, const at::Tensor& low, Dropout& dropout);

 private:
  Conv2d conv1_{nullptr};
  BatchNorm bn1_{nullptr};
  DecoderHead last_conv_{nullptr};
};
TORCH_MODULE(Decoder);

/// DeepLab v3+ (Chen et al. 2018), the segmenter of stage 3. Registered names are the keys of the published
/// checkpoints.
class DeepLabImpl : public torch::nn::Module {
 public:
  /// Called with "low_level", "backbone", "aspp", "decoder" and their outputs.
  using Observer = std::function<void(const std::string&, const at::Tensor&)>;

  /// @param backbone       as make_backbone().
  /// @param output_stride  8 or 16.
  /// @param width          channel multiplier of the backbone, above 0; 1 is the paper's network.
  /// @param head_width     the same for ASPP and decoder; none: that of the backbone.
  /// @throws Error         kOption for an unknown backbone or stride.
  DeepLabImpl(const std::string& backbone, std::int64_t class_count, std::int64_t output_stride, double width = 1.0,
              std::optional<double> head_width = std::nullopt);

  /// x [N, 3, H, W] in [0, 1] -> logits [N, K, H, W].
  at::Tensor forward(const at::Tensor& x, Dropout& dropout, const Observer& observer = {});
  /// The logits [N, K, h, w] of the decoder, at a quarter of the patch's size, that forward() enlarges.
  at::Tensor coarse_logits(const at::Tensor& x, Dropout& dropout, const Observer& observer = {});

  /// Random start: He's for the convolutions, over the fan-out in the backbone and over the fan-in in ASPP and decoder,
  /// as published. The last batch norm of every residual branch of the backbone starts at scale 0, so that a hundred
  /// fresh layers begin as the identity (Goyal et al. 2017, section 5.1); otherwise a narrow network takes epochs to
  /// start learning.
  void initialize(std::uint64_t seed);

  /// Frozen batch norms of the backbone use their running statistics in training too, and their scale and shift have no
  /// gradient. Those of ASPP and decoder always train: they have nothing to start from.
  void set_backbone_batch_norm_frozen(bool frozen);
  void train(bool on = true) override;

  std::int64_t class_count() const { return class_count_; }
  /// The type of pictures that inference reads: uint8, as stored, where the backbone takes bytes.
  c10::ScalarType input_type() const {
    return backbone_->reads_bytes() ? at::kByte : reference_parameter().scalar_type();
  }
  /// Any parameter, for its dtype and device.
  at::Tensor reference_parameter() const { return parameters().front(); }

 private:
  at::Tensor logits_of(const at::Tensor& x, Dropout& dropout, const Observer& observer);

  std::int64_t class_count_;
  bool backbone_batch_norm_frozen_ = false;
  std::shared_ptr<Backbone> backbone_;
  Aspp aspp_{nullptr};
  Decoder decoder_{nullptr};
};
TORCH_MODULE(DeepLab);

}  // namespace wsss
