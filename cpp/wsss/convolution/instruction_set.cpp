#include "wsss/convolution/instruction_set.h"

#include <algorithm>
#include <atomic>

namespace wsss {

namespace {

std::atomic<InstructionSet> limit{InstructionSet::kAvx512Bf16};

InstructionSet detected() {
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl")) {
    return __builtin_cpu_supports("avx512bf16") ? InstructionSet::kAvx512Bf16 : InstructionSet::kAvx512;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return InstructionSet::kAvx2;
#endif
  return InstructionSet::kBaseline;
}

}  // namespace

InstructionSet instruction_set() {
  static const InstructionSet kNewest = detected();
  return std::min(kNewest, limit.load(std::memory_order_relaxed));
}

InstructionSetLimit::InstructionSetLimit(InstructionSet newest) : previous_(limit.exchange(newest)) {}

InstructionSetLimit::~InstructionSetLimit() { limit = previous_; }

}  // namespace wsss
