// Slides of scanners, read by OpenSlide.
#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <mutex>
#include <utility>

#include "wsss/slide/openslide_library.h"
#include "wsss/slide/slide_source.h"
#include "wsss/slide/unreadable_region.h"

namespace wsss {

namespace {

/// An open handle. One that has failed once fails for good, so that it is replaced as a whole.
struct Handle {
  Handle(const OpenSlideLibrary& from, const std::string& path, std::size_t cache_bytes)
      : library(from), slide(from.open(path.c_str())) {
    if (slide == nullptr) return;
    OpenSlideCache* cache = library.cache_create(cache_bytes);
    library.set_cache(slide, cache);
    library.cache_release(cache);  // The slide keeps it.
  }
  ~Handle() {
    if (slide != nullptr) library.close(slide);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  /// Empty if nothing has failed.
  std::string error() const {
    const char* said = library.get_error(slide);
    return said == nullptr ? "" : said;
  }

  const OpenSlideLibrary& library;
  OpenSlideHandle* slide;
};

std::optional<double> number_property(const Handle& handle, const char* name) {
  const char* text = handle.library.get_property_value(handle.slide, name);
  if (text == nullptr) return std::nullopt;
  char* end = nullptr;
  const double value = std::strtod(text, &end);
  return end != text && *end == '\0' && std::isfinite(value) ? std::optional<double>(value) : std::nullopt;
}

std::optional<StatedScale> scale_of(const Handle& handle, const std::string& vendor) {
  const auto x = number_property(handle, "openslide.mpp-x");
  const auto y = number_property(handle, "openslide.mpp-y");
  if (!x || !y) return std::nullopt;
  // Of plain TIFF files OpenSlide knows the dots per inch and nothing else.
  return StatedScale{*x, *y, vendor == "generic-tiff" ? "resolution" : "slide"};
}

std::optional<SlideBounds> bounds_of(const Handle& handle, const SlideLevel& finest) {
  const auto number = [&](const char* name, double otherwise) {
    return static_cast<std::int64_t>(number_property(handle, name).value_or(otherwise));
  };
  if (!number_property(handle, "openslide.bounds-x")) return std::nullopt;
  const std::int64_t x = std::clamp<std::int64_t>(number("openslide.bounds-x", 0), 0, finest.width);
  const std::int64_t y = std::clamp<std::int64_t>(number("openslide.bounds-y", 0), 0, finest.height);
  const auto width = number("openslide.bounds-width", static_cast<double>(finest.width));
  const auto height = number("openslide.bounds-height", static_cast<double>(finest.height));
  return SlideBounds{x, y, std::clamp<std::int64_t>(width, 0, finest.width - x),
                     std::clamp<std::int64_t>(height, 0, finest.height - y)};
}

std::array<std::uint8_t, 3> background_of(const Handle& handle) {
  const char* text = handle.library.get_property_value(handle.slide, "openslide.background-color");
  if (text == nullptr) return {255, 255, 255};
  char* end = nullptr;
  const unsigned long rgb = std::strtoul(text, &end, 16);
  if (end != text + 6 || *end != '\0') return {255, 255, 255};
  return {static_cast<std::uint8_t>(rgb >> 16), static_cast<std::uint8_t>(rgb >> 8), static_cast<std::uint8_t>(rgb)};
}

std::vector<SlideLevel> levels_of(const Handle& handle) {
  std::vector<SlideLevel> levels;
  const std::int32_t count = handle.library.get_level_count(handle.slide);
  for (std::int32_t i = 0; i < count; ++i) {
    SlideLevel level{};
    handle.library.get_level_dimensions(handle.slide, i, &level.width, &level.height);
    level.downsample = handle.library.get_level_downsample(handle.slide, i);
    const bool is_usable = level.width > 0 && level.height > 0 && std::isfinite(level.downsample) &&
                           level.downsample >= (levels.empty() ? 1.0 : levels.back().downsample);
    if (!is_usable) break;
    levels.push_back(level);
  }
  return levels;
}

/// The whole number at or a little below `wanted * downsample` that lies best on the pixels of a level: OpenSlide takes
/// positions of level 0 only, and interpolates where they fall between the pixels of the level.
std::int64_t best_start(std::int64_t wanted, double downsample) {
  const auto last = static_cast<std::int64_t>(std::floor(static_cast<double>(wanted) * downsample));
  const auto tried = static_cast<std::int64_t>(std::ceil(2.0 * downsample));
  std::int64_t best = last;
  double least = std::numeric_limits<double>::infinity();
  for (std::int64_t x = last; x > last - tried; --x) {
    const double position = static_cast<double>(x) / downsample;
    const double off = std::abs(position - std::round(position));
    if (off < least - 1e-9) {
      least = off;
      best = x;
    }
  }
  return best;
}

/// Lays premultiplied pixels over the background.
std::uint8_t over(std::uint32_t argb, int shift, std::uint32_t alpha, std::uint8_t background) {
  const std::uint32_t below = (background * (255 - alpha) + 127) / 255;
  return static_cast<std::uint8_t>(std::min<std::uint32_t>(255, ((argb >> shift) & 255) + below));
}

class OpenSlideSource : public SlideSource {
 public:
  OpenSlideSource(std::string path, const OpenSlideLibrary& library, std::size_t cache_bytes,
                  std::shared_ptr<Handle> handle, SlideFacts facts)
      : path_(std::move(path)),
        library_(library),
        cache_bytes_(cache_bytes),
        handle_(std::move(handle)),
        facts_(std::move(facts)) {}

