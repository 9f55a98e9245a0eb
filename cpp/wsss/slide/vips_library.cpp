#include "wsss/slide/vips_library.h"

#include "wsss/core/error.h"
#include "wsss/slide/shared_library.h"

namespace wsss {

namespace {

VipsLibrary find_all(const SharedLibrary& library) {
  VipsLibrary functions{};
  library.find(functions.init, "vips_init");
  library.find(functions.load_tiff, "vips_tiffload");
  library.find(functions.load_png, "vips_pngload");
  library.find(functions.load_jpeg, "vips_jpegload");
  library.find(functions.get_width, "vips_image_get_width");
  library.find(functions.get_height, "vips_image_get_height");
  library.find(functions.get_bands, "vips_image_get_bands");
  library.find(functions.get_format, "vips_image_get_format");
  library.find(functions.get_interpretation, "vips_image_get_interpretation");
  library.find(functions.get_xres, "vips_image_get_xres");
  library.find(functions.get_yres, "vips_image_get_yres");
  library.find(functions.get_typeof, "vips_image_get_typeof");
  library.find(functions.get_int, "vips_image_get_int");
  library.find(functions.get_string, "vips_image_get_string");
  library.find(functions.new_region, "vips_region_new");
  library.find(functions.fetch, "vips_region_fetch");
  library.find(functions.error_text, "vips_error_buffer_copy");
  library.find(functions.unref, "g_object_unref");
  library.find(functions.free, "g_free");
  // Harmless where sharp has done so before.
  if (functions.init("wsss-tissue") != 0) throw Error(ErrorCode::kIo, "libvips could not be started");
  return functions;
}

}  // namespace

const VipsLibrary& VipsLibrary::of(const std::string& file) { return functions_of(file, find_all); }

}  // namespace wsss
