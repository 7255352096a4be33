// Two made-up CUDA devices for libtorch: their allocator says figures that differ from one another, and their clock stands
// still between events, each of which takes it 2.5 ms further.
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

#include <cstring>

namespace {

using c10::CachingDeviceAllocator::DeviceStats;
using c10::DeviceIndex;

constexpr auto CUDA = c10::DeviceType::CUDA;
constexpr DeviceIndex DEVICES = 2;

struct ScriptedAllocator final : c10::DeviceAllocator {
  DeviceStats stats[DEVICES];

  ScriptedAllocator() {
    constexpr auto all = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
    for (int64_t index = 0; index < DEVICES; ++index) {
      auto& of = stats[index];
      const auto set = [&](auto& amounts, int64_t now, int64_t peak) {
        // What is not the sum of all pools must not be taken for it.
        for (auto& amount : amounts) amount.current = amount.peak = -1;
        amounts[all].current = now + index;
        amounts[all].peak = peak + index;
      };
      set(of.allocated_bytes, 1000, 2000);
      set(of.reserved_bytes, 3000, 4000);
      set(of.active_bytes, 5000, 6000);
      of.num_alloc_retries = 70 + index;
      of.num_ooms = 80 + index;
    }
  }

  DeviceStats& at(DeviceIndex index) {
    TORCH_CHECK(index >= 0 && index < DEVICES, "no device ", int(index));
    return stats[index];
  }

  bool initialized() override { return true; }
  DeviceStats getDeviceStats(DeviceIndex index) override { return at(index); }
  void resetAccumulatedStats(DeviceIndex) override {}
  void recordStream(const c10::DataPtr&, c10::Stream) override {}
  c10::DataPtr allocate(size_t) override { TORCH_CHECK(false, "nothing is allocated here"); }
  void copy_data(void* to, const void* from, size_t bytes) const override { std::memcpy(to, from, bytes); }

  void emptyCache(c10::MempoolId_t) override {
    for (auto& of : stats)
      for (auto& amount : of.reserved_bytes) amount.current = 3;
  }

  void resetPeakStats(DeviceIndex index) override {
    auto& of = at(index);
    for (auto* amounts : {&of.allocated_bytes, &of.reserved_bytes, &of.active_bytes})
      for (auto& amount : *amounts) amount.peak = amount.current;
  }
};

struct ScriptedGuard final : c10::impl::DeviceGuardImplInterface {
  mutable double milliseconds = 0;

  c10::DeviceType type() const override { return CUDA; }
  c10::Device getDevice() const override { return {CUDA, 0}; }
  c10::Device exchangeDevice(c10::Device) const override { return getDevice(); }
  void setDevice(c10::Device) const override {}
  void uncheckedSetDevice(c10::Device) const noexcept override {}
  DeviceIndex deviceCount() const noexcept override { return DEVICES; }
  c10::Stream exchangeStream(c10::Stream stream) const override { return stream; }

  c10::Stream getStream(c10::Device device) const override {
    TORCH_CHECK(device.index() < DEVICES, "no device ", int(device.index()));
    return c10::Stream(c10::Stream::DEFAULT, device);
  }

  void record(void** event, const c10::Stream&, DeviceIndex, c10::EventFlag flag) const override {
    TORCH_CHECK(flag == c10::EventFlag::BACKEND_DEFAULT, "an event that keeps no time");
    *event = new double(milliseconds += 2.5);
  }

  void destroyEvent(void* event, DeviceIndex) const noexcept override { delete static_cast<double*>(event); }
  void synchronizeEvent(void*) const override {}
  bool queryEvent(void*) const override { return true; }

  double elapsedTime(void* from, void* to, DeviceIndex) const override {
    return *static_cast<double*>(to) - *static_cast<double*>(from);
  }
};

ScriptedAllocator allocator;
const ScriptedGuard guard;

}  // namespace

extern "C" void script_device() {
  c10::SetAllocator(CUDA, &allocator, 255);
  c10::impl::registerDeviceGuard(CUDA, &guard);
}
