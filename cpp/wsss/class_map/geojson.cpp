#include "wsss/class_map/geojson.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

namespace wsss {

namespace {

/// At most four digits behind the point, and none that say nothing.
std::string number_text(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4f", value);
  std::string number = text;
  number.erase(number.find_last_not_of('0') + 1);
  if (number.back() == '.') number.pop_back();
  return number == "-0" ? "0" : number;
}

/// Nine digits that count: regions of a few um2 have an area, too.
std::string area_text(double mm2) {
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", mm2);
  return text;
}

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(c));
      result += escaped;
    } else {
      result += c;
    }
  }
  return result + '"';
}

/// Numbers that look random, one after the other (splitmix64).
std::uint64_t scrambled(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15ULL;
  value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27U)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31U);
}

}  // namespace

GeoJsonWriter::GeoJsonWriter(const std::string& path, GeoJsonOptions options)
    : options_(std::move(options)), file_(path) {
  const std::string head = "{\"type\":\"FeatureCollection\",\"features\":[";
  file_.write(head.data(), head.size());
}

void GeoJsonWriter::add(const Polygon& polygon) {
  const double area_um2 = static_cast<double>(polygon.area) * options_.pixel_um2;
  if (area_um2 < options_.min_area_um2) return;
  const std::string name = quoted(options_.names.at(polygon.value));
  const auto& colour = options_.colours.at(polygon.value);
  std::string text = count_ == 0 ? "\n" : ",\n";
  text += R"({"type":"Feature","id":")" + identifier() + R"(","geometry":{"type":"Polygon","coordinates":[)";
  add_ring(polygon.shell, text);
  for (const Ring& hole : polygon.holes) {
    text += ',';
    add_ring(hole, text);
  }
  text += R"(]},"properties":{"objectType":"annotation","name":)" + name + R"(,"classification":{"name":)" + name +
          R"(,"color":[)" + std::to_string(colour[0]) + "," + std::to_string(colour[1]) + "," +
          std::to_string(colour[2]) + R"(]},"isLocked":true,"measurements":{"Area mm^2":)" + area_text(area_um2 / 1e6) +
          "}}}";
  file_.write(text.data(), text.size());
  ++count_;
}

void GeoJsonWriter::add_ring(const Ring& ring, std::string& text) const {
  text += '[';
  for (std::size_t i = 0; i <= ring.size(); ++i) {
    const Corner& corner = ring[i == ring.size() ? 0 : i];
    const double x = std::min(static_cast<double>(corner.x) * options_.scale_x, options_.width) - options_.offset_x;
    const double y = std::min(static_cast<double>(corner.y) * options_.scale_y, options_.height) - options_.offset_y;
    text += (i == 0 ? "[" : ",[") + number_text(x) + "," + number_text(y) + "]";
  }
  text += ']';
}

/// A UUID of version 8 (RFC 9562: made in a way of one's own).
std::string GeoJsonWriter::identifier() const {
  const std::uint64_t high = scrambled(options_.seed ^ scrambled(static_cast<std::uint64_t>(count_)));
  const std::uint64_t low = scrambled(high);
  char text[40];
  std::snprintf(text, sizeof text, "%08x-%04x-8%03x-%04x-%012llx", static_cast<unsigned>(high >> 32U),
                static_cast<unsigned>(high >> 16U) & 0xffffU, static_cast<unsigned>(high) & 0xfffU,
                (static_cast<unsigned>(low >> 48U) & 0x3fffU) | 0x8000U,
                static_cast<unsigned long long>(low & 0xffffffffffffULL));
  return text;
}

void GeoJsonWriter::finish() {
  const std::string tail = "\n]}\n";
  file_.write(tail.data(), tail.size());
  file_.finish();
}

void write_regions(const std::string& path, const std::vector<std::uint8_t>& mask, std::int64_t width,
                   std::uint8_t background, GeoJsonOptions options) {
  const std::int64_t height = static_cast<std::int64_t>(mask.size()) / width;
  options.width = static_cast<double>(width);
  options.height = static_cast<double>(height);
  GeoJsonWriter writer(path, std::move(options));
  PolygonTracer tracer(width, background, [&](const Polygon& polygon) { writer.add(polygon); });
  for (std::int64_t y = 0; y < height; ++y) tracer.add(mask.data() + y * width);
  tracer.finish();
  writer.finish();
}

}  // namespace wsss
