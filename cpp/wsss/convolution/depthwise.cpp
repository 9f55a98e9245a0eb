#include "wsss/convolution/depthwise.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "wsss/convolution/instruction_set.h"
#include "wsss/convolution/pixels.h"
#include "wsss/convolution/stored.h"
#include "wsss/core/libtorch.h"

namespace wsss {

namespace {

/// A column of the kernel, and the column that it reads.
struct Tap {
  std::int64_t tap, column;
};

/// Neighbours of a written row that read alike are worked on together.
constexpr std::int64_t kPixelsOfARun = 4;

/// One or kPixelsOfARun of them.
struct Run {
  std::int64_t column, pixels;
  std::int64_t write_step, read_step;
  std::vector<Tap> taps;  ///< Of the first pixel.
};

/// A row of the kernel, and the row that it reads.
template <typename T>
struct RowRead {
  std::int64_t tap;
  const T* row;
};

/// A row to be written, each channel from the same channel of what is read.
template <typename T>
struct Gathering {
  const std::vector<RowRead<T>>* rows;
  const float* weight;  ///< [k * k][C]
  std::int64_t kernel, channels;
  T* out;
};

/// What a row of a kernel's gradient is added up from.
template <typename T>
struct WeightRow {
  const T *gradient, *x;
  std::int64_t channels, width, out_width;
  std::int64_t inner_begin, inner_end;  ///< Where all taps lie inside the map.
  std::int64_t stride, dilation, padding;
};

template <typename T>
struct Loops {
  void (*gather)(const Gathering<T>& row, const std::vector<Run>& runs);
  /// For kernels of 3 and of 5.
  void (*add_weight_row[2])(const WeightRow<T>& row, float* sums);
};

#define WSSS_LOOPS "wsss/convolution/depthwise_loops.h"
#include "wsss/convolution/each_processor.h"

/// What the positions of a side read: in a convolution of the map, in its backward pass of the gradients.
class Reading {
 public:
  Reading(const DepthwiseShape& shape, bool is_backward) : shape_(shape), is_backward_(is_backward) {}

  /// Where a tap reads for a position; below 0 or from `side` up is padding, and so is what lies between strides.
  std::int64_t place(std::int64_t position, std::int64_t tap, std::int64_t side) const {
    if (!is_backward_) return position * shape_.stride + tap * shape_.dilation - shape_.padding;
    const std::int64_t at = position + shape_.padding - tap * shape_.dilation;
    return at >= 0 && at % shape_.stride == 0 ? at / shape_.stride : side;
  }

  std::vector<Tap> taps_of(std::int64_t position, std::int64_t side) const {
    std::vector<Tap> taps;
    for (std::int64_t tap = 0; tap < shape_.kernel; ++tap) {
      const std::int64_t at = place(position, tap, side);
      if (at >= 0 && at < side) taps.push_back({tap, at});
    }
    return taps;
  }

  /// The columns of a written row, those that read alike together.
  std::vector<Run> runs(std::int64_t written, std::int64_t side) const {
    // What a stride leaves out differs from column to column, and is the same again a stride further.
    const std::int64_t write_step = is_backward_ ? shape_.stride : 1;
    const std::int64_t read_step = is_backward_ ? 1 : shape_.stride;
    std::vector<Run> runs;
    for (std::int64_t first = 0; first < write_step; ++first) {
      std::int64_t column = first;
      while (column < written) {
        Run run{column, 1, write_step, read_step, taps_of(column, side)};
        if (reads_alike(run, written, side)) run.pixels = kPixelsOfARun;
        column += run.pixels * write_step;
        runs.push_back(std::move(run));
      }
    }
    return runs;
  }

