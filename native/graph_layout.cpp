// Holds what graph.cpp assumes of at::cuda::CUDAGraph against the headers of libtorch. They need those of CUDA, so that this
// is compiled where these came with libtorch; nothing in it is ever called.
#include "graph_layout.h"

#include <ATen/cuda/CUDAGraph.h>

#include <type_traits>

namespace {

using Graph = at::cuda::CUDAGraph;

static_assert(sizeof(Graph) <= ndbench::GRAPH_BYTES && alignof(Graph) <= ndbench::GRAPH_ALIGNMENT, "a larger object");
static_assert(std::is_constructible_v<Graph, bool> && !std::is_polymorphic_v<Graph>, "another constructor");
static_assert(std::is_same_v<decltype(&Graph::capture_begin), void (Graph::*)(c10::MempoolId_t, cudaStreamCaptureMode)> &&
                  std::is_same_v<decltype(&Graph::capture_end), void (Graph::*)()> &&
                  std::is_same_v<decltype(&Graph::replay), void (Graph::*)()> &&
                  std::is_same_v<decltype(&Graph::pool), c10::MempoolId_t (Graph::*)()>,
              "other members");
static_assert(sizeof(cudaStreamCaptureMode) == sizeof(int) && cudaStreamCaptureModeGlobal == ndbench::CAPTURE_GLOBAL,
              "another enumeration");

}  // namespace
