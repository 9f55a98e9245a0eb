#include "wsss/label_suggestion/patch_features.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "wsss/core/error.h"
#include "wsss/core/libtorch.h"
#include "wsss/core/memory_reuse.h"
#include "wsss/device/memory_failure.h"

namespace wsss {

namespace {

// A channel that is the same everywhere says nothing; it must not be made loud.
constexpr double kSmallestDeviation = 1e-6;

at::Tensor mean_of_channels(const at::Tensor& level) { return level.to(at::kFloat).mean({2, 3}); }

}  // namespace

PatchFeatures::PatchFeatures(std::int64_t count) {
  if (count < 1) throw Error(ErrorCode::kShape, "features need a set of at least one patch");
  filled_.assign(static_cast<std::size_t>(count), false);
}

void PatchFeatures::check(std::int64_t position) const {
  if (position >= 0 && position < count()) return;
  throw Error(ErrorCode::kShape, "there is no patch " + std::to_string(position) + " among " + std::to_string(count()));
}

void PatchFeatures::set(const std::vector<std::int64_t>& positions, const at::Tensor& rows) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (rows.dim() != 2 || rows.size(0) != static_cast<std::int64_t>(positions.size())) {
    throw Error(ErrorCode::kShape, "features need one row for each patch");
  }
  if (!rows_.defined()) rows_ = at::zeros({count(), rows.size(1)}, at::kFloat);
  if (rows_.size(1) != rows.size(1)) throw Error(ErrorCode::kShape, "features of two networks do not go together");
  for (const std::int64_t position : positions) check(position);
  for (std::size_t i = 0; i < positions.size(); ++i) {
    rows_.select(0, positions[i]).copy_(rows.select(0, static_cast<std::int64_t>(i)));
    filled_[static_cast<std::size_t>(positions[i])] = true;
  }
}

at::Tensor PatchFeatures::standardised() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<std::int64_t> there;
  for (std::int64_t i = 0; i < count(); ++i) {
    if (filled_[static_cast<std::size_t>(i)]) there.push_back(i);
  }
  if (there.empty()) throw Error(ErrorCode::kShape, "no patch has been described yet");
  const at::Tensor positions = at::tensor(at::ArrayRef<std::int64_t>(there), at::kLong);
  const at::Tensor known = rows_.index_select(0, positions);
  const at::Tensor mean = known.mean(0);
  const at::Tensor deviation = (known - mean).square().mean(0).sqrt();
  const at::Tensor loudness = at::where(deviation > kSmallestDeviation, deviation.reciprocal(), at::zeros({}));
  const at::Tensor scaled = (known - mean) * (loudness / std::sqrt(static_cast<double>(rows_.size(1))));
  return at::zeros_like(rows_).index_copy_(0, positions, scaled);
}

at::Tensor describe_patches(Classifier& network, const PatchStore& patches, std::int64_t batch_size,
                            const ProgressObserver& progress, const CancelToken& cancel) {
  const CancelScope scope(cancel);
  const MemoryReuse memory;
  const torch::NoGradGuard no_grad;
  const auto& weights = network->class_weights();
  network->eval();
  const c10::ScalarType input = network->reads_bytes() ? at::kByte : weights.scalar_type();
  Dropout none;
  std::vector<at::Tensor> rows;
  for (std::int64_t begin = 0; begin < patches.count(); begin += batch_size) {
    const std::int64_t end = std::min(begin + batch_size, patches.count());
    work_on_batch(end - begin, weights.device(), [&](std::int64_t count) {
      std::vector<std::int64_t> indices(static_cast<std::size_t>(count));
      std::iota(indices.begin(), indices.end(), begin);
      const at::Tensor images = image_batch(patches, indices, {}, input, weights.device());
      const FeatureLevels levels = network->features(images, none);
      rows.push_back(
          at::cat({mean_of_channels(levels.shallow), mean_of_channels(levels.middle), mean_of_channels(levels.deep)}, 1)
              .cpu());
    });
    if (progress) progress(end, patches.count());
  }
  return at::cat(rows);
}

}  // namespace wsss
