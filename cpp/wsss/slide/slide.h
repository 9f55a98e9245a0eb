// A slide that is open: regions of it at any scale, on any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "wsss/slide/slide_source.h"

namespace wsss {

/// What becomes of pixels that can't be decoded.
enum class DamagedPixels {
  kRefused,     ///< Reading them is an error with their position.
  kBackground,  ///< They have the background's colour, and are counted.
};

/// How a slide is opened.
struct SlideOpening {
  std::string path;
  std::string openslide;        ///< Path or soname of OpenSlide; empty = without it.
  std::string vips;             ///< Path of the libvips that sharp brings; empty = without it.
  std::size_t cache_bytes = 0;  ///< Decoded tiles that are kept; in OpenSlide only.
  DamagedPixels damaged = DamagedPixels::kRefused;
};

/// A place on a slide and the scale at which it is looked at.
struct SlideRegion {
  double x = 0.0, y = 0.0;              ///< Corner, in px of level 0; fractions count.
  double scale_x = 1.0, scale_y = 1.0;  ///< Px of level 0 that a target px is wide and high.
  std::int64_t width = 0, height = 0;   ///< Target px.
};

/// Asked now and then in long work; throws to end it.
using StopCheck = std::function<void()>;

class Slide {
 public:
  /// @throws Error kDataset if the file is no slide that can be read; kIo if it can't be read at all.
  explicit Slide(const SlideOpening& opening);

  const SlideFacts& facts() const { return source_->facts(); }
  std::int64_t width() const { return facts().levels.front().width; }
  std::int64_t height() const { return facts().levels.front().height; }

  /// Whether a level can be read and shows what level 0 shows: some converters write reduced levels in wrong colours.
  /// The others are left alone.
  bool is_usable(std::size_t level) const { return usable_[level]; }

  /// Reads a region: pixels of the level above, brought to the scale once by a low-pass. Beyond the slide is
  /// background.
  ///
  /// @param rgb  [height, width, 3]
  /// @throws Error kDataset for damaged pixels; kIo if the file has gone; what `check` throws.
  void read(const SlideRegion& region, std::uint8_t* rgb, const StopCheck& check) const;

  /// Regions that could not be decoded and were taken for background, each at most 64 px wide and high.
  std::int64_t damaged_regions() const { return damaged_regions_.load(); }

 private:
  void read_in_steps(const SlideRegion& region, std::int64_t steps, std::uint8_t* rgb, const StopCheck& check) const;
  void read_tile(std::size_t level, const SlideRegion& tile, std::uint8_t* rgb, std::int64_t stride) const;
  void read_from(std::size_t level, const SlideRegion& region, std::uint8_t* rgb, std::int64_t stride) const;
  SlideBlock read_block(std::size_t level, std::int64_t x, std::int64_t y, std::int64_t width,
                        std::int64_t height) const;
  bool agrees_with_finer(std::size_t level) const;
  void fill_what_can_be_read(std::size_t level, SlideBlock& block, std::int64_t left, std::int64_t top,
                             std::int64_t right, std::int64_t bottom) const;
  SlideBlock background_block(std::int64_t x, std::int64_t y, std::int64_t width, std::int64_t height) const;
  std::size_t level_for(double scale) const;

  std::unique_ptr<SlideSource> source_;
  DamagedPixels damaged_;
  std::vector<bool> usable_;  ///< One for each level.
  mutable std::atomic<std::int64_t> damaged_regions_{0};
};

/// Reads regions of one size on several threads.
///
/// @param target_of  where the pixels of a region go.
/// @param threads    how many read at once; fewer where no more can be had.
void read_regions(const Slide& slide, const std::vector<SlideRegion>& regions,
                  const std::function<std::uint8_t*(std::size_t)>& target_of, int threads, const StopCheck& check);

}  // namespace wsss
