#include "wsss/core/precision.h"

namespace wsss {

namespace {
thread_local Precision current = Precision::kFloat32;
}  // namespace

PrecisionScope::PrecisionScope(Precision precision) : previous_(current) { current = precision; }

PrecisionScope::~PrecisionScope() { current = previous_; }

Precision current_precision() { return current; }

at::Tensor unrounded(const at::Tensor& maps) {
  return maps.scalar_type() == at::kBFloat16 ? maps.to(at::kFloat) : maps;
}

}  // namespace wsss
