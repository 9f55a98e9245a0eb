#include "wsss/dataset/batch.h"

#include <ATen/ATen.h>
#include <ATen/DeviceAccelerator.h>
#include <ATen/Parallel.h>

#include <cstring>
#include <utility>

#include "wsss/core/random.h"
#include "wsss/image/gaussian_blur.h"
#include "wsss/kernels/augment.h"
#include "wsss/kernels/launch.h"

namespace wsss {

namespace {

enum Lane : std::uint64_t { kHorizontal, kVertical, kBlur, kRadius };

std::int64_t source_index(std::int64_t row, std::int64_t col, std::int64_t height, std::int64_t width,
                          const AugmentationDraw& draw) {
  const std::int64_t source_row = draw.flip_vertically ? height - 1 - row : row;
  const std::int64_t source_col = draw.flip_horizontally ? width - 1 - col : col;
  return source_row * width + source_col;
}

AugmentationDraw draw_at(const std::vector<AugmentationDraw>& draws, std::size_t i) {
  return draws.empty() ? AugmentationDraw{} : draws[i];
}

/// [n, H, W, 3] uint8 -> [n, 3, H, W] in [0, 1], channels-last.
at::Tensor network_input(const at::Tensor& bytes, c10::ScalarType dtype) {
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
  return draw;
}

void augment_patch(const std::uint8_t* rgb, std::int64_t height, std::int64_t width, const AugmentationDraw& draw,
                   std::uint8_t* out) {
  if (!draw.flip_horizontally && !draw.flip_vertically) {
    std::memcpy(out, rgb, static_cast<std::size_t>(height * width * 3));
  } else {
    for (std::int64_t row = 0; row < height; ++row) {
      for (std::int64_t col = 0; col < width; ++col) {
        std::memcpy(out + (row * width + col) * 3, rgb + source_index(row, col, height, width, draw) * 3, 3);
      }
    }
  }
  gaussian_blur(out, height, width, draw.blur_radius);
}

void augment_mask(const std::uint8_t* mask, std::int64_t height, std::int64_t width, const AugmentationDraw& draw,
                  std::uint8_t* out) {
  for (std::int64_t row = 0; row < height; ++row) {
    for (std::int64_t col = 0; col < width; ++col) {
      out[row * width + col] = mask[source_index(row, col, height, width, draw)];
    }
  }
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
      augment_patch(patches.patch(indices[at_i]), patches.height(), patches.width(), draw_at(draws, at_i),
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
      augment_mask(masks.mask(i / n, indices[place]), masks.height(), masks.width(), draw_at(draws, place),
                   out + i * masks.height() * masks.width());
    }
  });
  return sent(batch, device);
}

at::Tensor gathered_batch(const at::Tensor& set, const std::vector<std::int64_t>& indices,
                          const std::vector<AugmentationDraw>& draws) {
  const auto n = static_cast<std::int64_t>(indices.size());
  std::vector<std::int64_t> mirrored;
  std::vector<Box> boxes;
  bool blurs = false;
  for (std::size_t i = 0; i < indices.size(); ++i) {
    const AugmentationDraw draw = draw_at(draws, i);
    mirrored.push_back((draw.flip_horizontally ? 1 : 0) + (draw.flip_vertically ? 2 : 0));
    boxes.push_back(blur_box(draw.blur_radius));
    blurs = blurs || (draw.blur_radius > 0.0 && set.size(3) == BlurPatches::kChannels);
  }
  const at::Tensor index_table = table_on(set.device(), indices), mirror_table = table_on(set.device(), mirrored);
  at::Tensor batch = at::empty({n, set.size(1), set.size(2), set.size(3)}, set.options());
  GatherPatches gather{};
  gather.set = set.const_data_ptr<std::uint8_t>();
  gather.indices = static_cast<const std::int64_t*>(index_table.const_data_ptr());
  gather.mirrored = static_cast<const std::int64_t*>(mirror_table.const_data_ptr());
  gather.height = set.size(1);
  gather.width = set.size(2);
  gather.channels = set.size(3);
  gather.batch = batch.data_ptr<std::uint8_t>();
  launch(gather, n * gather.height * gather.width, set.device());
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
  return network_input(gathered_batch(resident_patches_, indices, draws), dtype_);
}

at::Tensor TrainingBatches::masks(const std::vector<std::int64_t>& indices,
                                  const std::vector<AugmentationDraw>& draws) const {
  if (!resident_masks_.defined()) return mask_batch(*masks_, indices, draws, device_);
  // All levels in one gathering: as if each were a part of a longer set.
  const std::int64_t levels = resident_masks_.size(0), count = resident_masks_.size(1);
  std::vector<std::int64_t> places;
  std::vector<AugmentationDraw> mirrors;
  for (std::int64_t level = 0; level < levels; ++level) {
    for (const auto index : indices) places.push_back(level * count + index);
    mirrors.insert(mirrors.end(), draws.begin(), draws.end());
  }
  const at::Tensor set = resident_masks_.flatten(0, 1).unsqueeze(-1);
  return gathered_batch(set, places, mirrors).view({levels, -1, set.size(1), set.size(2)});
}

}  // namespace wsss
