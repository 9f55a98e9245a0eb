#include "wsss/fused_block/fused_block.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>

#include "wsss/fused_block/band_work.h"

namespace wsss {

namespace {

/// What the maps inside a block may take: less than the second cache of a core has where it was measured, 2 MiB.
constexpr std::int64_t kCacheBytes = 768 << 10;
/// Pixels that are worth a thread of their own.
constexpr std::int64_t kPixelsOfAThread = 56;

/// Maps whose channels fill whole vectors, channels-last: [N, C, H, W] of which each pixel has that many values.
at::Tensor in_whole_vectors(const at::Tensor& x) {
  const std::int64_t channels = x.size(1);
  const std::int64_t whole = vectors_of(channels) * kLanes;
  if (whole == channels) return x.contiguous(at::MemoryFormat::ChannelsLast);
  const at::IntArrayRef strides = x.strides();
  const bool is_ours = strides[1] == 1 && strides[3] == whole && strides[2] == x.size(3) * whole &&
                       strides[0] == x.size(2) * strides[2] && x.storage_offset() == 0 &&
                       static_cast<std::int64_t>(x.storage().nbytes() / x.element_size()) >= x.size(0) * strides[0];
  if (is_ours) return x;
  return at::constant_pad_nd(x, {0, 0, 0, 0, 0, whole - channels}).contiguous(at::MemoryFormat::ChannelsLast);
}

/// The maps of one call, image by image.
template <typename T>
struct Images {
  const T* in;
  T* out;
  std::int64_t in_size, out_size;

