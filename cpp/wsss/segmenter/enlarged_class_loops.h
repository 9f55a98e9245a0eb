// The loop of enlarged_classes.cpp, compiled by each_processor.h.

#include "wsss/convolution/lanes.h"

using Bytes = std::uint8_t __attribute__((vector_size(kStep)));
using Places = std::int32_t __attribute__((vector_size(kStep * sizeof(std::int32_t))));

WSSS_INLINE Places places_at(const std::int32_t* from) {
  Places places;
  std::memcpy(&places, from, sizeof places);
  return places;
}

void classes_of_row(const ColumnReads& columns, const float* rows, std::int64_t row_stride,
                    const std::vector<std::uint8_t>& classes, std::uint8_t* out) {
  for (std::size_t step = 0; step < columns.first.size(); ++step) {
    const std::size_t x = step * static_cast<std::size_t>(kStep);
    const Places places_left = places_at(columns.left.data() + x), places_right = places_at(columns.right.data() + x);
    Lanes of_right;
    load(of_right, columns.of_right.data() + x);
    Lanes best{};
    Places winner{};
    for (std::size_t i = 0; i < classes.size(); ++i) {
      Lanes coarse;
      load(coarse, rows + static_cast<std::int64_t>(i) * row_stride + columns.first[step]);
      const Lanes left = __builtin_shuffle(coarse, places_left), right = __builtin_shuffle(coarse, places_right);
      const Lanes value = left + (right - left) * of_right;
      const Places own = Places{} + static_cast<std::int32_t>(classes[i]);
      const Places wins = i == 0 ? Places{} == Places{} : value > best;
      best = wins ? value : best;
      winner = wins ? own : winner;
    }
    const Bytes bytes = __builtin_convertvector(winner, Bytes);
    std::memcpy(out + x, &bytes, sizeof bytes);
  }
}

constexpr Loops<T> loops{kStep, &classes_of_row};
