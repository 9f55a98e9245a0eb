#include "wsss/slide_segmentation/segment_slide.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "wsss/slide_segmentation/serial_worker.h"
#include "wsss/slide_segmentation/tile_blend.h"
#include "wsss/slide_segmentation/tile_reader.h"

namespace wsss {

namespace {

/// Applies the gate to the logits [K, width] of some pixels of a row, as gate_logits() does to those of a patch.
void gate_pixels(const SlideGate& gate, const std::vector<float>& probabilities, std::int64_t classes,
                 std::int64_t width, std::vector<float>& logits) {
  for (std::int64_t x = 0; x < width; ++x) {
    bool any_open = false;
    for (std::int64_t k = 0; k < classes; ++k) {
      any_open |= probabilities[static_cast<std::size_t>(k * width + x)] > gate.threshold;
    }
    if (!any_open && !gate.multiplies) continue;  // Where all classes are closed nothing is gated.
    for (std::int64_t k = 0; k < classes; ++k) {
      const auto i = static_cast<std::size_t>(k * width + x);
      if (probabilities[i] > gate.threshold) continue;
      logits[i] = gate.multiplies ? 0.0F : -std::numeric_limits<float>::infinity();
    }
  }
}

/// The class with the largest logit, the first on ties.
std::int64_t winner_of(const float* logits, std::int64_t classes, std::int64_t stride) {
  std::int64_t best = 0;
  for (std::int64_t k = 1; k < classes; ++k) {
    if (logits[k * stride] > logits[best * stride]) best = k;
  }
  return best;
}

/// Softmax of one pixel's logits.
class Probabilities {
 public:
  Probabilities(const float* logits, std::int64_t classes, std::int64_t stride, std::int64_t best)
      : logits_(logits), stride_(stride), largest_(logits[best * stride]) {
    for (std::int64_t k = 0; k < classes; ++k) sum_ += std::exp(logits[k * stride] - largest_);
  }

  /// 255 = 1.
  std::uint8_t of(std::int64_t k) const {
    return static_cast<std::uint8_t>(std::lround(255.0F * std::exp(logits_[k * stride_] - largest_) / sum_));
  }

 private:
  const float* logits_;
  std::int64_t stride_;
  float largest_;
  float sum_ = 0.0F;
};

std::int64_t planes_of(const SlideSegmentation& work) {
  return 1 + (work.confidence ? 1 : 0) + (work.heat_class ? 1 : 0);
}

/// Turns finished logits of a row of tiles into a band of the map.
class BandPainter {
 public:
  BandPainter(const Slide& slide, const TissueMask& tissue, const SlideSegmentation& work, const StopCheck& check)
      : tissue_(tissue), work_(work), check_(check) {
    if (!work.gate) return;
    field_.emplace(slide, work.plan, tissue, work.gate->patch, work.classes, work.batch, work.threads,
                   work.gate->classify);
  }

  /// Asks the classifier about what a row of tiles needs.
  void prepare(std::int64_t row, std::int64_t rows) {
    if (field_) field_->prepare(row * work_.plan.stride(), rows, check_);
  }

  bool has_gate() const { return field_.has_value(); }

  void begin(std::int64_t row, std::int64_t rows) {
    top_ = row * work_.plan.stride();
    rows_ = rows;
    band_.assign(static_cast<std::size_t>(planes_of(work_) * rows_ * work_.plan.width), 0);
    std::fill_n(band_.begin(), rows_ * work_.plan.width, static_cast<std::uint8_t>(work_.classes));
  }

  void paint(std::int64_t row, std::int64_t left, std::int64_t width, const float* logits, const float* weights) {
    if (row >= rows_ || left >= work_.plan.width) return;
    const std::int64_t count = std::min(width, work_.plan.width - left);
    if (!has_tissue(tissue_, work_.plan.scale_x, work_.plan.scale_y, left, top_ + row, count, 1)) return;
    own_.resize(static_cast<std::size_t>(work_.classes * count));
    for (std::int64_t k = 0; k < work_.classes; ++k) std::copy_n(logits + k * width, count, own_.data() + k * count);
    if (field_ && work_.gate) {
      field_->probabilities_at(top_ + row, left, count, probabilities_);
      gate_pixels(*work_.gate, probabilities_, work_.classes, count, own_);
    }
    std::uint8_t* classes = band_.data() + row * work_.plan.width + left;
    const std::int64_t plane = rows_ * work_.plan.width;
    std::uint8_t* confidence = work_.confidence ? classes + plane : nullptr;
    const std::int64_t heat_class = work_.heat_class.value_or(0);
    std::uint8_t* heat = work_.heat_class ? classes + (planes_of(work_) - 1) * plane : nullptr;
    const double y = (static_cast<double>(top_ + row) + 0.5) * work_.plan.scale_y;
    for (std::int64_t x = 0; x < count; ++x) {
      if (weights[x] <= 0.0F || !tissue_.at((static_cast<double>(left + x) + 0.5) * work_.plan.scale_x, y)) continue;
      const std::int64_t winner = winner_of(own_.data() + x, work_.classes, count);
      classes[x] = static_cast<std::uint8_t>(winner);
      if (confidence == nullptr && heat == nullptr) continue;
      const Probabilities probabilities(own_.data() + x, work_.classes, count, winner);
      if (confidence != nullptr) confidence[x] = probabilities.of(winner);
      if (heat != nullptr) heat[x] = probabilities.of(heat_class);
    }
  }

