// What is assumed of libtorch's CUDA graphs without their header, which needs those of CUDA.
#pragma once
#include <cstddef>

namespace ndbench {

// Room for an at::cuda::CUDAGraph; libtorch 2.11's has 104 bytes.
constexpr size_t GRAPH_BYTES = 1024;
constexpr size_t GRAPH_ALIGNMENT = alignof(std::max_align_t);

// cudaStreamCaptureModeGlobal: a call of any thread that could disturb the capture is an error.
constexpr int CAPTURE_GLOBAL = 0;

}  // namespace ndbench
