// Pictures that OpenSlide does not know, read by libvips: TIFF in strips, OME-TIFF, PNG, JPEG.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include "wsss/slide/slide_source.h"
#include "wsss/slide/unreadable_region.h"
#include "wsss/slide/vips_library.h"

namespace wsss {

namespace {

constexpr int kTrue = 1;
constexpr const char* kEnd = nullptr;

struct Unref {
  const VipsLibrary* library;
  void operator()(void* object) const { library->unref(object); }
};
using Picture = std::unique_ptr<VipsPicture, Unref>;

std::string said_by(const VipsLibrary& library) {
  char* text = library.error_text();
  std::string said = text == nullptr ? "" : text;
  library.free(text);
  // libvips adds up every warning of the process; the last line is of now.
  said = one_line(said.substr(0, said.find_last_not_of('\n') + 1));
  return said.empty() ? "libvips does not say why" : said;
}

Error refused(const std::string& path, const std::string& failure, const std::string& problem,
              const std::string& advice) {
  return {ErrorCode::kDataset, "slide " + path + " " + problem + ": " + advice, {{"path", path}, {"failure", failure}}};
}

enum class Format { kTiff, kPng, kJpeg };

Format format_of(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) {
    throw Error(ErrorCode::kIo, "slide " + path + " can't be read (" + std::strerror(errno) + ")", {{"path", path}});
  }
  std::array<char, 4> start{};
  const std::size_t count = std::fread(start.data(), 1, start.size(), file);
  std::fclose(file);
  const std::string magic(start.data(), count);
  const std::array<std::string, 4> tiff{std::string("II*\0", 4), std::string("MM\0*", 4), std::string("II+\0", 4),
                                        std::string("MM\0+", 4)};
  if (std::find(tiff.begin(), tiff.end(), magic) != tiff.end()) return Format::kTiff;
  if (magic == "\x89PNG") return Format::kPng;
  if (magic.substr(0, 3) == "\xff\xd8\xff") return Format::kJpeg;
  if (count == 0) throw refused(path, "empty", "is empty", "copy it again from its source");
  throw refused(path, "not-a-slide", "is no slide that can be read",
                "slides are those that OpenSlide 4 reads, TIFF, OME-TIFF, PNG and JPEG");
}

/// @param subifd  which of the smaller pictures of an OME-TIFF, or -1 for the picture itself.
Picture load(const VipsLibrary& vips, const std::string& path, Format format, int subifd) {
  VipsPicture* picture = nullptr;
  int failed = 1;
  if (format == Format::kTiff) {
    failed = vips.load_tiff(path.c_str(), &picture, "subifd", subifd, "fail_on", kVipsFailOnError, "revalidate", kTrue,
                            kEnd);
  } else if (format == Format::kPng) {
    failed = vips.load_png(path.c_str(), &picture, "fail_on", kVipsFailOnError, "revalidate", kTrue, kEnd);
  } else {
    failed = vips.load_jpeg(path.c_str(), &picture, "fail_on", kVipsFailOnError, "revalidate", kTrue, kEnd);
  }
  if (failed != 0) {
    throw refused(path, "unusable", "can't be opened (" + said_by(vips) + ")", "copy it again from its source");
  }
  return Picture(picture, Unref{&vips});
}

void check_colours(const VipsLibrary& vips, const VipsPicture* picture, const std::string& path) {
  const int bands = vips.get_bands(picture);
  const int colours = vips.get_interpretation(picture);
  const std::string convert = "convert it to RGB with 8 bits a channel";
  if (bands < 3) throw refused(path, "grey", "has one channel", "stained tissue is RGB: " + convert);
  const bool is_rgb = colours == kVipsInterpretationSrgb || colours == kVipsInterpretationRgb;
  if (bands > 4 || !is_rgb) {
    throw refused(path, "channels", "has " + std::to_string(bands) + " channels that are not RGB", convert);
  }
  if (vips.get_format(picture) != kVipsFormatUchar) {
    throw refused(path, "depth", "has more than 8 bits a channel", convert);
  }
}

std::string text_of(const VipsLibrary& vips, const VipsPicture* picture, const char* name) {
  const char* text = nullptr;
  if (vips.get_typeof(picture, name) == 0 || vips.get_string(picture, name, &text) != 0 || text == nullptr) return "";
  return text;
}

/// The value of an attribute in XML; empty if it is not there.
std::string attribute(const std::string& xml, const std::string& name) {
  const std::string opening = " " + name + "=\"";
  const std::size_t found = xml.find(opening);
  if (found == std::string::npos) return "";
  const std::size_t start = found + opening.size();
  const std::size_t end = xml.find('"', start);
  return end == std::string::npos ? "" : xml.substr(start, end - start);
}

/// Micrometres of a length in OME-XML; 0 if there is none that is understood.
double ome_length(const std::string& xml, const std::string& name) {
  const double value = std::strtod(attribute(xml, name).c_str(), nullptr);
  const std::string unit = attribute(xml, name + "Unit");
  if (unit.empty() || unit == "\xc2\xb5m" || unit == "\xce\xbcm" || unit == "um") return value;  // mu in both spellings
  if (unit == "nm") return value / 1000.0;
  return unit == "mm" ? value * 1000.0 : 0.0;
}

std::optional<StatedScale> scale_of(const VipsLibrary& vips, const VipsPicture* picture) {
  const std::string xml = text_of(vips, picture, "image-description");
  if (xml.find("<OME") != std::string::npos) {
    const double x = ome_length(xml, "PhysicalSizeX");
    const double y = ome_length(xml, "PhysicalSizeY");
    if (x > 0.0 && y > 0.0) return StatedScale{x, y, "ome"};
  }
  // px a millimetre; 1 is what libvips says where a file says nothing.
  const double x = vips.get_xres(picture);
  const double y = vips.get_yres(picture);
  if (!(x > 0.0) || !(y > 0.0) || (x == 1.0 && y == 1.0)) return std::nullopt;
  return StatedScale{1000.0 / x, 1000.0 / y, "resolution"};
}

struct Plane {
  Picture picture;
  int width, height, bands;
};

Plane plane_of(const VipsLibrary& vips, Picture picture) {
  Plane plane{nullptr, vips.get_width(picture.get()), vips.get_height(picture.get()), vips.get_bands(picture.get())};
  plane.picture = std::move(picture);
  return plane;
}

class VipsSource : public SlideSource {
 public:
  VipsSource(std::string path, const VipsLibrary& vips, std::vector<Plane> planes, SlideFacts facts)
      : path_(std::move(path)), vips_(vips), planes_(std::move(planes)), facts_(std::move(facts)) {}

