#include "shim.h"
#include "guarded.h"

#include <ATen/ATen.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <memory>

namespace {

constexpr auto CUDA = c10::DeviceType::CUDA;

auto* allocator() { return c10::getDeviceAllocator(CUDA); }

}  // namespace

// An event of CUDA that keeps the time at which its stream reached it.
struct ndb_event {
  c10::Event event{CUDA, c10::EventFlag::BACKEND_DEFAULT};
};

char* ndb_cuda_memory(int64_t index, ndb_memory* memory) {
  return guarded([&] {
    const auto stats = allocator()->getDeviceStats(c10::DeviceIndex(index));
    const auto all = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
    const auto amount = [&](const auto& of) { return ndb_amount{of[all].current, of[all].peak}; };
    *memory = {amount(stats.allocated_bytes), amount(stats.reserved_bytes), amount(stats.active_bytes),
               stats.num_alloc_retries, stats.num_ooms};
  });
}

char* ndb_cuda_memory_release() {
  return guarded([] { allocator()->emptyCache(); });
}

char* ndb_cuda_memory_reset(int64_t index) {
  return guarded([&] { allocator()->resetPeakStats(c10::DeviceIndex(index)); });
}

char* ndb_pinned(const int64_t* sizes, size_t dimensions, at::Tensor** tensor) {
  return guarded([&] {
    const auto options = at::TensorOptions().dtype(at::kFloat).pinned_memory(true);
    *tensor = new at::Tensor(at::empty(at::IntArrayRef(sizes, dimensions), options));
  });
}

char* ndb_event_record(int64_t index, ndb_event** event) {
  return guarded([&] {
    auto made = std::make_unique<ndb_event>();
    const c10::impl::VirtualGuardImpl guard(CUDA);
    made->event.record(guard.getStream(c10::Device(CUDA, c10::DeviceIndex(index))));
    *event = made.release();
  });
}

char* ndb_event_milliseconds(const ndb_event* from, const ndb_event* to, double* milliseconds) {
  return guarded([&] {
    to->event.synchronize();
    *milliseconds = from->event.elapsedTime(to->event);
  });
}

void ndb_event_free(ndb_event* event) { delete event; }
