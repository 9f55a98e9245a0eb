#include "wsss/slide/slide.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <exception>
#include <mutex>
#include <thread>

#include "wsss/core/error.h"
#include "wsss/slide/resample.h"
#include "wsss/slide/start_thread.h"
#include "wsss/slide/unreadable_region.h"

namespace wsss {

namespace {

/// A level may be so much coarser than what is asked for: scanners' factors are not whole (2.0005 for 2).
constexpr double kLevelTolerance = 1.02;
/// Side of the source blocks that a region is read in, in px of their level.
constexpr double kBlockSide = 2048.0;
/// Source px per target px from which on a region is read in two steps: a filter over so many would need vast blocks.
constexpr double kMostAtOnce = 64.0;
/// Smallest side of a damaged region, in px of its level.
constexpr std::int64_t kDamageSide = 64;
/// Side of the picture by which a reduced level is compared with the one below it, in px.
constexpr std::int64_t kCompared = 32;
/// Mean difference, in grey levels, from which on a reduced level shows something else.
constexpr double kDifferent = 24.0;

std::unique_ptr<SlideSource> open_source(const SlideOpening& opening) {
  if (!opening.openslide.empty()) {
    auto source = open_with_openslide(opening.path, opening.openslide, opening.cache_bytes);
    if (source != nullptr) return source;
  }
  if (opening.vips.empty()) {
    throw Error(ErrorCode::kDataset, "slide " + opening.path + " is none that OpenSlide reads",
                {{"path", opening.path}});
  }
  return open_with_vips(opening.path, opening.vips);
}

/// Target px that are read at once along an axis.
std::int64_t tile_side(double factor) {
  return std::max<std::int64_t>(1, static_cast<std::int64_t>((kBlockSide - 2.0 * AxisWeights::reach(factor)) / factor));
}

/// Where to part an interval so that its parts end between cells of kDamageSide, as tiles do; its end if it lies in
/// one.
std::int64_t middle_of(std::int64_t begin, std::int64_t end) {
  const auto cell = [](std::int64_t px) {
    return static_cast<std::int64_t>(std::floor(static_cast<double>(px) / static_cast<double>(kDamageSide)));
  };
  const std::int64_t first = cell(begin);
  const std::int64_t last = cell(end - 1);
  return first == last ? end : (first + (last - first + 1) / 2) * kDamageSide;
}

/// The scale for which level_for() answers with the next finer level.
double just_below(double downsample) { return downsample / kLevelTolerance / 1.0001; }

}  // namespace

Slide::Slide(const SlideOpening& opening)
    : source_(open_source(opening)), damaged_(opening.damaged), usable_(facts().levels.size(), false) {
  for (std::size_t level = 0; level < usable_.size(); ++level) {
    usable_[level] = level == 0 || agrees_with_finer(level);
  }
}

bool Slide::agrees_with_finer(std::size_t level) const {
  const SlideLevel& size = facts().levels[level];
  SlideRegion middle;
  middle.scale_x = middle.scale_y = 4.0 * size.downsample;  // Blurred, as programs reduce in different ways.
  middle.width = middle.height = kCompared;
  middle.x = static_cast<double>(width()) / 2.0 - middle.scale_x * kCompared / 2.0;
  middle.y = static_cast<double>(height()) / 2.0 - middle.scale_y * kCompared / 2.0;
  std::vector<std::uint8_t> here(static_cast<std::size_t>(kCompared * kCompared * 3));
  std::vector<std::uint8_t> finer(here.size());
  try {
    read_from(level, middle, here.data(), kCompared * 3);
    read_from(level_for(just_below(size.downsample)), middle, finer.data(), kCompared * 3);
  } catch (const Error& error) {
    if (!is_damage(error)) throw;
    return false;
  }
  double difference = 0.0;
  for (std::size_t i = 0; i < here.size(); ++i) difference += std::abs(int{here[i]} - int{finer[i]});
  return difference / static_cast<double>(here.size()) < kDifferent;
}

std::size_t Slide::level_for(double scale) const {
  std::size_t best = 0;
  for (std::size_t i = 1; i < usable_.size(); ++i) {
    if (usable_[i] && facts().levels[i].downsample <= scale * kLevelTolerance) best = i;
  }
  return best;
}

void Slide::read(const SlideRegion& region, std::uint8_t* rgb, const StopCheck& check) const {
  const std::size_t level = level_for(std::min(region.scale_x, region.scale_y));
  const double downsample = facts().levels[level].downsample;
  const double largest = std::max(region.scale_x, region.scale_y) / downsample;
  if (largest > kMostAtOnce) {
    read_in_steps(region, static_cast<std::int64_t>(std::ceil(2.0 * largest / kMostAtOnce)), rgb, check);
    return;
  }
  const std::int64_t tile_height = tile_side(region.scale_y / downsample);
  const std::int64_t tile_width = tile_side(region.scale_x / downsample);
  const std::int64_t stride = region.width * 3;
  for (std::int64_t top = 0; top < region.height; top += tile_height) {
    for (std::int64_t left = 0; left < region.width; left += tile_width) {
      check();
      SlideRegion tile = region;
      tile.x += static_cast<double>(left) * region.scale_x;
      tile.y += static_cast<double>(top) * region.scale_y;
      tile.width = std::min(tile_width, region.width - left);
      tile.height = std::min(tile_height, region.height - top);
      read_tile(level, tile, rgb + top * stride + left * 3, stride);
    }
  }
}

/// Reads a region that is finer by a whole factor, part by part, and takes the mean of each block.
void Slide::read_in_steps(const SlideRegion& region, std::int64_t steps, std::uint8_t* rgb,
                          const StopCheck& check) const {
  const auto side = std::max<std::int64_t>(1, static_cast<std::int64_t>(kBlockSide) / steps);
  const auto times = static_cast<double>(steps);
  std::vector<std::uint8_t> finer;
  for (std::int64_t top = 0; top < region.height; top += side) {
    for (std::int64_t left = 0; left < region.width; left += side) {
      const std::int64_t rows = std::min(side, region.height - top);
      const std::int64_t columns = std::min(side, region.width - left);
      SlideRegion part = region;
      part.x += static_cast<double>(left) * region.scale_x;
      part.y += static_cast<double>(top) * region.scale_y;
      part.scale_x /= times;
      part.scale_y /= times;
      part.width = columns * steps;
      part.height = rows * steps;
      finer.resize(static_cast<std::size_t>(part.width * part.height * 3));
      read(part, finer.data(), check);
      for (std::int64_t y = 0; y < rows; ++y) {
        for (std::int64_t x = 0; x < columns * 3; ++x) {
          std::int64_t sum = 0;
          for (std::int64_t row = 0; row < steps; ++row) {
            const std::uint8_t* from = finer.data() + ((y * steps + row) * part.width + x / 3 * steps) * 3 + x % 3;
            for (std::int64_t column = 0; column < steps; ++column) sum += from[3 * column];
          }
          const std::int64_t count = steps * steps;
          rgb[((top + y) * region.width + left) * 3 + x] = static_cast<std::uint8_t>((2 * sum + count) / (2 * count));
        }
      }
    }
  }
}

void Slide::read_tile(std::size_t level, const SlideRegion& tile, std::uint8_t* rgb, std::int64_t stride) const {
  if (level > 0) {
    try {
      read_from(level, tile, rgb, stride);
      return;
    } catch (const Error& error) {
      if (!is_damage(error)) throw;
    }
    // What a reduced level has lost, a finer one may still have.
    read_tile(level_for(just_below(facts().levels[level].downsample)), tile, rgb, stride);
    return;
  }
  read_from(level, tile, rgb, stride);
}

void Slide::read_from(std::size_t level, const SlideRegion& region, std::uint8_t* rgb, std::int64_t stride) const {
  const double downsample = facts().levels[level].downsample;
  const double factor_x = region.scale_x / downsample;
  const double factor_y = region.scale_y / downsample;
  const double x = region.x / downsample;
  const double y = region.y / downsample;
  const auto first = [](double start, double factor) {
    return static_cast<std::int64_t>(std::floor(start - AxisWeights::reach(factor)));
  };
  const auto extent = [&](double start, double factor, std::int64_t count) {
    const double end = start + static_cast<double>(count) * factor + AxisWeights::reach(factor);
    return static_cast<std::int64_t>(std::ceil(end)) - first(start, factor);
  };
  const SlideBlock block = read_block(level, first(x, factor_x), first(y, factor_y), extent(x, factor_x, region.width),
                                      extent(y, factor_y, region.height));
  const AxisWeights across(x - block.x, factor_x, region.width, block.width);
  const AxisWeights down(y - block.y, factor_y, region.height, block.height);
  resample(block.rgb.data(), block.width, across, down, rgb, stride);
}

SlideBlock Slide::read_block(std::size_t level, std::int64_t x, std::int64_t y, std::int64_t width,
                             std::int64_t height) const {
  const SlideLevel& size = facts().levels[level];
  if (x >= size.width || y >= size.height || x + width <= 0 || y + height <= 0) {
    return background_block(x, y, width, height);
  }
  if (level > 0 || damaged_ == DamagedPixels::kRefused) return source_->read(level, x, y, width, height);
  try {
    return source_->read(level, x, y, width, height);
  } catch (const Error& error) {
    if (!is_damage(error)) throw;
  }
  SlideBlock block = background_block(x, y, width, height);
  fill_what_can_be_read(level, block, x, y, x + width, y + height);
  return block;
}

void Slide::fill_what_can_be_read(std::size_t level, SlideBlock& block, std::int64_t left, std::int64_t top,
                                  std::int64_t right, std::int64_t bottom) const {
  if (left >= right || top >= bottom) return;
  const std::int64_t middle_x = middle_of(left, right);
  const std::int64_t middle_y = middle_of(top, bottom);
  if (middle_x == right && middle_y == bottom) {
    try {
      const SlideBlock part = source_->read(level, left, top, right - left, bottom - top);
      // To the nearest pixel: what lies beside damage needs no fractions.
      const auto skipped_x = static_cast<std::int64_t>(std::llround(static_cast<double>(left) - part.x));
      const auto skipped_y = static_cast<std::int64_t>(std::llround(static_cast<double>(top) - part.y));
      const std::int64_t width = std::min(right - left, part.width - skipped_x);
      for (std::int64_t row = 0; row < std::min(bottom - top, part.height - skipped_y); ++row) {
        const std::uint8_t* from = part.rgb.data() + ((row + skipped_y) * part.width + skipped_x) * 3;
        const std::int64_t at =
            (top + row - static_cast<std::int64_t>(block.y)) * block.width + left - static_cast<std::int64_t>(block.x);
        std::memcpy(block.rgb.data() + at * 3, from, static_cast<std::size_t>(width * 3));
      }
    } catch (const Error& error) {
      if (!is_damage(error)) throw;
      ++damaged_regions_;
    }
    return;
  }
  fill_what_can_be_read(level, block, left, top, middle_x, middle_y);
  fill_what_can_be_read(level, block, middle_x, top, right, middle_y);
  fill_what_can_be_read(level, block, left, middle_y, middle_x, bottom);
  fill_what_can_be_read(level, block, middle_x, middle_y, right, bottom);
}

SlideBlock Slide::background_block(std::int64_t x, std::int64_t y, std::int64_t width, std::int64_t height) const {
  SlideBlock block;
  block.x = static_cast<double>(x);
  block.y = static_cast<double>(y);
  block.width = width;
  block.height = height;
  block.rgb.resize(static_cast<std::size_t>(width * height * 3));
  for (std::size_t i = 0; i < block.rgb.size(); ++i) block.rgb[i] = facts().background[i % 3];
  return block;
}

void read_regions(const Slide& slide, const std::vector<SlideRegion>& regions,
                  const std::function<std::uint8_t*(std::size_t)>& target_of, int threads, const StopCheck& check) {
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::exception_ptr failure;
  const auto work = [&] {
    for (std::size_t i = next++; i < regions.size(); i = next++) {
      try {
        slide.read(regions[i], target_of(i), check);
      } catch (...) {
        next = regions.size();
        const std::lock_guard<std::mutex> lock(mutex);
        if (!failure) failure = std::current_exception();
      }
    }
  };
  std::vector<std::thread> others;
  for (int i = 1; i < threads && start_thread(others, work); ++i) {
  }
  work();
  for (std::thread& other : others) other.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace wsss
