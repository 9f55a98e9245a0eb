// The finished rows of a class map on the disk, band by band: what a segmentation that was stopped goes on from.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace wsss {

/// What a band file holds.
struct BandLayout {
  std::int64_t width = 0, height = 0;  ///< Of the whole map, in px.
  std::int64_t band_rows = 0;          ///< Rows of a band; of the last one perhaps fewer.
  std::int64_t planes = 1;             ///< Maps of the same size in it.
  std::string fingerprint;             ///< What the map depends on; one of another is not gone on with.

  std::int64_t band_count() const { return (height + band_rows - 1) / band_rows; }
  std::int64_t rows_of(std::int64_t band) const {
    return band + 1 < band_count() ? band_rows : height - band * band_rows;
  }
  /// Bytes of a band: [planes, rows, width].
  std::size_t bytes_of(std::int64_t band) const { return static_cast<std::size_t>(planes * rows_of(band) * width); }
};

/// Appends bands; each is on the disk before the next begins.
class BandWriter {
 public:
  /// Opens a file, or the one that is there if it is of the same layout: its whole bands are kept, and a part of one,
  /// which a kill has left, is cut off.
  ///
  /// @throws Error kIo; kBusy if another process writes it.
  BandWriter(std::string path, BandLayout layout);
  ~BandWriter();
  BandWriter(const BandWriter&) = delete;
  BandWriter& operator=(const BandWriter&) = delete;

  /// Bands that are there.
  std::int64_t count() const { return count_; }

  /// @param bytes  [planes, rows, width] of the next band.
  /// @throws Error kIo
  void append(const std::vector<std::uint8_t>& bytes);

 private:
  std::int64_t end_of_whole();

  std::string path_;
  BandLayout layout_;
  int file_;
  std::int64_t count_ = 0;
};

/// Reads the bands from the first to the last.
class BandReader {
 public:
  /// @throws Error kIo, also if the file is of another layout.
  BandReader(std::string path, BandLayout layout);
  ~BandReader();
  BandReader(const BandReader&) = delete;
  BandReader& operator=(const BandReader&) = delete;

  /// The next band; false after the last whole one.
  bool next(std::vector<std::uint8_t>& bytes);
  /// Where the band after the last whole one would begin, in bytes of the file.
  std::int64_t end_of_whole() const { return end_; }

 private:
  BandLayout layout_;
  int file_;
  std::int64_t band_ = 0;
  std::int64_t end_ = 0;
};

}  // namespace wsss
