#include "shim.h"

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/GradMode.h>
#include <torch/version.h>

#include <cstring>
#include <exception>
#include <vector>

namespace {

// Runs `body`; an exception becomes a message.
template <typename Body>
char* guarded(Body body) {
  try {
    body();
    return nullptr;
  } catch (const std::exception& e) {
    return strdup(e.what());
  } catch (...) {
    return strdup("an exception without a message");
  }
}

// Parameters that take their step together, with what belongs to them.
struct Group {
  std::vector<at::Tensor> parameters, gradients, buffers;

  void step(double rate, double momentum, double weight_decay, bool nesterov, bool first) {
    if (parameters.empty()) return;
    at::_fused_sgd_(parameters, gradients, buffers, weight_decay, momentum, rate, /*dampening=*/0.0, nesterov,
                    /*maximize=*/false, first);
  }
};

}  // namespace

const char* ndb_libtorch_version() { return TORCH_VERSION; }

char* ndb_sgd_step(at::Tensor** parameters, at::Tensor** buffers, size_t count, double rate, double momentum,
                   double weight_decay, bool nesterov) {
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
    first.step(rate, momentum, weight_decay, nesterov, true);
    later.step(rate, momentum, weight_decay, nesterov, false);
    for (size_t i = 0; i < count; ++i) parameters[i]->mutable_grad().reset();
  });
}

char* ndb_allow_tf32(bool allow) {
  return guarded([&] {
    at::globalContext().setAllowTF32CuBLAS(allow);
    at::globalContext().setAllowTF32CuDNN(allow);
  });
}

char* ndb_cuda_memory_peak(int64_t index, int64_t* allocated, int64_t* reserved) {
  return guarded([&] {
    using c10::CachingAllocator::StatType;
    const auto stats = c10::getDeviceAllocator(c10::DeviceType::CUDA)->getDeviceStats(c10::DeviceIndex(index));
    const auto all = static_cast<size_t>(StatType::AGGREGATE);
    *allocated = stats.allocated_bytes[all].peak;
    *reserved = stats.reserved_bytes[all].peak;
  });
}

char* ndb_cuda_memory_now(int64_t index, int64_t* allocated, int64_t* reserved) {
  return guarded([&] {
    using c10::CachingAllocator::StatType;
    const auto stats = c10::getDeviceAllocator(c10::DeviceType::CUDA)->getDeviceStats(c10::DeviceIndex(index));
    const auto all = static_cast<size_t>(StatType::AGGREGATE);
    *allocated = stats.allocated_bytes[all].current;
    *reserved = stats.reserved_bytes[all].current;
  });
}

char* ndb_cuda_memory_reset(int64_t index) {
  return guarded([&] {
    auto* allocator = c10::getDeviceAllocator(c10::DeviceType::CUDA);
    allocator->emptyCache();
    allocator->resetPeakStats(c10::DeviceIndex(index));
  });
}
