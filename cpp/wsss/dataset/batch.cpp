#include "wsss/dataset/batch.h"

#include <ATen/ATen.h>
#include <ATen/DeviceAccelerator.h>
#include <ATen/Parallel.h>

#include <cmath>
#include <cstring>
#include <utility>

#include "wsss/core/random.h"
#include "wsss/image/gaussian_blur.h"
#include "wsss/kernels/augment.h"
#include "wsss/kernels/launch.h"

namespace wsss {

namespace {

/// New ones come last: the draws of before stay what they are.
enum Lane : std::uint64_t {
  kHorizontal,
  kVertical,
  kBlur,
  kRadius,
  kTurn,
  kTurns,
  kScale,
  kRowShift,
  kColumnShift,
  kBrightness,
  kContrast,
  kSaturation,
  kHue,
  kHaematoxylin,
  kHaematoxylinShift,
  kEosin,
  kEosinShift
};

std::int64_t place_of(double pixels) { return std::llround(std::ldexp(pixels, kPlaceShift)); }

PatchGeometry geometry_of(const AugmentationDraw& draw, std::int64_t height, std::int64_t width) {
  PatchGeometry geometry{};
  geometry.flips_horizontally = draw.flip_horizontally;
  geometry.flips_vertically = draw.flip_vertically;
  geometry.quarter_turns = height == width ? draw.quarter_turns : draw.quarter_turns & 2;
  geometry.scales = draw.scale != 1.0;
  if (!geometry.scales) return geometry;
  const double step = 1.0 / draw.scale;
  // The first pixel's middle, in a cut that lies inside the patch, or around it where tissue is reduced.
  const auto start = [&](std::int64_t length, double shift) {
    return place_of(shift * static_cast<double>(length) * (1.0 - step) + 0.5 * step - 0.5);
  };
  geometry.row_step = geometry.column_step = place_of(step);
  geometry.row_start = start(height, draw.row_shift);
  geometry.column_start = start(width, draw.column_shift);
  return geometry;
}

bool is_as_it_was(const PatchGeometry& geometry) {
  return !geometry.flips_horizontally && !geometry.flips_vertically && geometry.quarter_turns == 0 && !geometry.scales;
}

/// What a drawn patch is gathered from.
std::vector<BatchPiece> pieces_of(std::int64_t index, const AugmentationDraw& draw, std::int64_t height,
                                  std::int64_t width) {
  if (draw.mosaic.empty()) return {{index, geometry_of(draw, height, width), {}}};
  std::vector<BatchPiece> pieces;
  AugmentationDraw own = draw;
  for (const MosaicPiece& piece : draw.mosaic) {
    own.flip_horizontally = piece.flip_horizontally;
    own.flip_vertically = piece.flip_vertically;
    own.quarter_turns = piece.quarter_turns;
    pieces.push_back({piece.patch, geometry_of(own, height, width), piece.site});
  }
  return pieces;
}

/// One patch or mask of a set of `channels`, in its geometry or that of its pieces.
void gather(const std::uint8_t* set, std::int64_t index, std::int64_t height, std::int64_t width, std::int64_t channels,
            const AugmentationDraw& draw, std::uint8_t* to) {
  const auto pieces = pieces_of(index, draw, height, width);
  if (pieces.size() == 1 && is_as_it_was(pieces.front().geometry)) {
    const std::int64_t bytes = height * width * channels;
    std::memcpy(to, set + pieces.front().index * bytes, static_cast<std::size_t>(bytes));
    return;
  }
  for (std::int64_t row = 0; row < height; ++row) {
    for (std::int64_t column = 0; column < width; ++column) {
      gather_from_pieces(pieces.data(), static_cast<std::int64_t>(pieces.size()), row, column, height, width, channels,
                         set, to + (row * width + column) * channels);
    }
  }
}

/// What becomes of a patch's colours; its mean grey is asked for where the contrast changes.
template <typename MeanGrey>
Recolouring recolouring_of_draw(const AugmentationDraw& draw, const MeanGrey& mean) {
  return recolouring_of(draw.light, draw.stain, draw.light.contrast == 1.0 ? 0.0 : mean());
}

AugmentationDraw draw_at(const std::vector<AugmentationDraw>& draws, std::size_t i) {
  return draws.empty() ? AugmentationDraw{} : draws[i];
}

/// [n, H, W, 3] uint8 -> [n, 3, H, W] in [0, 1], channels-last; of dtype uint8 the bytes as they are.
at::Tensor network_input(const at::Tensor& bytes, c10::ScalarType dtype) {
  if (dtype == at::kByte) return bytes.permute({0, 3, 1, 2});
  return bytes.permute({0, 3, 1, 2}).to(at::kFloat, false, false, at::MemoryFormat::ChannelsLast).div_(255.0).to(dtype);
}

/// Copies to a device without waiting for what the device is doing.
at::Tensor sent(const at::Tensor& tensor, const c10::Device& device) {
  return tensor.to(tensor.options().device(device), /*non_blocking=*/true);
}

/// Host memory that a device can read by itself.
at::Tensor staging(at::IntArrayRef shape, const c10::Device& device) {
  return at::empty(shape, at::TensorOptions(at::kByte).pinned_memory(device.is_cuda()));
}

/// The rows of a small table on a device.
template <typename T>
at::Tensor table_on(const c10::Device& device, const std::vector<T>& rows) {
  const auto bytes = static_cast<std::int64_t>(rows.size() * sizeof(T));
  at::Tensor table = staging({bytes}, device);
  std::memcpy(table.data_ptr<std::uint8_t>(), rows.data(), static_cast<std::size_t>(bytes));
  return sent(table, device);
}

/// Changes the colours of [n, H, W, 3] uint8 in place, where it lies.
void recolour_batch(const at::Tensor& batch, const std::vector<Recolouring>& each) {
  const DensityTables host = density_tables();
  const c10::Device device = batch.device();
  const at::Tensor table = table_on(device, each);
  const at::Tensor density = table_on(device, std::vector<std::int32_t>(host.density, host.density + 256));
  const at::Tensor value = table_on(device, std::vector<std::uint8_t>(host.value, host.value + kLargestDensity + 1));
  RecolourPatches recolouring{};
  recolouring.batch = batch.data_ptr<std::uint8_t>();
  recolouring.each = static_cast<const Recolouring*>(table.const_data_ptr());
  recolouring.area = batch.size(1) * batch.size(2);
  recolouring.tables = {static_cast<const std::int32_t*>(density.const_data_ptr()),
                        value.const_data_ptr<std::uint8_t>()};
  launch(recolouring, batch.size(0) * recolouring.area, device);
}

/// Whether a set is no burden to a CUDA device with our kernels: the training itself needs the memory.
bool has_room(const c10::Device& device, std::int64_t bytes) {
  constexpr std::size_t kShare = 8;
  if (!device.is_cuda() || !can_launch(device)) return false;
  const auto [free, total] = at::accelerator::getMemoryInfo(device.index());
  return static_cast<std::size_t>(bytes) * kShare < free;
}

}  // namespace

AugmentationDraw draw_augmentation(const Augmentation& augmentation, std::uint64_t seed, std::int64_t epoch,
                                   std::int64_t patch) {
  const auto unit = [&](Lane lane) {
    const auto position = (static_cast<std::uint64_t>(epoch) << 40) + static_cast<std::uint64_t>(patch);
    return random_unit(seed, RandomPurpose::kAugment, position, lane);
  };
  AugmentationDraw draw;
  draw.flip_horizontally = unit(kHorizontal) < augmentation.horizontal_flip;
  draw.flip_vertically = unit(kVertical) < augmentation.vertical_flip;
  if (unit(kBlur) < augmentation.blur) draw.blur_radius = unit(kRadius);
  if (unit(kTurn) < augmentation.quarter_turns) draw.quarter_turns = 1 + static_cast<std::int64_t>(3.0 * unit(kTurns));
  if (augmentation.scale_min != 1.0 || augmentation.scale_max != 1.0) {
    draw.scale = augmentation.scale_min * std::pow(augmentation.scale_max / augmentation.scale_min, unit(kScale));
    draw.row_shift = unit(kRowShift);
    draw.column_shift = unit(kColumnShift);
  }
  const auto about = [&](double middle, double width, Lane lane) {
    return width == 0.0 ? middle : middle + width * (2.0 * unit(lane) - 1.0);
  };
  draw.light.brightness = about(1.0, augmentation.brightness, kBrightness);
  draw.light.contrast = about(1.0, augmentation.contrast, kContrast);
  draw.light.saturation = about(1.0, augmentation.saturation, kSaturation);
  draw.light.hue = about(0.0, augmentation.hue, kHue);
  draw.stain.haematoxylin = about(1.0, augmentation.stain, kHaematoxylin);
  draw.stain.haematoxylin_shift = about(0.0, augmentation.stain, kHaematoxylinShift);
  draw.stain.eosin = about(1.0, augmentation.stain, kEosin);
  draw.stain.eosin_shift = about(0.0, augmentation.stain, kEosinShift);
  return draw;
}

double mean_grey_of(const std::uint8_t* set, std::int64_t index, std::int64_t pixels, const AugmentationDraw& draw) {
  if (draw.mosaic.empty()) return mean_grey(set + index * pixels * 3, pixels);
  double sum = 0.0;
  for (const MosaicPiece& piece : draw.mosaic) sum += mean_grey(set + piece.patch * pixels * 3, pixels);
  return sum / static_cast<double>(draw.mosaic.size());
}

void augment_patch(const std::uint8_t* set, std::int64_t index, std::int64_t height, std::int64_t width,
                   const AugmentationDraw& draw, std::uint8_t* out) {
  gather(set, index, height, width, 3, draw, out);
  const Recolouring how = recolouring_of_draw(draw, [&] { return mean_grey_of(set, index, height * width, draw); });
  if (how.changes_stain || how.changes_light) {
    const DensityTables tables = density_tables();
    for (std::int64_t pixel = 0; pixel < height * width; ++pixel) recolour(how, tables, out + pixel * 3);
  }
  gaussian_blur(out, height, width, draw.blur_radius);
}

void augment_mask(const std::uint8_t* set, std::int64_t index, std::int64_t height, std::int64_t width,
                  const AugmentationDraw& draw, std::uint8_t* out) {
  gather(set, index, height, width, 1, draw, out);
}

at::Tensor image_batch(const PatchStore& patches, const std::vector<std::int64_t>& indices,
                       const std::vector<AugmentationDraw>& draws, c10::ScalarType dtype, const c10::Device& device) {
  const auto n = static_cast<std::int64_t>(indices.size());
  const auto bytes_per_patch = patches.height() * patches.width() * 3;
  at::Tensor bytes = staging({n, patches.height(), patches.width(), 3}, device);
  auto* out = bytes.data_ptr<std::uint8_t>();
  at::parallel_for(0, n, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const auto at_i = static_cast<std::size_t>(i);
      augment_patch(patches.patch(0), indices[at_i], patches.height(), patches.width(), draw_at(draws, at_i),
                    out + i * bytes_per_patch);
    }
  });
  // Bytes travel to the device, floats are made there.
  return network_input(sent(bytes, device), dtype);
}

