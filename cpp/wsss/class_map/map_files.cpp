#include "wsss/class_map/map_files.h"

#include <cmath>
#include <cstdio>
#include <exception>
#include <optional>
#include <thread>

#include "wsss/class_map/geojson.h"
#include "wsss/class_map/pyramid_tiff.h"
#include "wsss/core/error.h"
#include "wsss/slide/start_thread.h"

namespace wsss {

namespace {

std::string xml_text(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '&') {
      result += "&amp;";
    } else if (c == '<') {
      result += "&lt;";
    } else if (c == '>') {
      result += "&gt;";
    } else if (c == '"') {
      result += "&quot;";
    } else if (static_cast<unsigned char>(c) >= 0x20) {
      result += c;
    }
  }
  return result;
}

std::string number_text(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", value);
  return text;
}

/// OME-XML of the schema 2016-06. The classes stand in a map annotation: `0` = `tumour`.
std::string ome_xml(const BandLayout& layout, const MapFiles& files, const std::string& name) {
  std::string classes;
  for (std::size_t i = 0; i < files.names.size(); ++i) {
    const auto& colour = files.colours[i];
    classes += "<M K=\"" + std::to_string(i) + "\">" + xml_text(files.names[i]) + "</M><M K=\"" + std::to_string(i) +
               " colour\">" + std::to_string(colour[0]) + "," + std::to_string(colour[1]) + "," +
               std::to_string(colour[2]) + "</M>";
  }
  return R"(<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" )"
         R"(Creator="wsss-tissue-native"><Image ID="Image:0" Name=")" +
         name + R"("><Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint8" SizeX=")" +
         std::to_string(layout.width) + R"(" SizeY=")" + std::to_string(layout.height) +
         R"(" SizeC="1" SizeZ="1" SizeT="1" PhysicalSizeX=")" + number_text(files.mpp_x) + R"(" PhysicalSizeY=")" +
         number_text(files.mpp_y) +
         R"("><Channel ID="Channel:0:0" SamplesPerPixel="1"/><TiffData IFD="0" PlaneCount="1"/></Pixels>)"
         R"(<AnnotationRef ID="Annotation:0"/></Image><StructuredAnnotations><MapAnnotation ID="Annotation:0" )"
         R"(Namespace="wsss-tissue-native/classes"><Value>)" +
         classes + "</Value></MapAnnotation></StructuredAnnotations></OME>";
}

PyramidOptions pyramid_options(const BandLayout& layout, const MapFiles& files, bool is_classes) {
  PyramidOptions options;
  options.width = layout.width;
  options.height = layout.height;
  options.mpp_x = files.mpp_x;
  options.mpp_y = files.mpp_y;
  if (is_classes) options.palette = files.colours;
  options.description = ome_xml(layout, files, is_classes ? "classes" : "probability of the class, 255 = 1");
  return options;
}

GeoJsonOptions geojson_options(const MapFiles& files) {
  GeoJsonOptions options;
  options.names = files.names;
  options.colours = files.colours;
  const auto factor = static_cast<double>(files.geojson_factor);
  options.scale_x = files.scale_x * factor;
  options.scale_y = files.scale_y * factor;
  options.offset_x = files.offset_x;
  options.offset_y = files.offset_y;
  options.width = files.slide_width;
  options.height = files.slide_height;
  options.pixel_um2 = files.mpp_x * factor * files.mpp_y * factor;
  options.min_area_um2 = files.min_area_um2;
  options.seed = files.seed;
  return options;
}

/// Called with each row of each plane, in their order.
using PlaneRows = std::function<void(const std::uint8_t* planes, std::int64_t plane_stride)>;

/// Hands on the rows of a finished map.
void for_each_row(const std::string& rows_file, const BandLayout& layout, const std::function<void()>& check,
                  const PlaneRows& take) {
  BandReader reader(rows_file, layout);
  std::vector<std::uint8_t> band;
  std::int64_t rows_done = 0;
  while (reader.next(band)) {
    check();
    const auto rows = static_cast<std::int64_t>(band.size()) / layout.planes / layout.width;
    for (std::int64_t y = 0; y < rows; ++y) take(band.data() + y * layout.width, rows * layout.width);
    rows_done += rows;
  }
  if (rows_done == layout.height) return;
  throw Error(ErrorCode::kIo, rows_file + " is not whole: segment the slide again", {{"path", rows_file}});
}

