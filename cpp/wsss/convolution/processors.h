#pragma once

// One body, compiled for several instruction sets; the loader takes what the processor has.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define WSSS_FOR_EACH_PROCESSOR __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define WSSS_FOR_EACH_PROCESSOR
#endif
