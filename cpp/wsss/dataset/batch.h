// Batches of patches, labels and masks, with their augmentation.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <vector>

#include "wsss/dataset/mosaic.h"
#include "wsss/dataset/patch_store.h"
#include "wsss/image/colour_jitter.h"

namespace wsss {

/// What may happen to a training patch. Every probability is in [0, 1]; all draws of one patch depend on
/// (seed, epoch, patch) alone.
struct Augmentation {
  double horizontal_flip = 0.0;
  double vertical_flip = 0.0;
  double quarter_turns =
      0.0;  ///< Of a turn by 90, 180 or 270 degrees, each as probable; of 180 where it is not square.
  /// Tissue is enlarged by a factor between these, as probable below as above their geometric mean, and cut to the size
  /// of the patch at a random place; what is reduced goes on mirrored beyond its border.
  double scale_min = 1.0, scale_max = 1.0;
  /// Half-widths about 1 of the factors of LightJitter; of hue about 0.
  double brightness = 0.0, contrast = 0.0, saturation = 0.0, hue = 0.0;
  double stain = 0.0;  ///< Half-width of the factors and shifts of StainJitter.
  /// Gaussian blur of the image with a radius uniform in [0, 1) px; masks stay.
  double blur = 0.0;
};

/// The draws of one patch, made once and applied to the image and its masks alike.
struct AugmentationDraw {
  bool flip_horizontally = false;
  bool flip_vertically = false;
  double blur_radius = 0.0;
  std::int64_t quarter_turns = 0;  ///< 0 to 3.
  double scale = 1.0;
  double row_shift = 0.0, column_shift = 0.0;  ///< Of the cut, in [0, 1): 0 is the top or the left.
  LightJitter light{};
  StainJitter stain{};
  /// What is shown in the patch's place, with flips and turns of their own; empty: the patch.
  std::vector<MosaicPiece> mosaic;
};

AugmentationDraw draw_augmentation(const Augmentation& augmentation, std::uint64_t seed, std::int64_t epoch,
                                   std::int64_t patch);

/// Copies one patch with its draw applied: scale, turn, flips, pieces joined, stain, light, then blur.
///
/// @param set  [N, height, width, 3], the patches, of which one is `index`, and the pieces of mosaics others.
/// @param out  holds height * width * 3 bytes.
void augment_patch(const std::uint8_t* set, std::int64_t index, std::int64_t height, std::int64_t width,
                   const AugmentationDraw& draw, std::uint8_t* out);

/// Copies one mask of [N, height, width] with the scale, the turn, the flips and the pieces of its draw. `out` holds
/// height * width values.
void augment_mask(const std::uint8_t* set, std::int64_t index, std::int64_t height, std::int64_t width,
                  const AugmentationDraw& draw, std::uint8_t* out);

/// The mean grey of a drawn patch, which its contrast changes about; of a mosaic the mean of its patches'.
double mean_grey_of(const std::uint8_t* set, std::int64_t index, std::int64_t pixels, const AugmentationDraw& draw);

/// Patches ready for a network: uint8 / 255, no mean or standard deviation, as published.
///
/// @param draws  one per index, or empty for none.
/// @return       [n, 3, H, W] of `dtype` on `device`; the division is made in float32 whatever `dtype` is. Of uint8 the
///               bytes as they are.
at::Tensor image_batch(const PatchStore& patches, const std::vector<std::int64_t>& indices,
                       const std::vector<AugmentationDraw>& draws, c10::ScalarType dtype, const c10::Device& device);

/// Labels as [n, K] of `dtype`.
at::Tensor label_batch(const PatchStore& patches, const std::vector<std::int64_t>& indices, c10::ScalarType dtype,
                       const c10::Device& device);

/// Masks of all levels as [L, n, H, W] uint8.
at::Tensor mask_batch(const MaskStore& masks, const std::vector<std::int64_t>& indices,
                      const std::vector<AugmentationDraw>& draws, const c10::Device& device);

/// Patches or masks of a set that are gathered and augmented where the set lies, by operations of our own: bit for bit
/// what augment_patch() and augment_mask() make in host memory.
///
/// @param set         [N, H, W, C] uint8, C = 3 for patches and 1 for masks, whose colours stay.
/// @param mean_greys  as mean_grey_of() for each of `indices`; may be empty where no draw changes the contrast.
/// @return            [n, H, W, C] uint8.
at::Tensor gathered_batch(const at::Tensor& set, const std::vector<std::int64_t>& indices,
                          const std::vector<AugmentationDraw>& draws, const std::vector<double>& mean_greys = {});

/// Masks of all levels by gathered_batch(), in one gathering.
///
/// @param set  [L, N, H, W] uint8
/// @return     [L, n, H, W] uint8
at::Tensor gathered_levels(const at::Tensor& set, const std::vector<std::int64_t>& indices,
                           const std::vector<AugmentationDraw>& draws);

/// The batches of a training. Where the whole set takes no more than an eighth of a device's free memory it is kept
/// there, so that a step moves nothing but the numbers of its patches; otherwise batches are made in host memory and
/// travel as bytes.
class TrainingBatches {
 public:
  /// @param masks  or null; both stores must outlive this.
  TrainingBatches(const PatchStore& patches, const MaskStore* masks, c10::ScalarType dtype, const c10::Device& device);

  /// As image_batch().
  at::Tensor images(const std::vector<std::int64_t>& indices, const std::vector<AugmentationDraw>& draws) const;
  /// As mask_batch().
  at::Tensor masks(const std::vector<std::int64_t>& indices, const std::vector<AugmentationDraw>& draws) const;

 private:
  const PatchStore& patches_;
  const MaskStore* masks_;
  c10::ScalarType dtype_;
  c10::Device device_;
  at::Tensor resident_patches_, resident_masks_;  // Undefined where the device has no room.
};

}  // namespace wsss
