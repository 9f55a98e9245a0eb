// Compiles the loops in the header that WSSS_LOOPS names, once per instruction set and type of map values.
//
// Include it in an anonymous namespace that has a template `Loops<T>`, a table of functions for the type `T`; the
// header defines a constant `loops` of that template. best_loops() is the table for the processor at hand.
// The file that includes it includes wsss/convolution/instruction_set.h. WSSS_REGISTER_FLOATS is how many floats a
// register has; the compiler's own macros do not follow the pragmas.
//
// Where WSSS_LOOPS_WITH_PRODUCTS is defined, the loops multiply bfloat16 themselves, and those of maps stored so are
// compiled once more, with WSSS_MULTIPLIES_BFLOAT16 defined, for processors that have an instruction for it.
//
// Not target_clones, since GCC takes vectors apart for the oldest processor before it clones a function.

#define WSSS_REGISTER_FLOATS 4
namespace baseline {
#include "wsss/convolution/each_type.h"
}  // namespace baseline
#undef WSSS_REGISTER_FLOATS

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define WSSS_REGISTER_FLOATS 8
#pragma GCC push_options
#pragma GCC target("avx2,fma")
namespace avx2 {
#include "wsss/convolution/each_type.h"
}  // namespace avx2
#pragma GCC pop_options
#undef WSSS_REGISTER_FLOATS

#define WSSS_REGISTER_FLOATS 16
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,prefer-vector-width=512")
namespace avx512 {
#include "wsss/convolution/each_type.h"
}  // namespace avx512
#pragma GCC pop_options

#if defined(WSSS_LOOPS_WITH_PRODUCTS)
#define WSSS_MULTIPLIES_BFLOAT16
#pragma GCC push_options
#pragma GCC target("avx512bf16,avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,prefer-vector-width=512")
namespace avx512_bf16::bfloat16 {
using T = c10::BFloat16;
#include WSSS_LOOPS
}  // namespace avx512_bf16::bfloat16
#pragma GCC pop_options
#undef WSSS_MULTIPLIES_BFLOAT16
#endif
#undef WSSS_REGISTER_FLOATS

#define WSSS_BEST_LOOPS(type)         \
  switch (instruction_set()) {        \
    case InstructionSet::kAvx512Bf16: \
    case InstructionSet::kAvx512:     \
      return avx512::type::loops;     \
    case InstructionSet::kAvx2:       \
      return avx2::type::loops;       \
    case InstructionSet::kBaseline:   \
      break;                          \
  }                                   \
  return baseline::type::loops;
#else
#define WSSS_BEST_LOOPS(type) return baseline::type::loops;
#endif

/// The loops for the type of the argument.
inline const Loops<float>& best_loops(float) { WSSS_BEST_LOOPS(float32) }
#if !defined(WSSS_LOOPS_OF_FLOAT32)
inline const Loops<c10::BFloat16>& best_loops(c10::BFloat16) {
#if defined(WSSS_LOOPS_WITH_PRODUCTS) && defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
  if (instruction_set() == InstructionSet::kAvx512Bf16) return avx512_bf16::bfloat16::loops;
#endif
  WSSS_BEST_LOOPS(bfloat16)
}
#endif

#undef WSSS_BEST_LOOPS
#undef WSSS_LOOPS
