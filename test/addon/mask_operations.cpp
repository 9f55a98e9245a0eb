// Test operations on Grad-CAM, pseudo masks, glass, resizing, blur and augmentation.

#include "rules.h"
#include "workspace.h"
#include "wsss/core/libtorch.h"
#include "wsss/dataset/batch.h"
#include "wsss/image/gaussian_blur.h"
#include "wsss/image/glass.h"
#include "wsss/image/resize.h"
#include "wsss/pseudo_mask/grad_cam.h"
#include "wsss/pseudo_mask/index_mask.h"

namespace wsss::test {

namespace {

/// Up-sampled maps [K, H, W] and the masks of several labels: `prefix` + LABELS + `suffix`.
void masks_of(Workspace& w, const at::Tensor& up, const at::Tensor& image, const std::vector<std::string>& label_texts,
              bool glass_rule, CamScaling scaling, const std::string& prefix, const std::string& suffix) {
  const at::Tensor maps = up.to(at::kFloat).contiguous();
  const std::int64_t classes = maps.size(0), height = maps.size(1), width = maps.size(2);
  std::vector<std::uint8_t> glass;
  if (glass_rule) glass = glass_mask(image.contiguous().const_data_ptr<std::uint8_t>(), height, width, GlassRule{});
  for (const auto& text : label_texts) {
    std::vector<std::uint8_t> labels;
    for (const char c : text) labels.push_back(static_cast<std::uint8_t>(c - '0'));
    at::Tensor mask = at::empty({height, width}, at::kByte);
    index_mask(maps.const_data_ptr<float>(), labels.data(), glass_rule ? glass.data() : nullptr, classes,
               height * width, scaling, mask.data_ptr<std::uint8_t>());
    w.set(prefix + text + suffix, mask);
  }
}

// {weightTag, tag, H, W, dtype, luadLabels, bcssLabels} -> group D1
void grad_cam_case(Workspace& w, const Fields& fields) {
  const auto dtype = dtype_of(fields);
  const auto height = fields.integer("H"), width = fields.integer("W");
  Classifier network = make_classifier("resnet38", 4, 1.0);
  fill_by_rule(*network, "resnet38", fields.string("weightTag"));
  network->to(dtype);
  network->eval();
  const at::Tensor x = rule_images({fields.string("tag")}, height, width, dtype);
  auto bytes = synth_image(fields.string("tag"), height, width);
  const at::Tensor image = at::from_blob(bytes.data(), {height, width, 3}, at::kByte).clone();
  {
    const torch::NoGradGuard no_grad;
    w.set("logits", network->forward(x));
  }
  auto glass = glass_mask(bytes.data(), height, width, GlassRule{});
  w.set("background", at::from_blob(glass.data(), {height, width}, at::kByte).clone());

  const std::vector<FeatureLevel> levels{FeatureLevel::kShallow, FeatureLevel::kMiddle, FeatureLevel::kDeep};
  const std::vector<std::string> names{"b4_5", "b5_2", "bn7"};
  const auto cams = grad_cam(network, x, levels, {{0, 1, 2, 3}});
  for (std::size_t i = 0; i < levels.size(); ++i) {
    const at::Tensor up = resize_half_pixel(cams[i].maps, height, width)[0];
    w.set("raw." + names[i], cams[i].maps[0]);
    w.set("w." + names[i], cams[i].weights[0]);
    w.set("up." + names[i], up);
    w.set("norm." + names[i], (up - up.min()) / (up.max() - up.min()));
    masks_of(w, up, image, fields.strings("luadLabels"), true, CamScaling::kPublished, "mask.luad.", "." + names[i]);
    masks_of(w, up, image, fields.strings("bcssLabels"), false, CamScaling::kPublished, "mask.bcss.", "." + names[i]);
  }
}

// {backbone, width, size} -> weights.<level>, by_autograd.<level>, ragged.<level> [2, 3, C]: the closed form and the
// shared backward pass against the plain gradient of every logit
void grad_cam_weights(Workspace& w, const Fields& fields) {
  constexpr std::int64_t kClasses = 3;
  Classifier network = make_classifier(fields.string("backbone"), kClasses, fields.number("width"));
  network->initialize(1);
  network->to(at::kDouble);
  network->eval();
  const auto size = fields.integer("size");
  const at::Tensor x = rule_images({"dev-img0", "dev-img1"}, size, size, at::kDouble);
  const auto cams = grad_cam(network, x, {FeatureLevel::kDeep, FeatureLevel::kMiddle, FeatureLevel::kShallow},
                             {{0, 1, 2}, {0, 1, 2}});
  // One patch has one class, the other two.
  const auto ragged =
      grad_cam(network, x, {FeatureLevel::kDeep, FeatureLevel::kMiddle, FeatureLevel::kShallow}, {{2}, {0, 2}});
  Dropout inactive;
  const FeatureLevels features = network->features(x, inactive);
  const at::Tensor logits = network->classify(features.deep, inactive);
  for (std::size_t level = 0; level < cams.size(); ++level) {
    const at::Tensor& feature = features.of(static_cast<FeatureLevel>(level));
    std::vector<at::Tensor> by_class;
    for (std::int64_t k = 0; k < kClasses; ++k) {
      const auto gradient = torch::autograd::grad({logits.select(1, k).sum()}, {feature}, {}, /*retain_graph=*/true);
      by_class.push_back(gradient[0].mean({2, 3}));
    }
    w.set(std::string("weights.") + network->level_names()[level], cams[level].weights);
    w.set(std::string("by_autograd.") + network->level_names()[level], at::stack(by_class, 1));
    w.set(std::string("ragged.") + network->level_names()[level], ragged[level].weights);
  }
}

// raw [K, h, w], image [H, W, 3]; {labels, glass, scaling} -> up, mask.<labels>
void masks_case(Workspace& w, const Fields& fields) {
  const at::Tensor image = w.get("image");
  const at::Tensor up = resize_half_pixel(w.get("raw").unsqueeze(0), image.size(0), image.size(1))[0];
  w.set("up", up);
  const auto scaling = fields.string("scaling") == "published" ? CamScaling::kPublished : CamScaling::kPresent;
  masks_of(w, up, image, fields.strings("labels"), fields.boolean("glass"), scaling, "mask.", "");
}

// cam [K, h, w] rectified, y [K], gt [H, W]; {presentAbove} -> pred [H, W]: the published segmentation straight from
// the CAMs
void cam_segmentation_case(Workspace& w, const Fields& fields) {
  const at::Tensor truth = w.get("gt");
  const at::Tensor present =
      (w.get("y") > static_cast<float>(fields.number("presentAbove"))).to(at::kByte).contiguous();
  const std::int64_t classes = present.size(0), height = truth.size(0), width = truth.size(1);
  const at::Tensor up =
      (resize_half_pixel(w.get("cam").unsqueeze(0), height, width)[0] * present.to(at::kFloat).view({classes, 1, 1}))
          .contiguous();
  at::Tensor prediction = at::empty({height, width}, at::kByte);
  index_mask(up.const_data_ptr<float>(), present.const_data_ptr<std::uint8_t>(), nullptr, classes, height * width,
             CamScaling::kPublished, prediction.data_ptr<std::uint8_t>());
  w.set("pred", at::where(truth == classes, truth, prediction));
}

// image [H, W, 3] -> gray, mask
void glass_case(Workspace& w, const Fields& fields) {
  const at::Tensor image = w.get(fields.string("image")).contiguous();
  const std::int64_t height = image.size(0), width = image.size(1);
  auto grey = grey_values(image.const_data_ptr<std::uint8_t>(), height, width);
  auto glass = glass_mask(image.const_data_ptr<std::uint8_t>(), height, width, GlassRule{});
  w.set("gray", at::from_blob(grey.data(), {height, width}, at::kByte).clone());
  w.set("mask", at::from_blob(glass.data(), {height, width}, at::kByte).clone());
}

// in [h, w]; {H, W} -> out
void resize_case(Workspace& w, const Fields& fields) {
  const at::Tensor in = w.get("in").unsqueeze(0).unsqueeze(0);
  w.set("out", resize_half_pixel(in, fields.integer("H"), fields.integer("W"))[0][0]);
}

// in [H, W, 3]; {radius} -> out
void blur_case(Workspace& w, const Fields& fields) {
  at::Tensor out = w.get("in").clone().contiguous();
  gaussian_blur(out.data_ptr<std::uint8_t>(), out.size(0), out.size(1), fields.number("radius"));
  w.set("out", out);
}

// image [H, W, 3], mask [H, W]; {horizontal, vertical, radius} -> image_out [3, H, W] float32, mask_out [H, W] uint8
void augment_case(Workspace& w, const Fields& fields) {
  const at::Tensor image = w.get("image").contiguous(), mask = w.get("mask").contiguous();
  const std::int64_t height = image.size(0), width = image.size(1);
  AugmentationDraw draw;
  draw.flip_horizontally = fields.boolean("horizontal");
  draw.flip_vertically = fields.boolean("vertical");
  draw.blur_radius = fields.number("radius");
  PatchStore patches(1, height, width, 1);
  std::memcpy(patches.patch(0), image.const_data_ptr<std::uint8_t>(), static_cast<std::size_t>(image.numel()));
  MaskStore masks(1, height, width, 1);
  std::memcpy(masks.mask(0, 0), mask.const_data_ptr<std::uint8_t>(), static_cast<std::size_t>(mask.numel()));
  w.set("image_out", image_batch(patches, {0}, {draw}, at::kFloat, at::kCPU)[0]);
  w.set("mask_out", mask_batch(masks, {0}, {draw}, at::kCPU)[0][0]);
}

}  // namespace

void add_mask_operations(OperationTable& table) {
  table["grad_cam_weights"] = grad_cam_weights;
  table["grad_cam"] = grad_cam_case;
  table["masks"] = masks_case;
  table["cam_segmentation"] = cam_segmentation_case;
  table["glass"] = glass_case;
  table["resize"] = resize_case;
  table["blur"] = blur_case;
  table["augment"] = augment_case;
}

}  // namespace wsss::test