at::Tensor label_batch(const PatchStore& patches, const std::vector<std::int64_t>& indices, c10::ScalarType dtype,
                       const c10::Device& device) {
  at::Tensor labels = staging({static_cast<std::int64_t>(indices.size()), patches.class_count()}, device);
  at::index_select_out(labels, patches.label_matrix(), 0, at::tensor(indices, at::kLong));
  return sent(labels, device).to(dtype);
}

at::Tensor mask_batch(const MaskStore& masks, const std::vector<std::int64_t>& indices,
                      const std::vector<AugmentationDraw>& draws, const c10::Device& device) {
  const auto n = static_cast<std::int64_t>(indices.size());
  at::Tensor batch = staging({masks.level_count(), n, masks.height(), masks.width()}, device);
  auto* out = batch.data_ptr<std::uint8_t>();
  at::parallel_for(0, masks.level_count() * n, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const auto place = static_cast<std::size_t>(i % n);
      augment_mask(masks.mask(i / n, 0), indices[place], masks.height(), masks.width(), draw_at(draws, place),
                   out + i * masks.height() * masks.width());
    }
  });
  return sent(batch, device);
}

at::Tensor gathered_batch(const at::Tensor& set, const std::vector<std::int64_t>& indices,
                          const std::vector<AugmentationDraw>& draws, const std::vector<double>& mean_greys) {
  const auto n = static_cast<std::int64_t>(indices.size());
  const bool has_colours = set.size(3) == BlurPatches::kChannels;
  std::vector<BatchPiece> pieces;
  std::vector<std::int64_t> first{0};
  std::vector<Recolouring> recolourings;
  std::vector<Box> boxes;
  bool blurs = false, recolours = false;
  for (std::size_t i = 0; i < indices.size(); ++i) {
    const AugmentationDraw draw = draw_at(draws, i);
    const auto own = pieces_of(indices[i], draw, set.size(1), set.size(2));
    pieces.insert(pieces.end(), own.begin(), own.end());
    first.push_back(static_cast<std::int64_t>(pieces.size()));
    boxes.push_back(blur_box(draw.blur_radius));
    if (has_colours) recolourings.push_back(recolouring_of_draw(draw, [&] { return mean_greys.at(i); }));
    blurs = blurs || (draw.blur_radius > 0.0 && has_colours);
    recolours = recolours || (has_colours && (recolourings[i].changes_stain || recolourings[i].changes_light));
  }
  const at::Tensor piece_table = table_on(set.device(), pieces), first_table = table_on(set.device(), first);
  at::Tensor batch = at::empty({n, set.size(1), set.size(2), set.size(3)}, set.options());
  GatherPatches gather{};
  gather.set = set.const_data_ptr<std::uint8_t>();
  gather.pieces = static_cast<const BatchPiece*>(piece_table.const_data_ptr());
  gather.first = static_cast<const std::int64_t*>(first_table.const_data_ptr());
  gather.height = set.size(1);
  gather.width = set.size(2);
  gather.channels = set.size(3);
  gather.batch = batch.data_ptr<std::uint8_t>();
  launch(gather, n * gather.height * gather.width, set.device());
  if (recolours) recolour_batch(batch, recolourings);
  if (!blurs) return batch;

  const at::Tensor box_table = table_on(set.device(), boxes);
  at::Tensor other = at::empty_like(batch);
  for (const bool along_rows : {true, false}) {
    for (int pass = 0; pass < kBlurPasses; ++pass) {
      const BlurPatches blur{batch.const_data_ptr<std::uint8_t>(),
                             static_cast<const Box*>(box_table.const_data_ptr()),
                             gather.height,
                             gather.width,
                             along_rows,
                             other.data_ptr<std::uint8_t>()};
      launch(blur, batch.numel(), set.device());
      std::swap(batch, other);
    }
  }
  return batch;
}

