// Grad-CAM maps of every class, at several feature levels of a classifier.
#pragma once

#include <cstdint>
#include <vector>

#include "wsss/classifier/classifier.h"

namespace wsss {

/// Grad-CAM of one level.
struct GradCam {
  at::Tensor maps;     ///< [N, K, h, w]: sum over channels of weight times feature. Not rectified.
  at::Tensor weights;  ///< [N, K, C]: the mean over the map of d logit / d feature.
};

/// Grad-CAM (Selvaraju et al. 2017, without the final ReLU, as published) of several levels from one forward pass.
///
/// The deep level needs no backward pass: the head is linear there, so a channel's weight is fc8.weight / (h * w). For
/// the others backward passes run from the logits down to the shallowest level asked for and compute no weight
/// gradients. Patches do not see each other in evaluation, so one pass takes one class of every patch, not necessarily
/// the same one: there are as many passes as the patch with the most classes needs.
///
/// @param network  in evaluation.
/// @param images   [N, 3, H, W] in [0, 1].
/// @param levels   one result each, in this order.
/// @param wanted   the classes of each patch, ascending; maps of others are 0.
std::vector<GradCam> grad_cam(Classifier& network, const at::Tensor& images, const std::vector<FeatureLevel>& levels,
                              const std::vector<std::vector<std::int64_t>>& wanted);

}  // namespace wsss