  const T* in_of(std::int64_t image) const { return in + image * in_size; }
  T* out_of(std::int64_t image) const { return out + image * out_size; }
};

/// Rows of a band: as many of `height` as fit the cache.
template <typename T>
std::int64_t rows_of_a_band(const BlockSizes& sizes, std::int64_t height) {
  const auto fits = [&](std::int64_t rows, bool goes_on) {
    const std::int64_t filtered = sizes.hidden_vectors * sizes.filtered_vector(rows);
    return BandWork<T>::floats(sizes, rows, goes_on) * static_cast<std::int64_t>(sizeof(float)) +
               filtered * static_cast<std::int64_t>(sizeof(T)) <=
           kCacheBytes;
  };
  if (fits(height, /*goes_on=*/false)) return height;
  std::int64_t rows = 1;
  while (rows < height && fits(rows + 1, /*goes_on=*/true)) ++rows;
  return rows;
}

/// Memory for the filtered maps of so many rows.
at::Tensor room_for(const PackedBlock& block, const BlockSizes& sizes, std::int64_t rows) {
  return at::empty({sizes.hidden_vectors * sizes.filtered_vector(rows)}, block.type);
}

/// Each thread by itself on some rows of some images, band after band.
///
/// @param parts  of an image; rows that two parts read are expanded for both.
template <typename T>
void work_by_rows(const PackedBlock& block, const BlockSizes& sizes, const Images<T>& images, RowBand which,
                  std::int64_t parts) {
  const std::int64_t height = (sizes.out_height + parts - 1) / parts;
  const std::int64_t rows = rows_of_a_band<T>(sizes, height);
  at::parallel_for(which.begin * parts, which.end * parts, 1, [&](std::int64_t first, std::int64_t last) {
    BandWork<T> work(block, sizes, rows, /*goes_on=*/rows < height);
    const at::Tensor room = room_for(block, sizes, rows);
    for (std::int64_t unit = first; unit < last; ++unit) {
      const T* in = images.in_of(unit / parts);
      const std::int64_t end = std::min((unit % parts + 1) * height, sizes.out_height);
      for (std::int64_t row = unit % parts * height; row < end; row += rows) {
        const RowBand band{row, std::min(row + rows, end)};
        const FilteredMaps<T> filtered{room.data_ptr<T>(), row, rows};
        work.start(band);
        for (std::int64_t chunk = 0; chunk < sizes.chunks(); ++chunk) work.filter(chunk, in, filtered);
        project(block, sizes, filtered, 0, band.rows() * sizes.out_width, in, images.out_of(unit / parts));
      }
    }
  });
}

/// Bands of an image that threads share: as few as give all of them the same to do, or nearly so.
std::int64_t shared_bands(const BlockSizes& sizes) {
  constexpr std::int64_t kNearly = 8;
  const std::int64_t threads = at::get_num_threads();
  const bool is_even = sizes.chunks() % threads == 0 || sizes.chunks() >= kNearly * threads;
  return is_even ? 1 : std::min(threads, sizes.out_height);
}

/// All threads on one image: first each some hidden channels of a band, then each some pixels.
template <typename T>
void work_by_channel(const PackedBlock& block, const BlockSizes& sizes, const Images<T>& images, std::int64_t image) {
  const std::int64_t height = sizes.out_height;
  const std::int64_t chunks = sizes.chunks();
  const std::int64_t bands = shared_bands(sizes);
  const std::int64_t rows = (height + bands - 1) / bands;
  const at::Tensor room = room_for(block, sizes, height);
  const FilteredMaps<T> filtered{room.data_ptr<T>(), 0, height};
  at::parallel_for(0, bands * chunks, 1, [&](std::int64_t first, std::int64_t last) {
    BandWork<T> work(block, sizes, rows, /*goes_on=*/false);
    for (std::int64_t part = first; part < last; ++part) {
      const RowBand band{std::min(part / chunks * rows, height), std::min((part / chunks + 1) * rows, height)};
      if (band.rows() == 0) continue;
      if (part == first || part % chunks == 0) work.start(band);
      work.filter(part % chunks, images.in_of(image), filtered);
    }
  });
  at::parallel_for(0, height * sizes.out_width, kPixelsOfAThread, [&](std::int64_t first, std::int64_t last) {
    project(block, sizes, filtered, first, last, images.in_of(image), images.out_of(image));
  });
}

/// Whether what parts of an image expand twice is little beside what each has to do.
bool may_be_parted(const BlockSizes& sizes, std::int64_t parts) {
  constexpr std::int64_t kTimesAsMany = 10;
  return sizes.height / parts >= kTimesAsMany * (sizes.reach - 1);
}

template <typename T>
void work_on(const PackedBlock& block, const BlockSizes& sizes, const at::Tensor& maps, const at::Tensor& out) {
  const std::int64_t count = maps.size(0);
  const Images<T> images{maps.const_data_ptr<T>(), out.data_ptr<T>(), sizes.height * sizes.width * sizes.in_pixel,
                         sizes.out_height * sizes.out_width * sizes.out_pixel};
  const std::int64_t threads = at::get_num_threads();
  const std::int64_t whole = count - count % threads;
  work_by_rows(block, sizes, images, {0, whole}, /*parts=*/1);
  if (may_be_parted(sizes, threads)) {
    work_by_rows(block, sizes, images, {whole, count}, /*parts=*/threads);
  } else {
    for (std::int64_t image = whole; image < count; ++image) work_by_channel(block, sizes, images, image);
  }
}

}  // namespace

bool takes_fused_block(const at::Tensor& x, const BlockShape& shape) {
  return x.is_cpu() && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16) &&
         (shape.kernel == 3 || shape.kernel == 5) && (shape.stride == 1 || shape.stride == 2);
}

at::Tensor fused_block(const at::Tensor& x, const PackedBlock& block) {
  const at::Tensor maps = in_whole_vectors(x);
  const BlockSizes sizes(block.shape, x.size(2), x.size(3));
  const at::Tensor out = at::empty({x.size(0), sizes.out_pixel, sizes.out_height, sizes.out_width},
                                   x.options().memory_format(at::MemoryFormat::ChannelsLast));
  if (block.type == at::kBFloat16) {
    work_on<c10::BFloat16>(block, sizes, maps, out);
  } else {
    work_on<float>(block, sizes, maps, out);
  }
  return out.narrow(1, 0, block.shape.out);
}

}  // namespace wsss
