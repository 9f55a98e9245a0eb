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
  augment_patch(image.const_data_ptr<std::uint8_t>(), height, width, draw, image_out.data_ptr<std::uint8_t>());
  augment_mask(mask.const_data_ptr<std::uint8_t>(), height, width, draw, mask_out.data_ptr<std::uint8_t>());
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

}  // namespace

void add_augmentation_operations(OperationTable& table) {
  table["augment_drawn"] = augment_drawn;
  table["draw_augmentations"] = draw_augmentations;
}

}  // namespace wsss::test
