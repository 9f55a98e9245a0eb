#include "wsss/class_map/row_reducer.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace wsss {

namespace {

/// As majority(), in the order in which it looks at them: most of the time of a pyramid goes to blocks of four.
std::uint8_t majority_of_four(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
  const std::uint8_t of_the_rest = (b == c || b == d) ? b : c == d ? c : a;
  return (a == b || a == c || a == d) ? a : of_the_rest;
}

}  // namespace

RowReducer::RowReducer(std::int64_t width, std::int64_t factor, Reduction reduction, RowConsumer consume)
    : width_(width), factor_(factor), reduction_(reduction), consume_(std::move(consume)) {
  rows_.resize(static_cast<std::size_t>(width_ * factor_));
  reduced_.resize(static_cast<std::size_t>(this->width()));
}

void RowReducer::add(const std::uint8_t* row) {
  if (factor_ == 1) {
    consume_(row);
    return;
  }
  std::memcpy(rows_.data() + collected_ * width_, row, static_cast<std::size_t>(width_));
  if (++collected_ == factor_) give_out();
}

void RowReducer::finish() {
  if (collected_ > 0) give_out();
}

void RowReducer::give_out() {
  const bool by_fours = reduction_ == Reduction::kMajority && factor_ == 2 && collected_ == 2;
  const std::int64_t whole = by_fours ? width_ / 2 : 0;
  const std::uint8_t *above = rows_.data(), *below = above + width_;
  for (std::int64_t block = 0; block < whole; ++block) {
    const std::int64_t x = 2 * block;
    reduced_[static_cast<std::size_t>(block)] = majority_of_four(above[x], above[x + 1], below[x], below[x + 1]);
  }
  for (std::int64_t block = whole; block < width(); ++block) {
    const std::int64_t first = block * factor_;
    const std::int64_t end = std::min(first + factor_, width_);
    reduced_[static_cast<std::size_t>(block)] =
        reduction_ == Reduction::kMajority ? majority(first, end) : mean(first, end);
  }
  collected_ = 0;
  consume_(reduced_.data());
}

/// Of the block from column `first` to before `end`.
std::uint8_t RowReducer::majority(std::int64_t first, std::int64_t end) {
  std::uint8_t best = rows_[static_cast<std::size_t>(first)];
  bool is_mixed = false;
  const auto for_each = [&](auto use) {
    for (std::int64_t row = 0; row < collected_; ++row) {
      const std::uint8_t* at = rows_.data() + row * width_;
      for (std::int64_t x = first; x < end; ++x) use(at[x]);
    }
  };
  for_each([&](std::uint8_t value) { is_mixed |= value != best; });
  if (!is_mixed) return best;
  for_each([&](std::uint8_t value) { ++counts_[value]; });
  for_each([&](std::uint8_t value) {
    if (counts_[value] > counts_[best]) best = value;
  });
  for_each([&](std::uint8_t value) { counts_[value] = 0; });
  return best;
}

std::uint8_t RowReducer::mean(std::int64_t first, std::int64_t end) const {
  std::int64_t sum = 0;
  for (std::int64_t row = 0; row < collected_; ++row) {
    for (std::int64_t x = first; x < end; ++x) sum += rows_[static_cast<std::size_t>(row * width_ + x)];
  }
  const std::int64_t count = collected_ * (end - first);
  return static_cast<std::uint8_t>((2 * sum + count) / (2 * count));
}

}  // namespace wsss
