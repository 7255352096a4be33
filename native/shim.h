// What ndbench needs of libtorch and tch does not offer. C linkage, plain types.
//
// Every function that can fail returns null on success, else a message from malloc that the caller frees.
#pragma once
#include <cstddef>
#include <cstdint>

namespace at {
class Tensor;
}

extern "C" {

// Version of the libtorch headers this file was compiled with, "2.11.0".
const char* ndb_libtorch_version();

// One step of SGD with momentum and weight decay (dampening 0) on each of the `count` parameters that has a gradient,
// then drops the gradients. A buffer is undefined until its parameter's first step, and stays so where momentum is 0.
char* ndb_sgd_step(at::Tensor** parameters, at::Tensor** buffers, size_t count, double rate, double momentum,
                   double weight_decay, bool nesterov);

// Allows or forbids TF32 in CUDA's matrix products and cuDNN's convolutions.
char* ndb_allow_tf32(bool allow);

// Number of bytes in live tensors and reserved from device `index` by CUDA's allocator.
char* ndb_cuda_memory_now(int64_t index, int64_t* allocated, int64_t* reserved);

// Largest number of bytes since the last reset in live tensors and reserved from device `index` by CUDA's allocator.
char* ndb_cuda_memory_peak(int64_t index, int64_t* allocated, int64_t* reserved);

// Gives unused memory back to device `index` and starts a new peak.
char* ndb_cuda_memory_reset(int64_t index);
}
