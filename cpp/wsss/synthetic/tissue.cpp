#include "wsss/synthetic/tissue.h"

#include <string>
#include <utility>

#include "wsss/core/error.h"
#include "wsss/synthetic/cells.h"
#include "wsss/synthetic/ground.h"
#include "wsss/synthetic/noise.h"
#include "wsss/synthetic/regions.h"
#include "wsss/synthetic/stain.h"

namespace wsss {
namespace {

constexpr int kMinSizePx = 32;
constexpr int kMaxSizePx = 2000;

void require_size(const char* name, int value) {
  if (value < kMinSizePx || value > kMaxSizePx) {
    throw Error(ErrorCode::kOption, std::string(name) + " of a synthetic patch must be " + std::to_string(kMinSizePx) +
                                        " to " + std::to_string(kMaxSizePx) + " pixels, received " +
                                        std::to_string(value));
  }
}

}  // namespace

TissuePatch synthesize_tissue(std::uint64_t seed, std::uint64_t patch_index, int height, int width) {
  require_size("height", height);
  require_size("width", width);
  const std::uint64_t key = synthetic::derive_key(synthetic::derive_key(seed, 0), patch_index);
  synthetic::RegionMap regions = synthetic::draw_regions(synthetic::derive_key(key, 1), height, width);
  const synthetic::FibreField fibres(synthetic::derive_key(key, 2));
  synthetic::DyePlanes planes(height, width);
  synthetic::paint_ground(planes, regions, fibres, synthetic::derive_key(key, 3));
  synthetic::paint_cells(planes, regions, fibres, synthetic::derive_key(key, 4));
  synthetic::Random stain_random(synthetic::derive_key(key, 5));
  const synthetic::StainProfile stain = synthetic::draw_stain_profile(stain_random);
  TissuePatch patch;
  patch.rgb = synthetic::render_stain(planes, regions.mask, stain, synthetic::derive_key(key, 6));
  patch.labels = synthetic::labels_of(regions);
  patch.mask = std::move(regions.mask);
  return patch;
}

}  // namespace wsss
