// Draws invented tissue for the demo: an RGB patch with its mask and labels.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace wsss {

/// One patch of invented H&E tissue with its true mask.
struct TissuePatch {
  /// [height, width, 3] RGB.
  std::vector<std::uint8_t> rgb;
  /// [height, width]: 0 tumour epithelium, 1 stroma, 2 lymphocytes, 3 necrosis, 4 glass (background).
  std::vector<std::uint8_t> mask;
  /// 1 for each tissue class that occurs in the mask, else 0; an occurring class covers at least 3 % of the patch.
  std::array<std::uint8_t, 4> labels;
};

/// Invents a patch for the demo: four classes told apart by texture, not by colour.
///
/// The same arguments give the same bytes on every x86-64 machine and on any thread: there is no state, and only float
/// operations with one possible result are used. Keep -ffast-math away, and -ffp-contract=off with -march flags that
/// enable FMA. Patches of different `seed` or `patch_index` are independent.
///
/// @param seed         of the data set.
/// @param patch_index  of the patch in it.
/// @param height       in pixels, 32..2000; larger patches show more tissue at the same scale (about 1 um a pixel).
/// @param width        likewise.
/// @throws Error       kOption if the size is out of bounds.
TissuePatch synthesize_tissue(std::uint64_t seed, std::uint64_t patch_index, int height, int width);

}  // namespace wsss
