// The loops of WSSS_LOOPS for the types that maps are stored as: what each_processor.h repeats. Of float32 alone where
// WSSS_LOOPS_OF_FLOAT32 is defined.

namespace float32 {
using T = float;
#include WSSS_LOOPS
}  // namespace float32
#if !defined(WSSS_LOOPS_OF_FLOAT32)
namespace bfloat16 {
using T = c10::BFloat16;
#include WSSS_LOOPS
}  // namespace bfloat16
#endif
