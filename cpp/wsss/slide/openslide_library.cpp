#include "wsss/slide/openslide_library.h"

#include "wsss/slide/shared_library.h"

namespace wsss {

namespace {

OpenSlideLibrary find_all(const SharedLibrary& library) {
  OpenSlideLibrary functions{};
  library.find(functions.get_version, "openslide_get_version");
  library.find(functions.detect_vendor, "openslide_detect_vendor");
  library.find(functions.open, "openslide_open");
  library.find(functions.close, "openslide_close");
  library.find(functions.get_level_count, "openslide_get_level_count");
  library.find(functions.get_level_dimensions, "openslide_get_level_dimensions");
  library.find(functions.get_level_downsample, "openslide_get_level_downsample");
  library.find(functions.read_region, "openslide_read_region");
  library.find(functions.get_error, "openslide_get_error");
  library.find(functions.get_property_value, "openslide_get_property_value");
  library.find(functions.cache_create, "openslide_cache_create");
  library.find(functions.set_cache, "openslide_set_cache");
  library.find(functions.cache_release, "openslide_cache_release");
  return functions;
}

}  // namespace

const OpenSlideLibrary& OpenSlideLibrary::of(const std::string& file) { return functions_of(file, find_all); }

std::string openslide_version(const std::string& file) {
  const SharedLibrary library(file);
  const char* (*version)() = nullptr;
  library.find(version, "openslide_get_version");
  return version();
}

}  // namespace wsss
