#include "wsss/class_map/pyramid_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "wsss/class_map/deflate.h"
#include "wsss/core/error.h"

namespace wsss {

namespace {

/// More than a map of any slide has; what claims more is damaged.
constexpr std::int64_t kLargestSide = std::int64_t{1} << 31;
constexpr std::size_t kMostLevels = 32;
constexpr std::uint64_t kMostEntries = 64;

/// An entry of a directory, as it stands in the file.
struct Entry {
  std::uint16_t tag, type;
  std::uint64_t count, value;
};

std::int64_t tiles_of(std::int64_t pixels) { return (pixels + PyramidReader::kTile - 1) / PyramidReader::kTile; }

}  // namespace

std::vector<std::uint8_t> coloured(const MapTile& tile, const TileColours& colours) {
  std::vector<std::uint8_t> rgba(4 * tile.values.size());
  std::uint8_t* to = rgba.data();
  for (const std::uint8_t value : tile.values) to = std::copy(colours[value].begin(), colours[value].end(), to);
  return rgba;
}

PyramidReader::PyramidReader(const std::string& path) : path_(path) {
  file_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file_ < 0) {
    throw Error(ErrorCode::kIo, "cannot read " + path + ": " + std::strerror(errno), {{"path", path}});
  }
  try {
    read_levels();
  } catch (...) {
    ::close(file_);
    throw;
  }
}

PyramidReader::~PyramidReader() { ::close(file_); }

void PyramidReader::read_levels() {
  std::uint8_t header[16];
  read_bytes(0, header, sizeof header);
  const std::uint8_t expected[8] = {'I', 'I', 43, 0, 8, 0, 0, 0};
  if (std::memcmp(header, expected, sizeof expected) != 0) refuse("it is no BigTIFF");
  std::uint64_t next = 0;
  std::memcpy(&next, header + 8, sizeof next);
  while (next != 0) {
    if (levels_.size() == kMostLevels) refuse("it has more levels than a map can have");
    next = read_level(next);
  }
  if (levels_.empty()) refuse("it holds no picture");
}

std::uint64_t PyramidReader::read_level(std::uint64_t at) {
  std::uint64_t count = 0;
  read_bytes(at, &count, sizeof count);
  if (count > kMostEntries) refuse("a directory of it is damaged");
  Level level;
  std::int64_t bits = 0, packing = 0, samples = 0, tile_width = 0, tile_height = 0;
  std::uint64_t tiles = 0, tile_sizes = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    std::uint8_t bytes[20];
    read_bytes(at + 8 + 20 * i, bytes, sizeof bytes);
    Entry entry{};
    std::memcpy(&entry.tag, bytes, 2);
    std::memcpy(&entry.type, bytes + 2, 2);
    std::memcpy(&entry.count, bytes + 4, 8);
    std::memcpy(&entry.value, bytes + 12, 8);
    const auto value = static_cast<std::int64_t>(entry.value);
    switch (entry.tag) {
      case 256:
        level.width = value;
        break;
      case 257:
        level.height = value;
        break;
      case 258:
        bits = value & 0xffff;
        break;
      case 259:
        packing = value & 0xffff;
        break;
      case 277:
        samples = value & 0xffff;
        break;
      case 322:
        tile_width = value;
        break;
      case 323:
        tile_height = value;
        break;
      case 324:
        level.offsets = entry.value;
        tiles = entry.count;
        break;
      case 325:
        level.sizes = entry.value;
        tile_sizes = entry.count;
        break;
      default:
        break;
    }
  }
  if (level.width < 1 || level.height < 1 || level.width > kLargestSide || level.height > kLargestSide) {
    refuse("its size can't be true");
  }
  if (bits != 8 || packing != 8 || samples != 1 || tile_width != kTile || tile_height != kTile) {
    refuse("it is of another form");
  }
  level.tiles_across = tiles_of(level.width);
  level.tiles_down = tiles_of(level.height);
  const auto expected = static_cast<std::uint64_t>(level.tiles_across * level.tiles_down);
  if (tiles != expected || tile_sizes != expected) refuse("it lacks tiles");
  levels_.push_back(level);
  std::uint64_t next = 0;
  read_bytes(at + 8 + 20 * count, &next, sizeof next);
  return next;
}

MapTile PyramidReader::read(std::int64_t index, std::int64_t column, std::int64_t row) const {
  if (index < 0 || index >= static_cast<std::int64_t>(levels_.size())) {
    throw Error(ErrorCode::kShape, "the map has no level " + std::to_string(index));
  }
  const Level& level = levels_[static_cast<std::size_t>(index)];
  if (column < 0 || row < 0 || column >= level.tiles_across || row >= level.tiles_down) {
    throw Error(ErrorCode::kShape, "the map has no tile " + std::to_string(column) + ", " + std::to_string(row));
  }
  const auto count = static_cast<std::uint64_t>(level.tiles_across * level.tiles_down);
  const auto tile = static_cast<std::uint64_t>(row * level.tiles_across + column);
  const std::uint64_t size = number_at(level.sizes, count, tile);
  // Deflate makes nothing larger by more than a few bytes.
  if (size > 2 * kTile * kTile) refuse("the size of a tile can't be true");
  std::vector<std::uint8_t> packed(size);
  read_bytes(number_at(level.offsets, count, tile), packed.data(), packed.size());
  std::vector<std::uint8_t> whole(static_cast<std::size_t>(kTile * kTile));
  if (!inflate_into(packed, whole)) refuse("a tile of it is damaged");
  MapTile part;
  part.width = std::min(kTile, level.width - column * kTile);
  part.height = std::min(kTile, level.height - row * kTile);
  part.values.resize(static_cast<std::size_t>(part.width * part.height));
  for (std::int64_t y = 0; y < part.height; ++y) {
    std::memcpy(part.values.data() + y * part.width, whole.data() + y * kTile, static_cast<std::size_t>(part.width));
  }
  return part;
}

/// A number of a list of them; a single one stands in its entry.
std::uint64_t PyramidReader::number_at(std::uint64_t list, std::uint64_t count, std::uint64_t index) const {
  if (count == 1) return list;
  std::uint64_t number = 0;
  read_bytes(list + 8 * index, &number, sizeof number);
  return number;
}

void PyramidReader::read_bytes(std::uint64_t at, void* bytes, std::size_t size) const {
  auto* to = static_cast<std::uint8_t*>(bytes);
  if (at > static_cast<std::uint64_t>(INT64_MAX) - size) refuse("a place in it can't be true");
  while (size > 0) {
    const ssize_t got = ::pread(file_, to, size, static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Error(ErrorCode::kIo, "cannot read " + path_ + ": " + std::strerror(errno), {{"path", path_}});
    if (got == 0) refuse("it is cut off");
    to += got;
    at += static_cast<std::uint64_t>(got);
    size -= static_cast<std::size_t>(got);
  }
}

void PyramidReader::refuse(const char* why) const {
  throw Error(ErrorCode::kDataset,
              path_ + " is no map that wsss-tissue segment wrote (" + why + "); segment the slide again",
              {{"path", path_}});
}

}  // namespace wsss
