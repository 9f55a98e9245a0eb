#include "wsss/class_map/pyramid_tiff.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "wsss/class_map/deflate.h"

namespace wsss {

namespace {

constexpr std::int64_t kTile = 512;

/// Types of values in a directory.
enum FieldType : std::uint16_t { kAscii = 2, kShort = 3, kRational = 5, kLong8 = 16, kIfd8 = 18 };

/// A directory that is being put together: values of up to eight bytes stand in it, others before it.
class Directory {
 public:
  explicit Directory(OutputFile& file) : file_(file) {}

  void add(std::uint16_t tag, FieldType type, std::uint64_t count, const void* bytes, std::size_t size) {
    Entry entry{tag, type, count, {}};
    if (size <= sizeof entry.value) {
      std::memcpy(&entry.value, bytes, size);
    } else {
      entry.value = place(bytes, size);
    }
    entries_.push_back(entry);
  }
  void add_short(std::uint16_t tag, std::uint16_t value) { add(tag, kShort, 1, &value, sizeof value); }
  void add_long8(std::uint16_t tag, std::uint64_t value) { add(tag, kLong8, 1, &value, sizeof value); }
  void add_list(std::uint16_t tag, FieldType type, const std::vector<std::uint64_t>& values) {
    add(tag, type, values.size(), values.data(), values.size() * sizeof(std::uint64_t));
  }
  void add_text(std::uint16_t tag, const std::string& text) {
    add(tag, kAscii, text.size() + 1, text.c_str(), text.size() + 1);
  }
  /// px a centimetre.
  void add_resolution(std::uint16_t tag, double mpp) {
    const std::array<std::uint32_t, 2> fraction{static_cast<std::uint32_t>(1e7 / mpp + 0.5), 1000};
    add(tag, kRational, 1, fraction.data(), sizeof fraction);
  }

  /// Writes it; returns where it stands, and where its link to the next one does.
  std::array<std::uint64_t, 2> write() {
    while (file_.position() % 8 != 0) file_.write("", 1);
    const std::uint64_t start = file_.position();
    const std::uint64_t count = entries_.size();
    file_.write(&count, sizeof count);
    for (const Entry& entry : entries_) {
      file_.write(&entry.tag, sizeof entry.tag);
      file_.write(&entry.type, sizeof entry.type);
      file_.write(&entry.count, sizeof entry.count);
      file_.write(&entry.value, sizeof entry.value);
    }
    const std::uint64_t link = file_.position();
    const std::uint64_t none = 0;
    file_.write(&none, sizeof none);
    return {start, link};
  }

 private:
  struct Entry {
    std::uint16_t tag, type;
    std::uint64_t count, value;
  };

  std::uint64_t place(const void* bytes, std::size_t size) {
    while (file_.position() % 8 != 0) file_.write("", 1);
    const std::uint64_t start = file_.position();
    file_.write(bytes, size);
    return start;
  }

