// Products of matrices in single precision on a GPU by a kernel of our own, `product.cu`.
//
// Whitening multiplies matrices of some hundred rows, one after the other. cuBLAS computes such a product in float32 on few
// processors of a large GPU and without tensor cores; the kernel cuts it into smaller tiles for tensor cores, and does in the same
// launch what stands between the products. NVIDIA's run-time compiler, which libtorch's CUDA half brings along, makes it for the
// GPU that is there.
#pragma once
#include <ATen/ATen.h>

#include <optional>
#include <string>
#include <vector>

namespace ndbench {

// left right: [.., M, K] [.., K, N].
struct Factors {
  at::Tensor left;
  at::Tensor right;
};

// beta c + alpha times the sum of the products + gamma I.
struct Sum {
  std::vector<Factors> products;  // one or two, of one shape
  at::Tensor c;                   // or undefined
  double beta = 0, alpha = 1, gamma = 0;
  bool symmetric = false;         // the result is, up to rounding: half is computed
};

// Whether the kernel is to be used; at first it is not.
void use_kernel(bool use);

// The sum by the kernel; none where that is not to be used or cannot take it: on a CPU, in another precision, in rows that begin
// nowhere near a multiple of 16 bytes, on a GPU for which it could not be made.
std::optional<at::Tensor> by_kernel(const Sum& sum);

// Why device `index` has no kernel; empty where it has one.
std::string no_kernel(int64_t index);

// left right by the kernel, or else by libtorch.
at::Tensor product(const at::Tensor& left, const at::Tensor& right);

}  // namespace ndbench