 private:
  bool reads_alike(const Run& run, std::int64_t written, std::int64_t side) const {
    if (run.column + (kPixelsOfARun - 1) * run.write_step >= written) return false;
    for (std::int64_t pixel = 1; pixel < kPixelsOfARun; ++pixel) {
      const std::vector<Tap> taps = taps_of(run.column + pixel * run.write_step, side);
      const auto follows = [&](const Tap& before, const Tap& tap) {
        return tap.tap == before.tap && tap.column == before.column + pixel * run.read_step;
      };
      if (!std::equal(run.taps.begin(), run.taps.end(), taps.begin(), taps.end(), follows)) return false;
    }
    return true;
  }

  DepthwiseShape shape_;
  bool is_backward_;
};

/// [C, 1, k, k] -> [k * k, C]
at::Tensor by_taps(const at::Tensor& weight) { return weight.reshape({weight.size(0), -1}).t().contiguous(); }

/// @param from     [N, C, H, W] channels-last.
/// @param written  height and width of what is returned.
at::Tensor gathered(const at::Tensor& from, const at::Tensor& weight, std::int64_t kernel, const Reading& reading,
                    std::int64_t height, std::int64_t width) {
  const std::int64_t channels = from.size(1), source_height = from.size(2), source_width = from.size(3);
  const at::Tensor out =
      at::empty({from.size(0), channels, height, width}, from.options().memory_format(at::MemoryFormat::ChannelsLast));
  const std::vector<Run> runs = reading.runs(width, source_width);
  const at::Tensor taps = by_taps(weight);
  const std::int64_t grain = std::max<std::int64_t>(1, kValuesOfAThread / std::max<std::int64_t>(1, width * channels));
  for_type_of(from, [&]<typename T>(T) {
    const T* source = from.const_data_ptr<T>();
    T* target = out.data_ptr<T>();
    at::parallel_for(0, from.size(0) * height, grain, [&](std::int64_t begin, std::int64_t end) {
      std::vector<RowRead<T>> rows;
      for (std::int64_t unit = begin; unit < end; ++unit) {
        const T* image = source + unit / height * source_height * source_width * channels;
        rows.clear();
        for (const Tap& tap : reading.taps_of(unit % height, source_height)) {
          rows.push_back({tap.tap, image + tap.column * source_width * channels});
        }
        best_loops(T()).gather(
            {&rows, taps.const_data_ptr<float>(), kernel, channels, target + unit * width * channels}, runs);
      }
    });
  });
  return out;
}

/// Sums of a part of the rows of gradients, [k * k * C].
template <typename T>
std::vector<double> weight_sums(const at::Tensor& x, const at::Tensor& gradient, const DepthwiseShape& shape,
                                std::int64_t begin, std::int64_t end) {
  const std::int64_t channels = x.size(1), height = x.size(2), out_height = gradient.size(2);
  WeightRow<T> row{};
  row.channels = channels;
  row.width = x.size(3);
  row.out_width = gradient.size(3);
  row.stride = shape.stride;
  row.dilation = shape.dilation;
  row.padding = shape.padding;
  const std::int64_t last_tap = shape.dilation * (shape.kernel - 1) - shape.padding;
  row.inner_begin = std::min(row.out_width, (shape.padding + shape.stride - 1) / shape.stride);
  const std::int64_t fitting = row.width - last_tap <= 0 ? 0 : (row.width - last_tap - 1) / shape.stride + 1;
  row.inner_end = std::clamp(fitting, row.inner_begin, row.out_width);
  const auto size = static_cast<std::size_t>(shape.kernel * shape.kernel * channels);
  std::vector<float> of_image(size, 0.0F);
  std::vector<double> sums(size, 0.0);
  for (std::int64_t unit = begin; unit < end; ++unit) {
    const std::int64_t image = unit / out_height;
    row.gradient = gradient.const_data_ptr<T>() + unit * row.out_width * channels;
    for (std::int64_t i = 0; i < shape.kernel; ++i) {
      const std::int64_t y = unit % out_height * shape.stride + i * shape.dilation - shape.padding;
      if (y < 0 || y >= height) continue;
      row.x = x.const_data_ptr<T>() + (image * height + y) * row.width * channels;
      best_loops(T()).add_weight_row[shape.kernel == 5 ? 1 : 0](row, of_image.data() + i * shape.kernel * channels);
    }
    if (unit + 1 < end && (unit + 1) / out_height == image) continue;
    for (std::size_t at = 0; at < size; ++at) sums[at] += of_image[at];
    std::fill(of_image.begin(), of_image.end(), 0.0F);
  }
  return sums;
}

/// [C, 1, k, k] float32
at::Tensor weight_gradient(const at::Tensor& x, const at::Tensor& gradient, const DepthwiseShape& shape) {
  const std::int64_t rows = gradient.size(0) * gradient.size(2);
  const std::int64_t parts = std::clamp<std::int64_t>(gradient.numel() / kValuesOfAThread, 1, at::get_num_threads());
  std::vector<std::vector<double>> partial(static_cast<std::size_t>(parts));
  for_type_of(x, [&]<typename T>(T) {
    at::parallel_for(0, parts, 1, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t part = first; part < last; ++part) {
        partial[static_cast<std::size_t>(part)] =
            weight_sums<T>(x, gradient, shape, rows * part / parts, rows * (part + 1) / parts);
      }
    });
  });
  std::vector<double>& total = partial.front();
  for (std::size_t part = 1; part < partial.size(); ++part) {
    for (std::size_t at = 0; at < total.size(); ++at) total[at] += partial[part][at];
  }
  const at::Tensor by_tap = at::tensor(at::ArrayRef<double>(total), at::kDouble).view({-1, x.size(1)});
  return by_tap.t().reshape({x.size(1), 1, shape.kernel, shape.kernel}).to(at::kFloat);
}

