// The functions of OpenSlide (LGPL-2.1) that are used here; it is opened while the program runs and never linked.
#pragma once

#include <cstdint>
#include <string>

namespace wsss {

/// OpenSlide's handle of a slide, and of a cache of tiles; only pointers to them are passed on.
struct OpenSlideHandle;
struct OpenSlideCache;

/// OpenSlide 4, as its header describes it (https://openslide.org/api/openslide_8h.html).
struct OpenSlideLibrary {
  const char* (*get_version)();
  const char* (*detect_vendor)(const char* path);
  OpenSlideHandle* (*open)(const char* path);
  void (*close)(OpenSlideHandle* slide);
  std::int32_t (*get_level_count)(OpenSlideHandle* slide);
  void (*get_level_dimensions)(OpenSlideHandle* slide, std::int32_t level, std::int64_t* width, std::int64_t* height);
  double (*get_level_downsample)(OpenSlideHandle* slide, std::int32_t level);
  /// Premultiplied ARGB in the machine's byte order.
  void (*read_region)(OpenSlideHandle* slide, std::uint32_t* argb, std::int64_t x, std::int64_t y, std::int32_t level,
                      std::int64_t width, std::int64_t height);
  /// Null as long as nothing failed; afterwards every call on the handle fails.
  const char* (*get_error)(OpenSlideHandle* slide);
  const char* (*get_property_value)(OpenSlideHandle* slide, const char* name);
  OpenSlideCache* (*cache_create)(std::size_t bytes);
  void (*set_cache)(OpenSlideHandle* slide, OpenSlideCache* cache);
  void (*cache_release)(OpenSlideCache* cache);

  /// The one of a path or soname, loaded once a process.
  /// @throws Error kIo if it can't be loaded, or lacks a function: OpenSlide before version 4 does.
  static const OpenSlideLibrary& of(const std::string& file);
};

/// The version that a library says it has, also of those that are too old for OpenSlideLibrary::of().
/// @throws Error kIo if it can't be loaded, or is no OpenSlide.
std::string openslide_version(const std::string& file);

}  // namespace wsss
