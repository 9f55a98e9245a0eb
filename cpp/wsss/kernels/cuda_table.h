// The list of kernels that addon and CUDA plugin agree on.
#pragma once

#include <torch/headeronly/util/BFloat16.h>

#include <cstdint>

#include "wsss/kernels/affine.h"
#include "wsss/kernels/augment.h"
#include "wsss/kernels/enlargement_gradient.h"
#include "wsss/kernels/pda_attention.h"
#include "wsss/kernels/pixel_loss.h"
#include "wsss/kernels/recolour.h"

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
  /// A number that tells tables apart whose operations differ in number, order or size.
  static constexpr std::int64_t layout() {
    std::int64_t number = static_cast<std::int64_t>(sizeof...(Ops));
    ((number = number * 1009 + static_cast<std::int64_t>(sizeof(Ops))), ...);
    return number % 1000000007;
  }
};
using CudaTable =
    CudaTableOf<AffineForward<float>, AffineForward<c10::BFloat16>, AffineBackward<float>,
                AffineBackward<c10::BFloat16>, PdaAttention<float>, PdaAttention<double>, PdaAttentionGradient<float>,
                PdaAttentionGradient<double>, PixelLoss<float>, PixelLoss<double>, PixelLossGradient<float>,
                PixelLossGradient<double>, CoarseGradient<float>, CoarseGradient<double>, EnlargementGradient<float>,
                EnlargementGradient<c10::BFloat16>, GatherPatches, BlurPatches, RecolourPatches>;

/// To be raised when the meaning of an operation's fields, or of what the plugin exports, changes without any size.
inline constexpr std::int64_t kCudaTableVersion = 3;
/// What the plugin exports: its table, or null if the caller knows another version or layout.
extern "C" const CudaTable* wsss_cuda_table(std::int64_t version, std::int64_t layout);

}  // namespace wsss
