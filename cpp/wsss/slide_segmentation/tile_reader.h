// Reads the next tiles of a slide while the ones before are worked on.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "wsss/slide_segmentation/tile_plan.h"

namespace wsss {

/// Tiles of one row of the plan that the network sees at once.
struct TileBatch {
  std::int64_t row = 0;
  std::vector<std::int64_t> columns;
  std::vector<std::uint8_t> rgb;  ///< [n, tile, tile, 3]
};

/// Gives out batches in the order of a list. A thread of its own reads up to two ahead.
class TileReader {
 public:
  TileReader(const Slide& slide, const TilePlan& plan, std::vector<TileBatch> batches, int threads);
  /// Stops reading.
  ~TileReader();
  TileReader(const TileReader&) = delete;
  TileReader& operator=(const TileReader&) = delete;

  /// The next batch with its pixels; to be asked for as often as there are batches.
  /// @throws what reading threw.
  TileBatch next();

 private:
  void read_all();

  const Slide& slide_;
  const TilePlan& plan_;
  int threads_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<TileBatch> waiting_;  ///< Still to be read.
  std::deque<TileBatch> ready_;
  std::exception_ptr failure_;
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace wsss