at::Tensor gathered_levels(const at::Tensor& set, const std::vector<std::int64_t>& indices,
                           const std::vector<AugmentationDraw>& draws) {
  // As if each level were a part of a longer set.
  const std::int64_t levels = set.size(0), count = set.size(1);
  std::vector<std::int64_t> places;
  std::vector<AugmentationDraw> of_level;
  for (std::int64_t level = 0; level < levels; ++level) {
    for (const auto index : indices) places.push_back(level * count + index);
    for (AugmentationDraw draw : draws) {
      for (MosaicPiece& piece : draw.mosaic) piece.patch += level * count;
      of_level.push_back(std::move(draw));
    }
  }
  return gathered_batch(set.flatten(0, 1).unsqueeze(-1), places, of_level).view({levels, -1, set.size(2), set.size(3)});
}

TrainingBatches::TrainingBatches(const PatchStore& patches, const MaskStore* masks, c10::ScalarType dtype,
                                 const c10::Device& device)
    : patches_(patches), masks_(masks), dtype_(dtype), device_(device) {
  const std::int64_t mask_bytes = masks == nullptr ? 0 : masks->tensor().numel();
  if (!has_room(device, patches.images().numel() + mask_bytes)) return;
  resident_patches_ = patches.images().to(device);
  if (masks != nullptr) resident_masks_ = masks->tensor().to(device);
}

at::Tensor TrainingBatches::images(const std::vector<std::int64_t>& indices,
                                   const std::vector<AugmentationDraw>& draws) const {
  if (!resident_patches_.defined()) return image_batch(patches_, indices, draws, dtype_, device_);
  std::vector<double> means;
  for (std::size_t i = 0; i < indices.size(); ++i) {
    const AugmentationDraw draw = draw_at(draws, i);
    const bool asks = draw.light.contrast != 1.0;
    const std::int64_t pixels = patches_.height() * patches_.width();
    means.push_back(asks ? mean_grey_of(patches_.patch(0), indices[i], pixels, draw) : 0.0);
  }
  return network_input(gathered_batch(resident_patches_, indices, draws, means), dtype_);
}

at::Tensor TrainingBatches::masks(const std::vector<std::int64_t>& indices,
                                  const std::vector<AugmentationDraw>& draws) const {
  if (!resident_masks_.defined()) return mask_batch(*masks_, indices, draws, device_);
  return gathered_levels(resident_masks_, indices, draws);
}

}  // namespace wsss
