#pragma once

#include <torch/headeronly/util/BFloat16.h>

#include <cstdint>

#include "wsss/kernels/affine.h"
#include "wsss/kernels/augment.h"
#include "wsss/kernels/pda_attention.h"
#include "wsss/kernels/pixel_loss.h"

namespace wsss {

/// Runs one kind of operation on a CUDA device.
template <typename Op>
struct CudaLauncher {
  /// Queues op(0) to op(count - 1) on a stream (a cudaStream_t). Returns null, or what CUDA says is wrong.
  const char* (*launch)(const Op& op, std::int64_t count, void* stream) = nullptr;
};

/// The kernels of the CUDA plugin, one launcher for each operation; an operation that is not in the list does not
/// compile.
template <typename... Ops>
struct CudaTableOf : CudaLauncher<Ops>... {
  std::int64_t version = 0;
};
using CudaTable =
    CudaTableOf<AffineForward<float>, AffineForward<c10::BFloat16>, AffineBackward<float>,
                AffineBackward<c10::BFloat16>, PdaAttention<float>, PdaAttention<double>, PdaAttentionGradient<float>,
                PdaAttentionGradient<double>, PixelLoss<float>, PixelLoss<double>, PixelLossGradient<float>,
                PixelLossGradient<double>, CoarseGradient<float>, CoarseGradient<double>, GatherPatches, BlurPatches>;

/// Counts up with every change of an operation's fields: addon and plugin must be of one build.
inline constexpr std::int64_t kCudaTableVersion = 1;
/// What the plugin exports: `extern "C" const wsss::CudaTable* wsss_cuda_table()`.
inline constexpr const char* kCudaTableSymbol = "wsss_cuda_table";

}  // namespace wsss
