#include "wsss/dataset/batch.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <cstring>

#include "wsss/core/random.h"
#include "wsss/image/gaussian_blur.h"

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
                  std::int64_t* out) {
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
  at::Tensor bytes = at::empty({n, patches.height(), patches.width(), 3}, at::kByte);
  auto* out = bytes.data_ptr<std::uint8_t>();
  at::parallel_for(0, n, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const auto at_i = static_cast<std::size_t>(i);
      augment_patch(patches.patch(indices[at_i]), patches.height(), patches.width(), draw_at(draws, at_i),
                    out + i * bytes_per_patch);
    }
  });
  // Bytes travel to the device, floats are made there.
  return bytes.to(device)
      .permute({0, 3, 1, 2})
      .to(at::kFloat, false, false, at::MemoryFormat::ChannelsLast)
      .div_(255.0)
      .to(dtype);
}

at::Tensor label_batch(const PatchStore& patches, const std::vector<std::int64_t>& indices, c10::ScalarType dtype,
                       const c10::Device& device) {
  return patches.label_matrix().index_select(0, at::tensor(indices, at::kLong)).to(device, dtype);
}

at::Tensor mask_batch(const MaskStore& masks, std::int64_t level, const std::vector<std::int64_t>& indices,
                      const std::vector<AugmentationDraw>& draws, const c10::Device& device) {
  const auto n = static_cast<std::int64_t>(indices.size());
  at::Tensor batch = at::empty({n, masks.height(), masks.width()}, at::kLong);
  auto* out = batch.data_ptr<std::int64_t>();
  for (std::size_t i = 0; i < indices.size(); ++i) {
    augment_mask(masks.mask(level, indices[i]), masks.height(), masks.width(), draw_at(draws, i),
                 out + static_cast<std::int64_t>(i) * masks.height() * masks.width());
  }
  return batch.to(device);
}

}  // namespace wsss