  const std::vector<std::uint8_t>& band() const { return band_; }

 private:
  const TissueMask& tissue_;
  const SlideSegmentation& work_;
  const StopCheck& check_;
  std::optional<GateField> field_;
  std::int64_t top_ = 0, rows_ = 0;
  std::vector<std::uint8_t> band_;
  std::vector<float> own_, probabilities_;
};

/// The batches of all rows of tiles from one on; a batch is of one row, so that a run that goes on computes the same.
std::vector<TileBatch> batches_from(std::int64_t first_row, const TissueMask& tissue, const SlideSegmentation& work) {
  std::vector<TileBatch> batches;
  for (std::int64_t row = first_row; row < work.plan.rows(); ++row) {
    const std::vector<std::int64_t> columns = work.plan.columns_with_tissue(tissue, row);
    for (std::size_t begin = 0; begin < columns.size(); begin += static_cast<std::size_t>(work.batch)) {
      const std::size_t end = std::min(columns.size(), begin + static_cast<std::size_t>(work.batch));
      TileBatch batch;
      batch.row = row;
      batch.columns.assign(columns.begin() + static_cast<std::ptrdiff_t>(begin),
                           columns.begin() + static_cast<std::ptrdiff_t>(end));
      batches.push_back(std::move(batch));
    }
  }
  return batches;
}

}  // namespace

BandLayout layout_of(const SlideSegmentation& work) {
  return {work.plan.width, work.plan.height, work.plan.stride(), planes_of(work), work.fingerprint};
}

void segment_slide(const Slide& slide, const TissueMask& tissue, const SlideSegmentation& work,
                   const TileObserver& progress, const StopCheck& check) {
  const TilePlan& plan = work.plan;
  const BandLayout layout = layout_of(work);
  BandWriter writer(work.rows_file, layout);
  const std::int64_t finished = writer.count();
  // The row before the first new one is computed again for what the two share.
  const std::int64_t first_row = plan.overlap > 0 ? std::max<std::int64_t>(0, finished - 1) : finished;
  if (finished == plan.rows()) return;
  std::vector<TileBatch> batches = batches_from(first_row, tissue, work);
  const std::int64_t total = plan.tiles_with_tissue(tissue);
  std::int64_t done = total;
  for (const TileBatch& batch : batches) done -= static_cast<std::int64_t>(batch.columns.size());
  std::vector<std::size_t> batches_of_row(static_cast<std::size_t>(plan.rows()), 0);
  for (const TileBatch& batch : batches) ++batches_of_row[static_cast<std::size_t>(batch.row)];

  BandPainter painter(slide, tissue, work, check);
  bool is_new = false;
  TileBlend blend(
      work.classes, plan.tile, plan.overlap, plan.columns(),
      [&](std::int64_t row, std::int64_t start, std::int64_t width, const float* logits, const float* weights) {
        if (is_new) painter.paint(row, start, width, logits, weights);
      });
  TileReader reader(slide, plan, std::move(batches), work.threads);
  // Blends, paints and writes while the network looks at the next tiles.
  SerialWorker worker;
  for (std::int64_t row = first_row; row < plan.rows(); ++row) {
    if (row >= finished && painter.has_gate()) {
      worker.finish();
      painter.prepare(row, layout.rows_of(row));
    }
    worker.post([&, row] {
      is_new = row >= finished;
      if (is_new) painter.begin(row, layout.rows_of(row));
      blend.begin_row();
    });
    for (std::size_t i = 0; i < batches_of_row[static_cast<std::size_t>(row)]; ++i) {
      check();
      const TileBatch batch = reader.next();
      const auto count = static_cast<std::int64_t>(batch.columns.size());
      worker.post([&, columns = batch.columns, logits = work.segment(batch.rgb, count)] {
        const float* of_tile = logits.data();
        for (const std::int64_t column : columns) {
          blend.add(column, of_tile);
          of_tile += work.classes * plan.tile * plan.tile;
        }
      });
      done += count;
      if (progress) progress(done, total);
    }
    worker.post([&] {
      blend.end_row();
      if (is_new) writer.append(painter.band());
    });
  }
  worker.finish();
}

}  // namespace wsss
