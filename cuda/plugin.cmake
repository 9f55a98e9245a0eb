# The CUDA plugin: compiled by nvcc, linked to nothing. The CUDA runtime and the LibTorch that it calls are in the process
# when the addon opens it. Machine code for the generations from Turing (T4) to Blackwell (B200), PTX for what comes after.
find_program(WSSS_NVCC nvcc REQUIRED)
set(WSSS_CUDA_PLUGIN "${CMAKE_BINARY_DIR}/Release/wsss_tissue_cuda.so")
set(WSSS_CUDA_SOURCES "${CMAKE_SOURCE_DIR}/cuda/kernels.cu" "${CMAKE_SOURCE_DIR}/cuda/device_graph.cpp")
file(GLOB WSSS_CUDA_HEADERS CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/cpp/wsss/kernels/*.h"
  "${CMAKE_SOURCE_DIR}/cpp/wsss/recording/device_graph.h" "${CMAKE_SOURCE_DIR}/cpp/wsss/kernels/memory_segments.h")
set(WSSS_GPUS -gencode arch=compute_75,code=sm_75 -gencode arch=compute_80,code=sm_80 -gencode arch=compute_90,code=sm_90
  -gencode arch=compute_100,code=sm_100 -gencode arch=compute_100,code=compute_100)
# The second two stand for a header that only LibTorch's CUDA builds have.
set(WSSS_CUDA_DEFINITIONS -D_GLIBCXX_USE_CXX11_ABI=1 -DC10_USING_CUSTOM_GENERATED_MACROS -DC10_CUDA_BUILD_SHARED_LIBS)
if(WSSS_WARNINGS_AS_ERRORS)
  set(WSSS_NVCC_WARNINGS -Werror all-warnings)
endif()
add_custom_command(OUTPUT "${WSSS_CUDA_PLUGIN}"
  COMMAND ${CMAKE_COMMAND} -E make_directory "${CMAKE_BINARY_DIR}/Release"
  COMMAND ${WSSS_NVCC} -std=c++20 -O2 -shared -cudart none ${WSSS_GPUS} ${WSSS_NVCC_WARNINGS}
    -Xcompiler -fPIC,-fvisibility=hidden,-fvisibility-inlines-hidden,-Wall,-Wextra
    -I "${CMAKE_SOURCE_DIR}/cpp" -isystem "${WSSS_LIBTORCH}/include" ${WSSS_CUDA_DEFINITIONS}
    ${WSSS_CUDA_SOURCES} -o "${WSSS_CUDA_PLUGIN}"
  DEPENDS ${WSSS_CUDA_SOURCES} ${WSSS_CUDA_HEADERS}
  COMMENT "Compiling the CUDA plugin" VERBATIM)
add_custom_target(wsss_tissue_cuda ALL DEPENDS "${WSSS_CUDA_PLUGIN}")
