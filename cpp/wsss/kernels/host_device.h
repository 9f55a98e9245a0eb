// The macro that marks functions for both CPU and CUDA.
#pragma once

/// Before a function that runs on the CPU and in CUDA kernels alike.
#if defined(__CUDACC__)
#define WSSS_HOST_DEVICE __host__ __device__
#else
#define WSSS_HOST_DEVICE
#endif
