#include "wsss/class_map/map_scores.h"

#include <algorithm>

#include "wsss/slide_patches/polygon_fill.h"

namespace wsss {

std::vector<std::int64_t> confusion_of(const PyramidReader& map, const PolygonSet& truth, double scale_x,
                                       double scale_y, std::int64_t classes, const std::function<void()>& check) {
  std::vector<std::int64_t> confusion(static_cast<std::size_t>(classes * (classes + 1)));
  std::vector<std::uint8_t> drawn;
  const PyramidReader::Level& finest = map.levels().front();
  for (std::int64_t row = 0; row < finest.tiles_down; ++row) {
    for (std::int64_t column = 0; column < finest.tiles_across; ++column) {
      check();
      const MapTile tile = map.read(0, column, row);
      SlideRegion region;
      region.x = static_cast<double>(column * PyramidReader::kTile) * scale_x;
      region.y = static_cast<double>(row * PyramidReader::kTile) * scale_y;
      region.scale_x = scale_x;
      region.scale_y = scale_y;
      region.width = tile.width;
      region.height = tile.height;
      drawn.resize(tile.values.size());
      fill_polygons(truth, region, drawn.data());
      for (std::size_t i = 0; i < drawn.size(); ++i) {
        if (drawn[i] >= classes) continue;
        const std::int64_t found = std::min<std::int64_t>(tile.values[i], classes);
        ++confusion[static_cast<std::size_t>(drawn[i] * (classes + 1) + found)];
      }
    }
  }
  return confusion;
}

}  // namespace wsss
