#include "wsss/backbone/backbone.h"

#include "wsss/backbone/drn_d_54.h"
#include "wsss/backbone/efficientnet_lite.h"
#include "wsss/backbone/inverted_residuals.h"
#include "wsss/backbone/mobilenet_v2.h"
#include "wsss/backbone/resnet101.h"
#include "wsss/backbone/xception.h"
#include "wsss/core/error.h"

namespace wsss {

std::shared_ptr<Backbone> make_backbone(const std::string& name, std::int64_t output_stride, double width) {
  if (output_stride != 8 && output_stride != 16) {
    throw Error(ErrorCode::kOption, "outputStride must be 8 or 16, received " + std::to_string(output_stride),
                {{"option", "outputStride"}});
  }
  if (name == "resnet101") return std::make_shared<ResNet101Impl>(output_stride, width);
  if (name == "xception") return std::make_shared<XceptionImpl>(output_stride, width);
  if (name == "drn") return std::make_shared<DrnD54Impl>(width);
  const auto residual = [&](const ResidualPlan& plan) {
    return std::make_shared<ResidualBackboneImpl>(plan, output_stride, width);
  };
  if (name == "mobilenet") return residual(mobilenet_v2(BlockPadding::kBeforeExpansion));
  if (const auto variant = efficientnet_lite_variant(name)) return residual(efficientnet_lite(*variant));
  throw Error(ErrorCode::kOption,
              "backbone must be resnet101, xception, drn, mobilenet or efficientnet-lite0 to 2, received " + name,
              {{"option", "backbone"}});
}

}  // namespace wsss
