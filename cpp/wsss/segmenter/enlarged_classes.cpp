#include "wsss/segmenter/enlarged_classes.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <vector>

#include "wsss/convolution/instruction_set.h"
#include "wsss/convolution/stored.h"

namespace wsss {

namespace {

/// What the pixels of an enlarged row read. Steps of neighbours, as many as a processor works on at once, read from one
/// place on; all vectors but `first` are filled up to whole steps.
struct ColumnReads {
  std::vector<std::int64_t> first;        ///< For each step, the first coarse column.
  std::vector<std::int32_t> left, right;  ///< For each pixel, counted from there.
  std::vector<float> of_right;            ///< The part of the right one; the rest is the left one's.
};

template <typename T>
struct Loops {
  std::int64_t step;
  /// @param rows  [classes][row_stride]: coarse logits of one row, with room for a step behind each.
  /// @param out   with room for whole steps.
  void (*classes_of_row)(const ColumnReads& columns, const float* rows, std::int64_t row_stride,
                         const std::vector<std::uint8_t>& classes, std::uint8_t* out);
};

#define WSSS_LOOPS_OF_FLOAT32
#define WSSS_LOOPS "wsss/segmenter/enlarged_class_loops.h"
#include "wsss/convolution/each_processor.h"
#undef WSSS_LOOPS_OF_FLOAT32

/// Where a position of an enlarged side lies between two of the coarse one; in float32, as ATen's enlargement.
struct Between {
  std::int64_t before, after;
  float of_after;

  Between(std::int64_t position, std::int64_t coarse, std::int64_t enlarged) {
    const float scale = enlarged > 1 ? static_cast<float>(coarse - 1) / static_cast<float>(enlarged - 1) : 0.0F;
    const float at = scale * static_cast<float>(position);
    before = std::min(static_cast<std::int64_t>(at), coarse - 1);
    after = std::min(before + 1, coarse - 1);
    of_after = at - static_cast<float>(before);
  }
};

ColumnReads column_reads(std::int64_t coarse, std::int64_t width, std::int64_t step) {
  ColumnReads reads;
  for (std::int64_t x = 0; x < width; x += step) {
    const std::int64_t first = Between(x, coarse, width).before;
    reads.first.push_back(first);
    for (std::int64_t lane = 0; lane < step; ++lane) {
      const Between place(std::min(x + lane, width - 1), coarse, width);
      reads.left.push_back(static_cast<std::int32_t>(place.before - first));
      reads.right.push_back(static_cast<std::int32_t>(place.after - first));
      reads.of_right.push_back(place.of_after);
    }
  }
  return reads;
}

/// The classes that may win in a patch.
std::vector<std::uint8_t> open_classes(const at::Tensor& open, std::int64_t patch, std::int64_t classes) {
  std::vector<std::uint8_t> list;
  for (std::int64_t k = 0; k < classes; ++k) {
    if (!open.defined() || open.const_data_ptr<bool>()[patch * classes + k]) {
      list.push_back(static_cast<std::uint8_t>(k));
    }
  }
  if (!list.empty()) return list;
  list.resize(static_cast<std::size_t>(classes));
  std::iota(list.begin(), list.end(), static_cast<std::uint8_t>(0));
  return list;
}

}  // namespace

bool takes_enlarged_classes(const at::Tensor& coarse, std::int64_t height, std::int64_t width) {
  // Neighbours then read fewer columns than there are neighbours.
  return coarse.is_cpu() && coarse.scalar_type() == at::kFloat && height >= 2 * coarse.size(2) - 1 &&
         width >= 2 * coarse.size(3) - 1;
}

at::Tensor enlarged_classes(const at::Tensor& coarse, std::int64_t height, std::int64_t width, const at::Tensor& open) {
  const at::Tensor logits = coarse.contiguous();
  const at::Tensor may_win = open.defined() ? open.contiguous() : open;
  const std::int64_t count = logits.size(0), classes = logits.size(1), rows = logits.size(2), row = logits.size(3);
  const Loops<float>& loops = best_loops(float());
  const ColumnReads columns = column_reads(row, width, loops.step);
  const std::int64_t row_stride = row + loops.step;
  const at::Tensor out = at::empty({count, height, width}, at::kByte);
  constexpr std::int64_t kRowsOfAThread = 32;
  at::parallel_for(0, count * height, kRowsOfAThread, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> between(static_cast<std::size_t>(classes * row_stride), 0.0F);
    std::vector<std::uint8_t> line(columns.left.size());
    std::vector<std::uint8_t> list;
    for (std::int64_t unit = begin; unit < end; ++unit) {
      const std::int64_t patch = unit / height, y = unit % height;
      if (list.empty() || y == 0) list = open_classes(may_win, patch, classes);
      const Between place(y, rows, height);
      for (std::size_t i = 0; i < list.size(); ++i) {
        const float* map = logits.const_data_ptr<float>() + (patch * classes + list[i]) * rows * row;
        const float *above = map + place.before * row, *below = map + place.after * row;
        float* to = between.data() + static_cast<std::int64_t>(i) * row_stride;
        for (std::int64_t x = 0; x < row; ++x) to[x] = above[x] + (below[x] - above[x]) * place.of_after;
      }
      loops.classes_of_row(columns, between.data(), row_stride, list, line.data());
      std::memcpy(out.data_ptr<std::uint8_t>() + unit * width, line.data(), static_cast<std::size_t>(width));
    }
  });
  return out;
}

}  // namespace wsss
