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

struct ndb_event;
struct ndb_graph;
struct ndb_stream;

// Bytes now, and the most since the last reset.
struct ndb_amount {
  int64_t now, peak;
};

// Memory of a caching allocator: in live tensors, reserved from the device, in blocks that a stream may still use; and
// how often it had to empty its cache to serve a request, or could not serve it.
struct ndb_memory {
  ndb_amount allocated, reserved, active;
  int64_t retries, ooms;
};

// How samples come from a tensor. With kernel 0 it is columns [F, n] already, and the rest does not matter. Else it is a
// convolution's input [N, C, H, W]: windows at every `stride` pixels, with kernel 1 every stride^2-th pixel of the batch; in
// `groups` groups, `features` features each.
struct ndb_samples {
  int64_t kernel, stride, padding, dilation, groups, features;
};

// Parts of the computation of a network with deconvolution.
enum ndb_part {
  NDB_PART_OTHER,
  NDB_PART_SAMPLES,
  NDB_PART_COVARIANCE,
  NDB_PART_INVERSE_SQRT,
  NDB_PART_WEIGHT,
  NDB_PART_CONVOLUTION,
  NDB_PART_SUMS,
  NDB_PARTS
};

// Seconds of each part, forward and back.
struct ndb_parts {
  double forward[NDB_PARTS], backward[NDB_PARTS];
};

// Version of the libtorch headers this file was compiled with, "2.11.0".
const char* ndb_libtorch_version();

// The vector instructions that libtorch's kernels use on this CPU: `AVX512`. Lives as long as the program.
const char* ndb_cpu_capability();

// One step of SGD with momentum and weight decay (dampening 0) on each of the `count` parameters that has a gradient,
// then drops the gradients. A buffer is undefined until its parameter's first step, and stays so where momentum is 0. The rate
// is the float `rate_on_device` where that is not null.
char* ndb_sgd_step(at::Tensor** parameters, at::Tensor** buffers, size_t count, double rate,
                   const at::Tensor* rate_on_device, double momentum, double weight_decay, bool nesterov);

// Whitening of the samples of `x` absorbed by a weight [.., r, F], differentiable: five new tensors, the weight times the
// deconvolution, that times the mean [.., r, 1], the mean [.., F, 1] and the deconvolution [.., F, F], the last two
// without gradient, and x, which is to be used in its place. With `bf16` the Newton-Schulz steps compute in bfloat16; they
// go on from `start` [.., F, F] where that is not null.
char* ndb_fast_absorb(const at::Tensor* x, const ndb_samples* samples, const at::Tensor* weight,
                      const at::Tensor* start, double eps, int64_t n_iter, bool bf16, at::Tensor** results);

// The inverse square root of symmetric matrices `a` [.., F, F] as above, and the gradient of `a`, symmetric, where `gradient` is that
// of the result: two new tensors.
char* ndb_fast_inverse_sqrt(const at::Tensor* a, const at::Tensor* gradient, int64_t n_iter, at::Tensor** results);

// From here to the matching end the time of this thread belongs to `part`, but for that of parts within it. Without effect
// unless parts are being measured.
void ndb_part_begin(ndb_part part);
void ndb_part_end();

// Begins to measure parts: one measurement at a time. On device `device` of CUDA it is waited for at each boundary; a
// negative one is the CPU.
char* ndb_parts_begin(int64_t device);
char* ndb_parts_end(ndb_parts* parts);

// Makes the kernel for products of matrices on device `index` of CUDA, unless it is there; the message says why it cannot be.
char* ndb_product_kernel(int64_t index);

// Whether products of matrices on CUDA are to go by that kernel, where it can take them.
void ndb_use_product_kernel(bool use);

// Allows or forbids TF32 in CUDA's matrix products and cuDNN's convolutions.
char* ndb_allow_tf32(bool allow);

// Switches autocast in bfloat16 on or off for this thread's operations on CUDA or on the CPU; whether it was on before.
char* ndb_autocast(bool cuda, bool on, bool* before);

// What CUDA's caching allocator says of device `index`.
char* ndb_cuda_memory(int64_t index, ndb_memory* memory);

// Gives unused memory back to every device.
char* ndb_cuda_memory_release();

// Starts new peaks on device `index`.
char* ndb_cuda_memory_reset(int64_t index);

// A new tensor [sizes] of float in the host's memory that a CUDA device reads by itself, from a pool of such.
char* ndb_pinned(const int64_t* sizes, size_t dimensions, at::Tensor** tensor);

// A new event on the current stream of device `index`, to be freed by the caller.
char* ndb_event_record(int64_t index, ndb_event** event);

// The device's time between two events; waits for the second.
char* ndb_event_milliseconds(const ndb_event* from, const ndb_event* to, double* milliseconds);

void ndb_event_free(ndb_event* event);

// From here on device `index` is the current one of this thread, and work on it goes to a stream other than the default one,
// until that is left, which frees what is given here. Both wait for the device.
char* ndb_stream_enter(int64_t index, ndb_stream** stream);
char* ndb_stream_leave(ndb_stream* stream);

// Begins to capture what the current stream, which must not be the default one, is asked to do, as a new graph, to be freed by
// the caller; its memory comes from the pool of these two numbers, with zeros from a new one. The end tells which.
char* ndb_graph_begin(const uint64_t* pool, ndb_graph** graph);
char* ndb_graph_end(ndb_graph* graph, uint64_t* pool);

// Does what was captured, on the current stream.
char* ndb_graph_replay(ndb_graph* graph);

void ndb_graph_free(ndb_graph* graph);

// From now on libtorch's tensors on the CPU are counted, and bounds hold for them. To be called before the first tensor:
// what is freed later without having been counted makes the counts too small.
void ndb_count_host_memory();

// From now on a tensor of 1 MiB or more on the CPU is an error where it would raise the process's private memory above
// `data` bytes (as RLIMIT_DATA counts it) or its address space above `address_space` bytes (RLIMIT_AS). UINT64_MAX: no
// bound.
void ndb_bound_host_memory(uint64_t data, uint64_t address_space);

// Bytes in live tensors on the CPU, and the largest number of them since the last reset.
int64_t ndb_host_memory_live();
int64_t ndb_host_memory_peak();
void ndb_host_memory_reset();
}
