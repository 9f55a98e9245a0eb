#include "wsss/training/training_options.h"

#include <chrono>
#include <cmath>
#include <sstream>

#include "wsss/core/error.h"
#include "wsss/core/libtorch.h"
#include "wsss/core/random.h"

namespace wsss {

namespace {

std::int64_t now_ns() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

}  // namespace

std::int64_t steps_per_epoch(std::int64_t count, const TrainingOptions& options) {
  const std::int64_t whole = count / options.batch_size;
  const bool has_rest = count % options.batch_size != 0;
  // A set smaller than one batch still trains, on the batch that it can fill.
  return whole + ((has_rest && (!options.drop_last_batch || whole == 0)) ? 1 : 0);
}

std::vector<std::vector<std::int64_t>> epoch_batches(std::int64_t count, const TrainingOptions& options,
                                                     std::int64_t epoch) {
  const auto order = shuffled_order(count, options.seed, static_cast<std::uint64_t>(epoch));
  std::vector<std::vector<std::int64_t>> batches;
  for (std::int64_t b = 0; b < steps_per_epoch(count, options); ++b) {
    const std::int64_t begin = b * options.batch_size;
    const std::int64_t end = std::min(begin + options.batch_size, count);
    batches.emplace_back(order.begin() + begin, order.begin() + end);
  }
  return batches;
}

void require_finite_loss(double loss, std::int64_t step, double learning_rate) {
  if (std::isfinite(loss)) return;
  std::ostringstream message;
  message << "the loss became " << loss << " at step " << step << " (learning rate " << learning_rate
          << "); nothing saved was changed. Try a lower learning rate, or a gradient clip norm of 5";
  throw Error(ErrorCode::kDiverged, message.str(),
              {{"step", static_cast<double>(step)}, {"learningRate", learning_rate}});
}

Stopwatch::Stopwatch() : start_ns_(now_ns()) {}

double Stopwatch::elapsed_ms() const { return static_cast<double>(now_ns() - start_ns_) / 1e6; }

std::vector<AugmentationDraw> draws_of(const TrainingOptions& options, std::int64_t epoch,
                                       const std::vector<std::int64_t>& patches) {
  std::vector<AugmentationDraw> draws;
  draws.reserve(patches.size());
  for (const auto patch : patches) {
    draws.push_back(draw_augmentation(options.augmentation, options.seed, epoch, patch));
    if (options.mosaics) draws.back().mosaic = options.mosaics->draw(options.seed, epoch, patch);
  }
  return draws;
}

}  // namespace wsss
