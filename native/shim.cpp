#include "shim.h"
#include "guarded.h"
#include "product.h"

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <ATen/Version.h>
#include <c10/core/GradMode.h>
#include <torch/version.h>

#include <string>
#include <vector>

namespace {

// Parameters that take their step together, with what belongs to them.
struct Group {
  std::vector<at::Tensor> parameters, gradients, buffers;

  template <typename Rate>
  void step(const Rate& rate, double momentum, double weight_decay, bool nesterov, bool first) {
    if (parameters.empty()) return;
    at::_fused_sgd_(parameters, gradients, buffers, weight_decay, momentum, rate, /*dampening=*/0.0, nesterov,
                    /*maximize=*/false, first);
  }
};

}  // namespace

const char* ndb_libtorch_version() { return TORCH_VERSION; }

const char* ndb_cpu_capability() {
  static const std::string capability = at::get_cpu_capability();
  return capability.c_str();
}

char* ndb_sgd_step(at::Tensor** parameters, at::Tensor** buffers, size_t count, double rate,
                   const at::Tensor* rate_on_device, double momentum, double weight_decay, bool nesterov) {
  return guarded([&] {
    c10::NoGradGuard no_grad;
    Group first, later;
    for (size_t i = 0; i < count; ++i) {
      const at::Tensor& gradient = parameters[i]->grad();
      if (!gradient.defined()) continue;
      Group* group = &later;
      if (momentum != 0.0) {
        if (!buffers[i]->defined()) {
          *buffers[i] = at::empty_like(*parameters[i]);
          group = &first;
        }
        group->buffers.push_back(*buffers[i]);
      }
      group->parameters.push_back(*parameters[i]);
      group->gradients.push_back(gradient);
    }
    const auto step = [&](Group& group, bool is_first) {
      if (rate_on_device) group.step(*rate_on_device, momentum, weight_decay, nesterov, is_first);
      else group.step(rate, momentum, weight_decay, nesterov, is_first);
    };
    step(first, true);
    step(later, false);
    for (size_t i = 0; i < count; ++i) parameters[i]->mutable_grad().reset();
  });
}

char* ndb_product_kernel(int64_t index) {
  return guarded([&] {
    const std::string why = ndbench::no_kernel(index);
    TORCH_CHECK(why.empty(), why);
  });
}

void ndb_use_product_kernel(bool use) { ndbench::use_kernel(use); }

char* ndb_allow_tf32(bool allow) {
  return guarded([&] {
    at::globalContext().setAllowTF32CuBLAS(allow);
    at::globalContext().setAllowTF32CuDNN(allow);
  });
}
