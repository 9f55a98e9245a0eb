// The functions of libvips (LGPL-2.1 or newer) that are used here: the library that sharp brings, opened at run time.
#pragma once

#include <cstddef>
#include <string>

namespace wsss {

/// Objects of libvips; only pointers to them are passed on.
struct VipsPicture;
struct VipsPart;

/// libvips 8.15 or newer, as its headers describe it (https://www.libvips.org/API/current/).
struct VipsLibrary {
  int (*init)(const char* program);
  /// Loaders of one file: options follow by name and value, ended by a null pointer. 0 = loaded.
  int (*load_tiff)(const char* path, VipsPicture** picture, ...);
  int (*load_png)(const char* path, VipsPicture** picture, ...);
  int (*load_jpeg)(const char* path, VipsPicture** picture, ...);
  int (*get_width)(const VipsPicture* picture);
  int (*get_height)(const VipsPicture* picture);
  int (*get_bands)(const VipsPicture* picture);
  int (*get_format)(const VipsPicture* picture);
  int (*get_interpretation)(const VipsPicture* picture);
  double (*get_xres)(const VipsPicture* picture);
  double (*get_yres)(const VipsPicture* picture);
  std::size_t (*get_typeof)(const VipsPicture* picture, const char* name);
  int (*get_int)(const VipsPicture* picture, const char* name, int* value);
  int (*get_string)(const VipsPicture* picture, const char* name, const char** value);
  VipsPart* (*new_region)(VipsPicture* picture);
  /// A copy of a part of the pixels, to be freed with `free`; null if it can't be had.
  unsigned char* (*fetch)(VipsPart* region, int left, int top, int width, int height, std::size_t* bytes);
  /// What went wrong since it was last asked, to be freed with `free`.
  char* (*error_text)();
  void (*unref)(void* object);
  void (*free)(void* memory);

  /// The one of a path, loaded once a process.
  /// @throws Error kIo if it can't be loaded.
  static const VipsLibrary& of(const std::string& file);
};

/// Values of libvips' enumerations.
inline constexpr int kVipsFormatUchar = 0;
inline constexpr int kVipsInterpretationRgb = 17;
inline constexpr int kVipsInterpretationSrgb = 22;
inline constexpr int kVipsFailOnError = 2;

}  // namespace wsss