  const SlideFacts& facts() const override { return facts_; }

  SlideBlock read(std::size_t level, std::int64_t x, std::int64_t y, std::int64_t width,
                  std::int64_t height) const override {
    const Plane& plane = planes_.at(level);
    SlideBlock block;
    block.x = static_cast<double>(x);
    block.y = static_cast<double>(y);
    block.width = width;
    block.height = height;
    block.rgb.assign(static_cast<std::size_t>(width * height * 3), 255);
    const std::int64_t left = std::max<std::int64_t>(x, 0);
    const std::int64_t top = std::max<std::int64_t>(y, 0);
    const std::int64_t right = std::min<std::int64_t>(x + width, plane.width);
    const std::int64_t bottom = std::min<std::int64_t>(y + height, plane.height);
    if (left >= right || top >= bottom) return block;
    const std::unique_ptr<VipsPart, Unref> region(vips_.new_region(plane.picture.get()), Unref{&vips_});
    std::size_t bytes = 0;
    unsigned char* pixels = region == nullptr
                                ? nullptr
                                : vips_.fetch(region.get(), static_cast<int>(left), static_cast<int>(top),
                                              static_cast<int>(right - left), static_cast<int>(bottom - top), &bytes);
    if (pixels == nullptr) {
      const double scale = facts_.levels.at(level).downsample;
      const auto at_level_0 = [scale](std::int64_t px) {
        return static_cast<std::int64_t>(static_cast<double>(px) * scale);
      };
      throw unreadable_region(path_, at_level_0(left), at_level_0(top), at_level_0(right - left),
                              at_level_0(bottom - top), said_by(vips_));
    }
    const unsigned char* from = pixels;
    for (std::int64_t row = top; row < bottom; ++row) {
      std::uint8_t* to = block.rgb.data() + ((row - y) * width + (left - x)) * 3;
      for (std::int64_t column = left; column < right; ++column, from += plane.bands, to += 3) {
        const int alpha = plane.bands == 4 ? from[3] : 255;
        for (int c = 0; c < 3; ++c) {
          to[c] = static_cast<std::uint8_t>((from[c] * alpha + 255 * (255 - alpha) + 127) / 255);
        }
      }
    }
    vips_.free(pixels);
    return block;
  }

 private:
  std::string path_;
  const VipsLibrary& vips_;
  std::vector<Plane> planes_;  ///< One for each level.
  SlideFacts facts_;
};

}  // namespace

std::unique_ptr<SlideSource> open_with_vips(const std::string& path, const std::string& library) {
  const Format format = format_of(path);
  const VipsLibrary& vips = VipsLibrary::of(library);
  std::vector<Plane> planes;
  planes.push_back(plane_of(vips, load(vips, path, format, -1)));
  const VipsPicture* finest = planes.front().picture.get();
  check_colours(vips, finest, path);
  SlideFacts facts;
  facts.vendor = format == Format::kTiff ? "tiff" : format == Format::kPng ? "png" : "jpeg";
  facts.scale = scale_of(vips, finest);
  int reduced = 0;
  if (vips.get_typeof(finest, "n-subifds") != 0) vips.get_int(finest, "n-subifds", &reduced);
  for (int i = 0; i < reduced; ++i) {
    Plane plane = plane_of(vips, load(vips, path, format, i));
    check_colours(vips, plane.picture.get(), path);
    if (plane.width >= planes.back().width || plane.height >= planes.back().height) break;
    planes.push_back(std::move(plane));
  }
  for (const Plane& plane : planes) {
    const double across = static_cast<double>(planes.front().width) / plane.width;
    const double down = static_cast<double>(planes.front().height) / plane.height;
    facts.levels.push_back({plane.width, plane.height, (across + down) / 2.0});
  }
  return std::make_unique<VipsSource>(path, vips, std::move(planes), std::move(facts));
}

}  // namespace wsss
