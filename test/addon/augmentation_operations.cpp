// Test operations on what a draw of augmentation does to a patch and its mask, and on the draws themselves.

#include <ATen/ATen.h>

#include <cstring>
#include <vector>

#include "workspace.h"
#include "wsss/dataset/batch.h"

namespace wsss::test {

namespace {

AugmentationDraw draw_of(const Fields& fields) {
  AugmentationDraw draw;
  draw.flip_horizontally = fields.boolean("flipHorizontally");
  draw.flip_vertically = fields.boolean("flipVertically");
  draw.quarter_turns = fields.integer("quarterTurns");
  draw.scale = fields.number("scale");
  draw.row_shift = fields.number("rowShift");
  draw.column_shift = fields.number("columnShift");
  draw.light = {fields.number("brightness"), fields.number("contrast"), fields.number("saturation"),
                fields.number("hue")};
  draw.stain = {fields.number("haematoxylin"), fields.number("haematoxylinShift"), fields.number("eosin"),
                fields.number("eosinShift")};
  return draw;
}

// image [H, W, 3], mask [H, W] uint8; a draw -> image_out, mask_out of the same shapes, same: whether the operations
// that gather on a device make the same bytes
void augment_drawn(Workspace& w, const Fields& fields) {
  const at::Tensor image = w.get("image").contiguous(), mask = w.get("mask").contiguous();
  const std::int64_t height = image.size(0), width = image.size(1);
  const AugmentationDraw draw = draw_of(fields);
  at::Tensor image_out = at::empty_like(image), mask_out = at::empty_like(mask);
  augment_patch(image.const_data_ptr<std::uint8_t>(), 0, height, width, draw, image_out.data_ptr<std::uint8_t>());
  augment_mask(mask.const_data_ptr<std::uint8_t>(), 0, height, width, draw, mask_out.data_ptr<std::uint8_t>());
  const std::vector<double> means{mean_grey(image.const_data_ptr<std::uint8_t>(), height * width)};
  const bool same =
      at::equal(gathered_batch(image.unsqueeze(0), {0}, {draw}, means)[0], image_out) &&
      at::equal(gathered_batch(mask.view({1, height, width, 1}), {0}, {draw}).view({height, width}), mask_out);
  w.set("image_out", image_out);
  w.set("mask_out", mask_out);
  w.set("same", at::scalar_tensor(same, at::kBool));
}

// {seed, epoch, count, the options} -> draws [count, 14] float64: turns, scale, shifts, light, stain, flips
void draw_augmentations(Workspace& w, const Fields& fields) {
  Augmentation augmentation;
  augmentation.horizontal_flip = fields.number("horizontalFlip");
  augmentation.vertical_flip = fields.number("verticalFlip");
  augmentation.quarter_turns = fields.number("quarterTurns");
  augmentation.scale_min = fields.number("scaleMin");
  augmentation.scale_max = fields.number("scaleMax");
  augmentation.brightness = fields.number("brightness");
  augmentation.contrast = fields.number("contrast");
  augmentation.saturation = fields.number("saturation");
  augmentation.hue = fields.number("hue");
  augmentation.stain = fields.number("stainJitter");
  std::vector<double> all;
  for (std::int64_t patch = 0; patch < fields.integer("count"); ++patch) {
    const AugmentationDraw draw = draw_augmentation(augmentation, static_cast<std::uint64_t>(fields.integer("seed")),
                                                    fields.integer("epoch"), patch);
    for (const double value :
         {static_cast<double>(draw.quarter_turns), draw.scale, draw.row_shift, draw.column_shift, draw.light.brightness,
          draw.light.contrast, draw.light.saturation, draw.light.hue, draw.stain.haematoxylin,
          draw.stain.haematoxylin_shift, draw.stain.eosin, draw.stain.eosin_shift, draw.flip_horizontally ? 1.0 : 0.0,
          draw.flip_vertically ? 1.0 : 0.0}) {
      all.push_back(value);
    }
  }
  w.set("draws", at::tensor(all, at::kDouble).view({fields.integer("count"), -1}));
}

// images [N, H, W, 3], masks [L, N, H, W], labels [N, K] uint8; {seed, epoch, share, patients} -> shown [N, H, W, 3]
// and shown_masks [L, N, H, W]: each patch as it is drawn; pieces [N, 6, 7] int64: patch, row, column, weight, flips,
// turns, patch -1 where there is none; same: whether the operations that gather on a device make the same bytes
void draw_mosaics(Workspace& w, const Fields& fields) {
  const at::Tensor images = w.get("images").contiguous(), given = w.get("masks").contiguous();
  const std::int64_t count = images.size(0), height = images.size(1), width = images.size(2);
  PatchStore patches(count, height, width, w.get("labels").size(1));
  patches.images().copy_(images);
  patches.label_matrix().copy_(w.get("labels"));
  MaskStore masks(count, height, width, given.size(0));
  masks.tensor().copy_(given);
  const auto told = fields.numbers("patients");
  const Mosaics mosaics(fields.number("share"), patches, {told.begin(), told.end()});
  std::vector<std::int64_t> indices, table;
  std::vector<AugmentationDraw> draws;
  for (std::int64_t patch = 0; patch < count; ++patch) {
    AugmentationDraw draw;
    draw.mosaic = mosaics.draw(static_cast<std::uint64_t>(fields.integer("seed")), fields.integer("epoch"), patch);
    for (std::size_t i = 0; i < 6; ++i) {
      const bool is_there = i < draw.mosaic.size();
      const MosaicPiece piece = is_there ? draw.mosaic[i] : MosaicPiece{-1};
      table.insert(table.end(), {piece.patch, piece.site.row, piece.site.column, piece.site.weight,
                                 piece.flip_horizontally, piece.flip_vertically, piece.quarter_turns});
    }
    // Contrast changes about the mean grey of all pieces.
    if (fields.boolean("contrast")) draw.light.contrast = 1.2;
    draws.push_back(draw);
    indices.push_back(patch);
  }
  const at::Tensor shown = image_batch(patches, indices, draws, at::kByte, at::kCPU).permute({0, 2, 3, 1});
  const at::Tensor shown_masks = mask_batch(masks, indices, draws, at::kCPU);
  std::vector<double> means;
  for (std::int64_t i = 0; i < count; ++i) {
    means.push_back(mean_grey_of(patches.patch(0), i, height * width, draws[static_cast<std::size_t>(i)]));
  }
  bool same = at::equal(gathered_batch(patches.images(), indices, draws, means), shown);
  for (std::int64_t level = 0; level < given.size(0); ++level) {
    const at::Tensor gathered = gathered_batch(masks.tensor()[level].unsqueeze(-1), indices, draws);
    same = same && at::equal(gathered.squeeze(-1), shown_masks[level]);
  }
  same = same && at::equal(gathered_levels(masks.tensor(), indices, draws), shown_masks);
  w.set("shown", shown.contiguous());
  w.set("shown_masks", shown_masks);
  w.set("pieces", at::tensor(table, at::kLong).view({count, 6, 7}));
  w.set("same", at::scalar_tensor(same, at::kBool));
}

}  // namespace

void add_augmentation_operations(OperationTable& table) {
  table["augment_drawn"] = augment_drawn;
  table["draw_augmentations"] = draw_augmentations;
  table["draw_mosaics"] = draw_mosaics;
}

}  // namespace wsss::test
