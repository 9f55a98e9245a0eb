# The CUDA plugin: compiled by nvcc, linked to nothing. The CUDA runtime that it calls comes with a CUDA LibTorch, beside
# which the addon opens it. Machine code for the generations from Turing (T4) to Blackwell (B200), PTX for what comes after.
find_program(WSSS_NVCC nvcc REQUIRED)
set(WSSS_CUDA_PLUGIN "${CMAKE_BINARY_DIR}/Release/wsss_tissue_cuda.so")
file(GLOB WSSS_KERNEL_HEADERS CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/cpp/wsss/kernels/*.h")
set(WSSS_GPUS -gencode arch=compute_75,code=sm_75 -gencode arch=compute_80,code=sm_80 -gencode arch=compute_90,code=sm_90
  -gencode arch=compute_100,code=sm_100 -gencode arch=compute_100,code=compute_100)
if(WSSS_WARNINGS_AS_ERRORS)
  set(WSSS_NVCC_WARNINGS -Werror all-warnings)
endif()
add_custom_command(OUTPUT "${WSSS_CUDA_PLUGIN}"
  COMMAND ${CMAKE_COMMAND} -E make_directory "${CMAKE_BINARY_DIR}/Release"
  COMMAND ${WSSS_NVCC} -std=c++17 -O2 -shared -cudart none ${WSSS_GPUS} ${WSSS_NVCC_WARNINGS}
    -Xcompiler -fPIC,-fvisibility=hidden,-Wall,-Wextra -I "${CMAKE_SOURCE_DIR}/cpp" -isystem "${WSSS_LIBTORCH}/include"
    "${CMAKE_SOURCE_DIR}/cuda/plugin.cu" -o "${WSSS_CUDA_PLUGIN}"
  DEPENDS "${CMAKE_SOURCE_DIR}/cuda/plugin.cu" ${WSSS_KERNEL_HEADERS}
  COMMENT "Compiling the CUDA plugin" VERBATIM)
add_custom_target(wsss_tissue_cuda ALL DEPENDS "${WSSS_CUDA_PLUGIN}")
