#include "wsss/slide_segmentation/gate_field.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace wsss {

GateField::GateField(const Slide& slide, const TilePlan& plan, const TissueMask& tissue, std::int64_t patch,
                     std::int64_t classes, std::int64_t batch, int threads, PatchClassifier classify)
    : slide_(slide),
      plan_(plan),
      tissue_(tissue),
      patch_(patch),
      classes_(classes),
      batch_(batch),
      columns_((plan.width + patch - 1) / patch),
      rows_((plan.height + patch - 1) / patch),
      threads_(threads),
      classify_(std::move(classify)) {}

GateField::Around GateField::around(std::int64_t y) const {
  // In patches, from centre to centre.
  const double down = (static_cast<double>(y) + 0.5) / static_cast<double>(patch_) - 0.5;
  const auto upper = static_cast<std::int64_t>(std::floor(down));
  const auto inside = [&](std::int64_t index) { return std::clamp<std::int64_t>(index, 0, rows_ - 1); };
  return {inside(upper), inside(upper + 1), down - static_cast<double>(upper)};
}

void GateField::prepare(std::int64_t top, std::int64_t rows, const StopCheck& check) {
  const std::int64_t first = around(top).upper, last = around(top + rows - 1).lower;
  known_.erase(known_.begin(), known_.lower_bound(first));
  for (std::int64_t index = first; index <= last; ++index) {
    if (known_.count(index) == 0) known_[index] = ask(index, check);
  }
}

std::vector<float> GateField::ask(std::int64_t index, const StopCheck& check) const {
  std::vector<float> probabilities(static_cast<std::size_t>(columns_ * classes_), -1.0F);
  std::vector<std::int64_t> asked;
  for (std::int64_t column = 0; column < columns_; ++column) {
    if (has_tissue(tissue_, plan_.scale_x, plan_.scale_y, column * patch_, index * patch_, patch_, patch_)) {
      asked.push_back(column);
    }
  }
  for (std::size_t begin = 0; begin < asked.size(); begin += static_cast<std::size_t>(batch_)) {
    check();
    const std::size_t end = std::min(asked.size(), begin + static_cast<std::size_t>(batch_));
    std::vector<SlideRegion> squares;
    for (std::size_t i = begin; i < end; ++i) {
      squares.push_back(plan_.region_of(asked[i] * patch_, index * patch_, patch_));
    }
    std::vector<std::uint8_t> rgb(squares.size() * static_cast<std::size_t>(patch_ * patch_ * 3));
    read_squares(slide_, squares, rgb.data(), threads_, check);
    const std::vector<float> said = classify_(rgb, static_cast<std::int64_t>(squares.size()));
    for (std::size_t i = begin; i < end; ++i) {
      std::copy_n(said.begin() + static_cast<std::ptrdiff_t>((i - begin) * static_cast<std::size_t>(classes_)),
                  classes_, probabilities.begin() + static_cast<std::ptrdiff_t>(asked[i] * classes_));
    }
  }
  return probabilities;
}

void GateField::probabilities_at(std::int64_t y, std::int64_t left, std::int64_t count,
                                 std::vector<float>& probabilities) {
  probabilities.assign(static_cast<std::size_t>(classes_ * count), 1.0F);
  const Around rows = around(y);
  const double below = rows.of_lower;
  const std::vector<float>* lines[2] = {&known_.at(rows.upper), &known_.at(rows.lower)};
  // The two lines mixed, for the centres that the pixels lie between: K sums, and how much they count.
  const auto centre_of = [&](std::int64_t x) {
    return (static_cast<float>(x) + 0.5F) / static_cast<float>(patch_) - 0.5F;
  };
  const auto begin = static_cast<std::int64_t>(std::floor(centre_of(left)));
  const auto end = static_cast<std::int64_t>(std::floor(centre_of(left + count - 1))) + 2;
  mixed_.assign(static_cast<std::size_t>((end - begin) * (classes_ + 1)), 0.0F);
  for (std::int64_t centre = begin; centre < end; ++centre) {
    const std::int64_t column = std::clamp<std::int64_t>(centre, 0, columns_ - 1);
    float* sums = mixed_.data() + (centre - begin) * (classes_ + 1);
    for (int i = 0; i < 2; ++i) {
      const float* said = lines[i]->data() + column * classes_;
      if (said[0] < 0.0F) continue;
      const auto share = static_cast<float>(i == 1 ? below : 1.0 - below);
      for (std::int64_t k = 0; k < classes_; ++k) sums[k] += share * said[k];
      sums[classes_] += share;
    }
  }
  for (std::int64_t x = 0; x < count; ++x) {
    const float across = centre_of(left + x);
    const auto first = static_cast<std::int64_t>(std::floor(across));
    const float right = across - static_cast<float>(first);
    const float* here = mixed_.data() + (first - begin) * (classes_ + 1);
    const float* next = here + classes_ + 1;
    const float total = (1.0F - right) * here[classes_] + right * next[classes_];
    if (total <= 0.0F) continue;
    for (std::int64_t k = 0; k < classes_; ++k) {
      probabilities[static_cast<std::size_t>(k * count + x)] = ((1.0F - right) * here[k] + right * next[k]) / total;
    }
  }
}

}  // namespace wsss