  OutputFile& file_;
  std::vector<Entry> entries_;
};

}  // namespace

/// One resolution: the row of tiles that is being filled, and where those before it lie.
struct PyramidTiff::Level {
  std::int64_t width, height;
  std::int64_t tiles_across;
  std::vector<std::uint8_t> rows;  ///< [kTile, tiles_across * kTile]
  std::int64_t filled = 0;
  std::vector<std::uint64_t> offsets, sizes;
  std::unique_ptr<RowReducer> reducer;  ///< To the next level; null in the last.
};

PyramidTiff::PyramidTiff(const std::string& path, PyramidOptions options) : options_(std::move(options)), file_(path) {
  // Little-endian BigTIFF; the place of the first directory is not known yet.
  const std::uint8_t header[16] = {'I', 'I', 43, 0, 8, 0, 0, 0};
  file_.write(header, sizeof header);
  std::int64_t width = options_.width;
  std::int64_t height = options_.height;
  const Reduction reduction = options_.palette.empty() ? Reduction::kMean : Reduction::kMajority;
  while (true) {
    auto level = std::make_unique<Level>();
    level->width = width;
    level->height = height;
    level->tiles_across = (width + kTile - 1) / kTile;
    level->rows.resize(static_cast<std::size_t>(level->tiles_across * kTile * kTile));
    levels_.push_back(std::move(level));
    if (std::max(width, height) <= kTile) break;
    const std::size_t next = levels_.size();
    levels_.back()->reducer =
        std::make_unique<RowReducer>(width, 2, reduction, [this, next](const std::uint8_t* row) { add_to(next, row); });
    width = (width + 1) / 2;
    height = (height + 1) / 2;
  }
}

PyramidTiff::~PyramidTiff() = default;

void PyramidTiff::add(const std::uint8_t* row) { add_to(0, row); }

void PyramidTiff::add_to(std::size_t index, const std::uint8_t* row) {
  Level& level = *levels_[index];
  std::uint8_t* to = level.rows.data() + level.filled * level.tiles_across * kTile;
  std::memcpy(to, row, static_cast<std::size_t>(level.width));
  if (++level.filled == kTile) write_tiles(level);
  if (level.reducer) level.reducer->add(row);
}

void PyramidTiff::write_tiles(Level& level) {
  const std::int64_t stride = level.tiles_across * kTile;
  std::vector<std::uint8_t> tile(static_cast<std::size_t>(kTile * kTile));
  for (std::int64_t column = 0; column < level.tiles_across; ++column) {
    for (std::int64_t y = 0; y < kTile; ++y) {
      std::memcpy(tile.data() + y * kTile, level.rows.data() + y * stride + column * kTile, kTile);
    }
    const std::vector<std::uint8_t> packed = deflated(tile.data(), tile.size(), Packing::kSmall);
    level.offsets.push_back(file_.position());
    level.sizes.push_back(packed.size());
    file_.write(packed.data(), packed.size());
  }
  std::fill(level.rows.begin(), level.rows.end(), std::uint8_t{0});
  level.filled = 0;
}

void PyramidTiff::finish() {
  for (const auto& level : levels_) {
    if (level->reducer) level->reducer->finish();
    if (level->filled > 0) write_tiles(*level);
  }
  write_directories();
  file_.finish();
}

void PyramidTiff::write_directories() {
  // From the coarsest on, since the finest names the others.
  std::vector<std::array<std::uint64_t, 2>> places(levels_.size());
  std::vector<std::uint64_t> reduced;
  for (std::size_t i = levels_.size(); i-- > 0;) {
    const Level& level = *levels_[i];
    const double shrunk_x = static_cast<double>(options_.width) / static_cast<double>(level.width);
    const double shrunk_y = static_cast<double>(options_.height) / static_cast<double>(level.height);
    const bool is_palette = !options_.palette.empty();
    Directory directory(file_);
    directory.add_long8(254, i == 0 ? 0 : 1);  // NewSubfileType: 1 = reduced
    directory.add_long8(256, static_cast<std::uint64_t>(level.width));
    directory.add_long8(257, static_cast<std::uint64_t>(level.height));
    directory.add_short(258, 8);                   // bits
    directory.add_short(259, 8);                   // deflate
    directory.add_short(262, is_palette ? 3 : 1);  // palette, or 0 = black
    if (i == 0) directory.add_text(270, options_.description);
    directory.add_short(277, 1);  // samples a pixel
    directory.add_resolution(282, options_.mpp_x * shrunk_x);
    directory.add_resolution(283, options_.mpp_y * shrunk_y);
    directory.add_short(284, 1);  // planes in one piece
    directory.add_short(296, 3);  // px a centimetre
    directory.add_text(305, "wsss-tissue-native");
    if (is_palette) {
      std::vector<std::uint16_t> colours(3 * 256, 0);
      for (std::size_t value = 0; value < options_.palette.size(); ++value) {
        for (std::size_t c = 0; c < 3; ++c) {
          colours[c * 256 + value] = static_cast<std::uint16_t>(options_.palette[value][c] * 257);
        }
      }
      directory.add(320, kShort, colours.size(), colours.data(), colours.size() * sizeof(std::uint16_t));
    }
    directory.add_long8(322, kTile);
    directory.add_long8(323, kTile);
    directory.add_list(324, kLong8, level.offsets);
    directory.add_list(325, kLong8, level.sizes);
    if (i == 0 && !reduced.empty()) {
      std::reverse(reduced.begin(), reduced.end());
      directory.add_list(330, kIfd8, reduced);
    }
    directory.add_short(339, 1);  // unsigned
    places[i] = directory.write();
    reduced.push_back(places[i][0]);
  }
  for (std::size_t i = 0; i + 1 < places.size(); ++i) file_.write_at(places[i][1], &places[i + 1][0], 8);
  file_.write_at(8, &places[0][0], 8);
}

}  // namespace wsss