/// The map and the probabilities as pictures.
void write_pictures(const std::string& rows_file, const BandLayout& layout, const MapFiles& files,
                    const std::function<void()>& check) {
  std::optional<PyramidTiff> tiff;
  if (!files.tiff.empty()) tiff.emplace(files.tiff, pyramid_options(layout, files, true));
  std::optional<PyramidTiff> confidence;
  if (!files.confidence_tiff.empty()) confidence.emplace(files.confidence_tiff, pyramid_options(layout, files, false));
  for_each_row(rows_file, layout, check, [&](const std::uint8_t* row, std::int64_t plane_stride) {
    if (tiff) tiff->add(row);
    if (confidence) confidence->add(row + plane_stride);
  });
  if (tiff) tiff->finish();
  if (confidence) confidence->finish();
}

/// Polygons, areas, and the small maps that pictures of the slide are made from.
MapSummary write_polygons(const std::string& rows_file, const BandLayout& layout, const MapFiles& files,
                          const std::function<void()>& check) {
  MapSummary summary;
  summary.pixels.assign(files.names.size(), 0);
  const auto background = static_cast<std::uint8_t>(files.names.size() - 1);
  std::optional<GeoJsonWriter> geojson;
  std::optional<PolygonTracer> tracer;
  std::optional<RowReducer> coarse;
  if (!files.geojson.empty()) {
    geojson.emplace(files.geojson, geojson_options(files));
    const std::int64_t width = (layout.width + files.geojson_factor - 1) / files.geojson_factor;
    tracer.emplace(width, background, [&](const Polygon& polygon) { geojson->add(polygon); });
    coarse.emplace(layout.width, files.geojson_factor, Reduction::kMajority,
                   [&](const std::uint8_t* row) { tracer->add(row); });
  }
  std::optional<RowReducer> small;
  if (files.picture_factor > 0) {
    small.emplace(layout.width, files.picture_factor, Reduction::kMajority, [&](const std::uint8_t* row) {
      summary.small_map.insert(summary.small_map.end(), row, row + small->width());
      ++summary.small_height;
    });
    summary.small_width = small->width();
  }
  std::optional<RowReducer> heat;
  if (files.has_heat && files.picture_factor > 0) {
    heat.emplace(layout.width, files.picture_factor, Reduction::kMean, [&](const std::uint8_t* row) {
      summary.small_heat.insert(summary.small_heat.end(), row, row + heat->width());
    });
  }
  for_each_row(rows_file, layout, check, [&](const std::uint8_t* row, std::int64_t plane_stride) {
    for (std::int64_t x = 0; x < layout.width; ++x) ++summary.pixels[row[x]];
    if (coarse) coarse->add(row);
    if (small) small->add(row);
    if (heat) heat->add(row + (layout.planes - 1) * plane_stride);
  });
  if (coarse) coarse->finish();
  if (tracer) tracer->finish();
  if (geojson) {
    geojson->finish();
    summary.polygons = geojson->count();
  }
  if (small) small->finish();
  if (heat) heat->finish();
  return summary;
}

}  // namespace

MapSummary write_map_files(const std::string& rows_file, const BandLayout& layout, const MapFiles& files,
                           const std::function<void()>& check) {
  // Packing the pictures takes about as long as everything else, and neither needs the other.
  std::exception_ptr failure;
  const auto pictures = [&] {
    try {
      write_pictures(rows_file, layout, files, check);
    } catch (...) {
      failure = std::current_exception();
    }
  };
  std::vector<std::thread> other;
  if (!start_thread(other, pictures)) pictures();
  MapSummary summary;
  std::exception_ptr own_failure;
  try {
    summary = write_polygons(rows_file, layout, files, check);
  } catch (...) {
    own_failure = std::current_exception();
  }
  for (std::thread& thread : other) thread.join();
  if (failure) std::rethrow_exception(failure);
  if (own_failure) std::rethrow_exception(own_failure);
  return summary;
}

}  // namespace wsss
