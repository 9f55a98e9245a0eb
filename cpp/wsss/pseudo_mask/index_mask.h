// From the class maps of one patch to its pseudo mask.
#pragma once

#include <cstdint>

namespace wsss {

/// How the class of a pixel is chosen from the up-sampled class maps.
enum class CamScaling {
  /// Largest raw map among the classes of the label; the lowest class wins ties.
  kPresent,
  /// Joint min-max over all classes, absent ones included; the maps of absent classes are then 0. A pixel at which
  /// every present class is at the joint minimum falls to class 0 even if that is absent, and constant maps (0/0) give
  /// the lowest present class everywhere.
  kPublished,
};

/// One pseudo mask.
///
/// @param maps     [K, H, W] float32, up-sampled Grad-CAM.
/// @param labels   K bytes; only classes whose byte is exactly 1 are present.
/// @param glass    H * W bytes, 1 = glass, which becomes class K; null = no glass rule.
/// @param pixels   H * W.
/// @param mask     H * W bytes of output, 0..K.
/// @throws Error   kDataset if no class is present.
void index_mask(const float* maps, const std::uint8_t* labels, const std::uint8_t* glass, std::int64_t class_count,
                std::int64_t pixels, CamScaling scaling, std::uint8_t* mask);

}  // namespace wsss
