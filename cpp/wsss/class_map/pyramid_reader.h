// A map that PyramidTiff wrote, read tile by tile at any level.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace wsss {

/// A part of a level, cut at its edges.
struct MapTile {
  std::int64_t width = 0, height = 0;  ///< px
  std::vector<std::uint8_t> values;    ///< [height, width]
};

/// Colours [r, g, b, a] of all values.
using TileColours = std::array<std::array<std::uint8_t, 4>, 256>;

/// A tile in colours, [height, width, 4].
std::vector<std::uint8_t> coloured(const MapTile& tile, const TileColours& colours);

class PyramidReader {
 public:
  /// One resolution, the finest first.
  struct Level {
    std::int64_t width = 0, height = 0;  ///< px
    std::int64_t tiles_across = 0, tiles_down = 0;
    std::uint64_t offsets = 0, sizes = 0;  ///< Where the lists of the tiles' places stand in the file.
  };

  /// Side of a tile, in px.
  static constexpr std::int64_t kTile = 512;

  /// @throws Error kIo if the file can't be opened; kDataset if it is no map of ours, or cut off.
  explicit PyramidReader(const std::string& path);
  ~PyramidReader();
  PyramidReader(const PyramidReader&) = delete;
  PyramidReader& operator=(const PyramidReader&) = delete;

  const std::vector<Level>& levels() const { return levels_; }

  /// @throws Error kShape for a tile that is not there; kDataset for one that is damaged.
  MapTile read(std::int64_t level, std::int64_t column, std::int64_t row) const;

 private:
  void read_levels();
  std::uint64_t read_level(std::uint64_t at);
  void read_bytes(std::uint64_t at, void* bytes, std::size_t size) const;
  std::uint64_t number_at(std::uint64_t list, std::uint64_t count, std::uint64_t index) const;
  [[noreturn]] void refuse(const char* why) const;

  std::string path_;
  int file_ = -1;
  std::vector<Level> levels_;
};

}  // namespace wsss
