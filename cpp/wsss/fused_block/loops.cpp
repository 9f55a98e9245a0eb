#include "wsss/fused_block/loops.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "wsss/convolution/instruction_set.h"
#include "wsss/convolution/stored.h"

namespace wsss {

namespace {

template <typename T>
struct Loops {
  void (*to_float32)(const Product<T, float>& product);
  void (*to_bfloat16)(const Product<T, c10::BFloat16>& product);
  /// By kernel, 3 and 5, and stride, 1 and 2.
  void (*filter_row[2][2])(const Filter<T>& filter);
};

#define WSSS_LOOPS_WITH_PRODUCTS
#define WSSS_LOOPS "wsss/fused_block/band_loops.h"
#include "wsss/convolution/each_processor.h"
#undef WSSS_LOOPS_WITH_PRODUCTS

}  // namespace

template <typename In, typename Out>
void multiply(const Product<In, Out>& product) {
  if constexpr (std::is_same_v<Out, float>) {
    best_loops(In()).to_float32(product);
  } else {
    best_loops(In()).to_bfloat16(product);
  }
}

template <typename T>
void filter_row(const Filter<T>& filter, std::int64_t kernel, std::int64_t stride) {
  best_loops(T()).filter_row[kernel == 5 ? 1 : 0][stride - 1](filter);
}

template void multiply(const Product<float, float>& product);
template void multiply(const Product<float, c10::BFloat16>& product);
template void multiply(const Product<c10::BFloat16, float>& product);
template void multiply(const Product<c10::BFloat16, c10::BFloat16>& product);
template void filter_row(const Filter<float>& filter, std::int64_t kernel, std::int64_t stride);
template void filter_row(const Filter<c10::BFloat16>& filter, std::int64_t kernel, std::int64_t stride);

}  // namespace wsss
