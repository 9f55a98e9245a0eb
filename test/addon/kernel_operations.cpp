// Test operations that compare our own kernels with ATen's operations and with code for the CPU.

#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "rules.h"
#include "workspace.h"
#include "wsss/classifier/pda.h"
#include "wsss/convolution/affine_launch.h"
#include "wsss/core/libtorch.h"
#include "wsss/dataset/batch.h"
#include "wsss/device/device.h"
#include "wsss/image/enlargement_launch.h"
#include "wsss/segmenter/pixel_loss_sums.h"

namespace wsss::test {

namespace {

at::Tensor normal(at::IntArrayRef shape, std::uint64_t seed, c10::ScalarType dtype) {
  return at::randn(shape, at::detail::createCPUGenerator(seed), at::kDouble).to(dtype);
}

/// Of a result on whatever device, from one on the CPU.
double relative_error(const at::Tensor& got, const at::Tensor& exact) {
  const double scale = exact.to(at::kDouble).abs().max().item<double>();
  const double error = (got.to(at::kCPU, at::kDouble) - exact.to(at::kDouble)).abs().max().item<double>();
  return scale > 0.0 ? error / scale : error;
}

/// Largest difference of a gradient from central differences of a scalar function, in units of its largest value.
template <typename Function>
double numeric_error(const at::Tensor& at_point, const at::Tensor& gradient, Function function) {
  constexpr double kStep = 1e-6;
  at::Tensor numeric = at::empty_like(gradient);
  at::Tensor point = at_point.detach().clone();
  auto* values = point.data_ptr<double>();
  for (std::int64_t i = 0; i < point.numel(); ++i) {
    const double before = values[i];
    values[i] = before + kStep;
    const double above = function(point);
    values[i] = before - kStep;
    const double below = function(point);
    values[i] = before;
    numeric.data_ptr<double>()[i] = (above - below) / (2.0 * kStep);
  }
  return relative_error(gradient, numeric);
}

void set_errors(Workspace& w, const std::vector<double>& errors) { w.set("errors", at::tensor(errors, at::kDouble)); }

// In all of them ours are computed on {device}, and ATen's on the CPU.

// {n, classes, h, w, H, W, levels, background, dtype} -> errors [2 or 3]: sums and gradient against ATen's operations;
// in float64 on the CPU the gradient against differences too
void pixel_loss_case(Workspace& w, const Fields& fields) {
  const auto dtype = dtype_of(fields);
  const c10::Device device = parse_device(fields.string("device"));
  const bool background = fields.string("background") == "fifth-logit";
  const std::int64_t n = fields.integer("n"), classes = fields.integer("classes"), levels = fields.integer("levels");
  const at::Tensor logits = normal({n, classes, fields.integer("h"), fields.integer("w")}, 1, dtype) * 3.0;
  at::Tensor masks = at::randint(0, classes + 1, {levels, n, fields.integer("H"), fields.integer("W")},
                                 at::detail::createCPUGenerator(2), at::kByte);
  // Ignored: what is above K, near it and far from it.
  masks[0][0][0][0] = 255;
  if (masks.size(3) > 2) masks.select(3, 1).fill_(classes + 1);
  const at::Tensor level_weights = normal({levels}, 3, dtype);
  const auto run = [&](const c10::Device& where, auto sums_of) {
    const at::Tensor leaf = logits.to(where).clone().requires_grad_(true);
    const at::Tensor sums = sums_of(leaf, masks.to(where), background);
    sums.dot(level_weights.to(where)).backward();
    return std::vector<at::Tensor>{sums.detach(), leaf.grad()};
  };
  const auto ours = run(device, pixel_loss_sums), theirs = run(at::kCPU, composed_pixel_loss_sums);
  std::vector<double> errors{relative_error(ours[0], theirs[0]), relative_error(ours[1], theirs[1])};
  if (dtype == at::kDouble && device.is_cpu()) {
    errors.push_back(numeric_error(logits, ours[1], [&](const at::Tensor& point) {
      return pixel_loss_sums(point, masks, background).dot(level_weights).template item<double>();
    }));
  }
  set_errors(w, errors);
}

// {n, classes, h, w, gamma, dtype} -> errors [3]: map, gradient of the features and of the class weights
void pda_attention_case(Workspace& w, const Fields& fields) {
  constexpr std::int64_t kChannels = 8;
  const auto dtype = dtype_of(fields);
  const double gamma = fields.number("gamma"), divisor = 3.0;
  const std::int64_t n = fields.integer("n"), classes = fields.integer("classes");
  const at::Tensor features = normal({n, kChannels, fields.integer("h"), fields.integer("w")}, 1, dtype);
  const at::Tensor weights = normal({classes, kChannels, 1, 1}, 2, dtype);
  const auto run = [&](const c10::Device& where, auto map_of) {
    const at::Tensor x = features.to(where).clone().requires_grad_(true);
    const at::Tensor fc = weights.to(where).clone().requires_grad_(true);
    const at::Tensor map = map_of(x, fc);
    (map * normal(map.sizes(), 3, dtype).to(where)).sum().backward();
    return std::vector<at::Tensor>{map.detach(), x.grad(), fc.grad()};
  };
  const auto ours = run(parse_device(fields.string("device")), [&](const at::Tensor& x, const at::Tensor& fc) {
    return pda_map(x, fc, at::scalar_tensor(gamma, x.options()), divisor);
  });
  const auto theirs = run(at::kCPU, [&](const at::Tensor& x, const at::Tensor& fc) {
    return composed_pda_attention(at::conv2d(x, fc), at::scalar_tensor(gamma, x.options()), divisor);
  });
  std::vector<double> errors;
  for (std::size_t i = 0; i < ours.size(); ++i) errors.push_back(relative_error(ours[i], theirs[i]));
  set_errors(w, errors);
}

// {n, channels, h, w, shortcut, activation, dtype} -> errors [3]: output, gradient of the input and of the shortcut
void affine_kernel_case(Workspace& w, const Fields& fields) {
  const c10::ScalarType dtype = fields.string("dtype") == "bfloat16" ? at::kBFloat16 : at::kFloat;
  const std::int64_t channels = fields.integer("channels");
  const std::vector<std::int64_t> shape{fields.integer("n"), channels, fields.integer("h"), fields.integer("w")};
  const auto maps = [&](std::uint64_t seed) {
    return (normal(shape, seed, dtype) * 3.0).contiguous(at::MemoryFormat::ChannelsLast);
  };
  const bool has_shortcut = fields.boolean("shortcut");
  const at::Tensor x = maps(1), more = has_shortcut ? maps(2) : at::Tensor(), gradient = maps(3);
  const at::Tensor scale = normal({channels}, 4, at::kFloat), shift = normal({channels}, 5, at::kFloat);
  const std::map<std::string, Activation> activations{
      {"none", Activation::kNone}, {"relu", Activation::kRelu}, {"relu6", Activation::kRelu6}};
  const Bounds bounds = bounds_of(activations.at(fields.string("activation")));

  const c10::Device device = parse_device(fields.string("device"));
  const at::Tensor own = x.to(device);
  at::Tensor y = at::empty_like(own), of_x = at::empty_like(own),
             of_more = has_shortcut ? at::empty_like(own) : at::Tensor();
  launch_affine(own, scale.to(device), shift.to(device), has_shortcut ? more.to(device) : more, bounds, y);
  launch_affine_gradient(gradient.to(device), y, scale.to(device), bounds, of_x, of_more);

  const at::Tensor scales = scale.view({1, -1, 1, 1});
  at::Tensor exact = x.to(at::kFloat) * scales + shift.view({1, -1, 1, 1});
  if (has_shortcut) exact = exact + more.to(at::kFloat);
  // In bfloat16 an output may be rounded to a bound; the gradient then stops there.
  exact = exact.clamp(bounds.low, bounds.high).to(dtype);
  const at::Tensor inside = at::logical_and(exact > bounds.low, exact < bounds.high);
  const at::Tensor through = gradient.to(at::kFloat).masked_fill(inside.logical_not(), 0.0);
  std::vector<double> errors{relative_error(y, exact), relative_error(of_x, through * scales)};
  if (has_shortcut) errors.push_back(relative_error(of_more, through));
  set_errors(w, errors);
}

// {n, channels, h, w, H, W, dtype} -> errors [1]: the gradient of enlarged maps
void enlargement_gradient_case(Workspace& w, const Fields& fields) {
  const c10::ScalarType dtype = fields.string("dtype") == "bfloat16" ? at::kBFloat16 : at::kFloat;
  const std::int64_t n = fields.integer("n"), channels = fields.integer("channels");
  const std::int64_t height = fields.integer("h"), width = fields.integer("w");
  const at::Tensor gradient = normal({n, channels, fields.integer("H"), fields.integer("W")}, 1, dtype);
  const at::Tensor leaf = at::zeros({n, channels, height, width}, at::kDouble).requires_grad_(true);
  at::upsample_bilinear2d(leaf, {gradient.size(2), gradient.size(3)}, true).backward(gradient.to(at::kDouble));
  const c10::Device device = parse_device(fields.string("device"));
  set_errors(w, {relative_error(launch_enlargement_gradient(gradient.to(device), height, width), leaf.grad())});
}

// {n, height, width} -> same: whether gathering a set makes the bytes that host memory gives, patches and masks
void gathered_case(Workspace& w, const Fields& fields) {
  const std::int64_t n = fields.integer("n"), height = fields.integer("height"), width = fields.integer("width");
  PatchStore patches(n, height, width, 1);
  MaskStore masks(n, height, width, 2);
  const auto fill = [](std::uint8_t* bytes, std::int64_t count, std::uint64_t seed) {
    const at::Tensor random = at::randint(0, 256, {count}, at::detail::createCPUGenerator(seed), at::kByte);
    std::memcpy(bytes, random.const_data_ptr<std::uint8_t>(), static_cast<std::size_t>(count));
  };
  fill(patches.patch(0), n * height * width * 3, 1);
  fill(masks.mask(0, 0), 2 * n * height * width, 2);
  std::vector<std::int64_t> indices;
  std::vector<AugmentationDraw> draws;
  for (std::int64_t i = 0; i < 2 * n; ++i) {
    indices.push_back((i * 7) % n);
    const auto step = static_cast<double>(i);
    AugmentationDraw draw;
    draw.flip_horizontally = i % 2 == 1;
    draw.flip_vertically = i % 4 > 1;
    draw.blur_radius = i % 3 == 0 ? 0.0 : 0.4 * step;
    draw.quarter_turns = i % 4;
    if (i % 5 > 1) draw.scale = 0.6 + 0.15 * step, draw.row_shift = 0.07 * step, draw.column_shift = 0.9 - 0.08 * step;
    if (i % 3 > 0) draw.light = {0.7 + 0.1 * step, 1.3 - 0.05 * step, 0.8 + 0.05 * step, 0.03 * step};
    if (i % 4 > 1) draw.stain = {0.9, 0.05, 1.2, -0.03};
    for (std::int64_t piece = 0; i % 3 == 1 && piece < 4; ++piece) {
      const PieceSite site{piece * height / 4, (piece * 5) % width, 80 + 10 * piece};
      draw.mosaic.push_back({(i + piece) % n, piece % 2 == 1, piece > 1, piece, site});
    }
    draws.push_back(draw);
  }
  std::vector<double> means;
  for (std::size_t i = 0; i < indices.size(); ++i) {
    means.push_back(mean_grey_of(patches.patch(0), indices[i], height * width, draws[i]));
  }
  const at::Tensor images = image_batch(patches, indices, draws, at::kFloat, at::kCPU);
  const c10::Device device = parse_device(fields.string("device"));
  const at::Tensor bytes = gathered_batch(patches.images().to(device), indices, draws, means).to(at::kCPU);
  bool same = at::equal(bytes.permute({0, 3, 1, 2}).to(at::kFloat) / 255.0, images);
  const at::Tensor by_host = mask_batch(masks, indices, draws, at::kCPU);
  for (std::int64_t level = 0; level < 2; ++level) {
    const at::Tensor gathered = gathered_batch(masks.tensor()[level].unsqueeze(-1).to(device), indices, draws);
    same = same && at::equal(gathered.squeeze(-1).to(at::kCPU), by_host[level]);
  }
  w.set("same", at::scalar_tensor(same, at::kBool));
}

}  // namespace

void add_kernel_operations(OperationTable& table) {
  table["pixel_loss"] = pixel_loss_case;
  table["pda_attention"] = pda_attention_case;
  table["affine_kernel"] = affine_kernel_case;
  table["enlargement_gradient"] = enlargement_gradient_case;
  table["gathered"] = gathered_case;
}

}  // namespace wsss::test
