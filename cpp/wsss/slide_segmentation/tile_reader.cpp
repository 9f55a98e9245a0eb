#include "wsss/slide_segmentation/tile_reader.h"

#include <iterator>
#include <utility>

#include "wsss/core/error.h"

namespace wsss {

namespace {

constexpr std::size_t kAhead = 2;

}  // namespace

TileReader::TileReader(const Slide& slide, const TilePlan& plan, std::vector<TileBatch> batches, int threads)
    : slide_(slide),
      plan_(plan),
      threads_(threads),
      waiting_(std::make_move_iterator(batches.begin()), std::make_move_iterator(batches.end())) {
  thread_ = std::thread([this] { read_all(); });
}

TileReader::~TileReader() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

TileBatch TileReader::next() {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [this] { return !ready_.empty() || failure_; });
  if (ready_.empty()) std::rethrow_exception(failure_);
  TileBatch batch = std::move(ready_.front());
  ready_.pop_front();
  lock.unlock();
  changed_.notify_all();
  return batch;
}

void TileReader::read_all() {
  const StopCheck check = [this] {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (stopped_) throw Error(ErrorCode::kCancelled, "the work was cancelled");
  };
  while (true) {
    TileBatch batch;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      changed_.wait(lock, [this] { return stopped_ || ready_.size() < kAhead; });
      if (stopped_ || waiting_.empty()) return;
      batch = std::move(waiting_.front());
      waiting_.pop_front();
    }
    try {
      std::vector<SlideRegion> squares;
      squares.reserve(batch.columns.size());
      for (const std::int64_t column : batch.columns) {
        squares.push_back(plan_.region_of(column * plan_.stride(), batch.row * plan_.stride(), plan_.tile));
      }
      batch.rgb.resize(squares.size() * static_cast<std::size_t>(plan_.tile * plan_.tile * 3));
      read_squares(slide_, squares, batch.rgb.data(), threads_, check);
    } catch (...) {
      const std::lock_guard<std::mutex> lock(mutex_);
      failure_ = std::current_exception();
      changed_.notify_all();
      return;
    }
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      ready_.push_back(std::move(batch));
    }
    changed_.notify_all();
  }
}

}  // namespace wsss