  const SlideFacts& facts() const override { return facts_; }

  SlideBlock read(std::size_t level, std::int64_t x, std::int64_t y, std::int64_t width,
                  std::int64_t height) const override {
    const double downsample = facts_.levels.at(level).downsample;
    const std::int64_t x0 = best_start(x, downsample);
    const std::int64_t y0 = best_start(y, downsample);
    SlideBlock block;
    block.x = static_cast<double>(x0) / downsample;
    block.y = static_cast<double>(y0) / downsample;
    // So many more as it begins earlier.
    block.width = static_cast<std::int64_t>(std::ceil(static_cast<double>(x + width) - block.x - 1e-6));
    block.height = static_cast<std::int64_t>(std::ceil(static_cast<double>(y + height) - block.y - 1e-6));
    std::vector<std::uint32_t> argb(static_cast<std::size_t>(block.width * block.height));
    const auto handle = usable_handle();
    library_.read_region(handle->slide, argb.data(), x0, y0, static_cast<std::int32_t>(level), block.width,
                         block.height);
    const std::string said = handle->error();
    if (!said.empty()) {
      forget(handle);
      const auto at_level_0 = [&](double px) { return static_cast<std::int64_t>(px * downsample); };
      const SlideLevel& all = facts_.levels.front();
      const std::int64_t left = std::clamp<std::int64_t>(x0, 0, all.width);
      const std::int64_t top = std::clamp<std::int64_t>(y0, 0, all.height);
      const auto right = std::min(all.width, at_level_0(block.x + static_cast<double>(block.width)));
      const auto bottom = std::min(all.height, at_level_0(block.y + static_cast<double>(block.height)));
      throw unreadable_region(path_, left, top, right - left, bottom - top, said);
    }
    block.rgb.resize(argb.size() * 3);
    for (std::size_t i = 0; i < argb.size(); ++i) {
      const std::uint32_t alpha = argb[i] >> 24;
      block.rgb[3 * i] = over(argb[i], 16, alpha, facts_.background[0]);
      block.rgb[3 * i + 1] = over(argb[i], 8, alpha, facts_.background[1]);
      block.rgb[3 * i + 2] = over(argb[i], 0, alpha, facts_.background[2]);
    }
    return block;
  }

 private:
  std::shared_ptr<Handle> usable_handle() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (handle_) return handle_;
    auto handle = std::make_shared<Handle>(library_, path_, cache_bytes_);
    const std::string said = handle->slide == nullptr ? "it is no longer a slide" : handle->error();
    if (!said.empty()) {
      const SlideLevel& finest = facts_.levels.front();
      throw unreadable_region(path_, 0, 0, finest.width, finest.height, said);
    }
    handle_ = handle;
    return handle;
  }

  void forget(const std::shared_ptr<Handle>& failed) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (handle_ == failed) handle_.reset();
  }

  std::string path_;
  const OpenSlideLibrary& library_;
  std::size_t cache_bytes_;
  mutable std::mutex mutex_;
  mutable std::shared_ptr<Handle> handle_;  ///< Null after a failure, until the next reading.
  SlideFacts facts_;
};

Error unusable(const std::string& path, const std::string& vendor, const std::string& said) {
  return {ErrorCode::kDataset,
          "slide " + path + " (" + vendor + ") can't be opened (" + one_line(said) +
              "): copy it again from its source with all files that belong to it",
          {{"path", path}, {"failure", std::string("unusable")}, {"vendor", vendor}}};
}

}  // namespace

std::unique_ptr<SlideSource> open_with_openslide(const std::string& path, const std::string& library,
                                                 std::size_t cache_bytes) {
  const OpenSlideLibrary& openslide = OpenSlideLibrary::of(library);
  const char* vendor = openslide.detect_vendor(path.c_str());
  if (vendor == nullptr) return nullptr;
  auto handle = std::make_shared<Handle>(openslide, path, cache_bytes);
  if (handle->slide == nullptr) throw unusable(path, vendor, "it is damaged");
  const std::string said = handle->error();
  if (!said.empty()) throw unusable(path, vendor, said);
  SlideFacts facts;
  facts.vendor = vendor;
  facts.levels = levels_of(*handle);
  if (facts.levels.empty()) throw unusable(path, vendor, "it has no pixels");
  facts.scale = scale_of(*handle, facts.vendor);
  facts.bounds = bounds_of(*handle, facts.levels.front());
  facts.background = background_of(*handle);
  return std::make_unique<OpenSlideSource>(path, openslide, cache_bytes, std::move(handle), std::move(facts));
}

}  // namespace wsss