class DepthwiseConvolution : public torch::autograd::Function<DepthwiseConvolution> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            std::int64_t stride, std::int64_t dilation, std::int64_t padding) {
    context->save_for_backward({weight.requires_grad() ? x : at::Tensor(), weight});
    const DepthwiseShape shape{weight.size(2), stride, dilation, padding};
    context->saved_data["stride"] = stride;
    context->saved_data["dilation"] = dilation;
    context->saved_data["padding"] = padding;
    context->saved_data["height"] = x.size(2);
    context->saved_data["width"] = x.size(3);
    const auto out = [&](std::int64_t side) {
      return (side + 2 * padding - dilation * (shape.kernel - 1) - 1) / stride + 1;
    };
    return gathered(x, weight, shape.kernel, Reading(shape, /*is_backward=*/false), out(x.size(2)), out(x.size(3)));
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor& x = saved[0];
    const at::Tensor& weight = saved[1];
    const auto number = [&](const char* name) { return context->saved_data[name].toInt(); };
    const DepthwiseShape shape{weight.size(2), number("stride"), number("dilation"), number("padding")};
    const at::Tensor gradient = channels_last(gradients[0]);
    torch::autograd::variable_list result(5);
    if (context->needs_input_grad(0)) {
      result[0] = gathered(gradient, weight, shape.kernel, Reading(shape, /*is_backward=*/true), number("height"),
                           number("width"));
    }
    if (context->needs_input_grad(1)) result[1] = weight_gradient(x, gradient, shape);
    return result;
  }
};

}  // namespace

bool takes_depthwise(const at::Tensor& x, const at::Tensor& weight) {
  return is_plain(x) && weight.scalar_type() == at::kFloat && weight.size(1) == 1 && weight.size(0) == x.size(1) &&
         weight.size(2) == weight.size(3) && (weight.size(2) == 3 || weight.size(2) == 5);
}

at::Tensor depthwise_convolution(const at::Tensor& x, const at::Tensor& weight, const DepthwiseShape& shape) {
  return DepthwiseConvolution::apply(channels_last(x), weight, shape.stride, shape.dilation, shape.padding);
}

}  // namespace wsss
