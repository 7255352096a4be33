// CUDA graphs of libtorch, and a stream of one's own, on which alone they can be captured.
//
// Their class lives in libtorch_cuda, which the program is not linked with and opens where there is a driver; its members
// are looked up by their names there, as libtorch 2.11 has them.
#include "shim.h"
#include "guarded.h"

#include <c10/core/Allocator.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <c10/util/Exception.h>
#include <dlfcn.h>

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>

namespace {

constexpr auto CUDA = c10::DeviceType::CUDA;

// cudaStreamCaptureModeThreadLocal: a call of this thread that could disturb the capture is an error; threads that load images pin
// memory meanwhile, which disturbs nothing.
constexpr int CAPTURE_THREAD_LOCAL = 1;

// A member of at::cuda::CUDAGraph, as the function that it is for the linker.
template <typename... Arguments>
auto member(const char* name) {
  void* address = dlsym(RTLD_DEFAULT, name);
  TORCH_CHECK(address, "this libtorch has no CUDA graphs (", name, ")");
  return reinterpret_cast<void (*)(void*, Arguments...)>(address);
}

}  // namespace

struct ndb_graph {
  ndb_graph() { member<bool>("_ZN2at4cuda9CUDAGraphC1Eb")(object, /*keep_graph=*/false); }
  ~ndb_graph() { member<>("_ZN2at4cuda9CUDAGraphD1Ev")(object); }
  ndb_graph(const ndb_graph&) = delete;

  // An at::cuda::CUDAGraph; libtorch 2.11's has 104 bytes, aligned to 8.
  alignas(std::max_align_t) unsigned char object[1024];
};

struct ndb_stream {
  c10::Stream before;
  c10::Device device_before;
};

namespace {

// One for each device and process: libtorch keeps workspaces for each stream that it has seen.
c10::Stream own_stream(const c10::impl::VirtualGuardImpl& guard, c10::Device device) {
  static std::map<c10::DeviceIndex, c10::Stream> streams;
  static std::mutex one;
  const std::lock_guard<std::mutex> lock(one);
  const auto known = streams.find(device.index());
  if (known != streams.end()) return known->second;
  return streams.emplace(device.index(), guard.getStreamFromGlobalPool(device)).first->second;
}

}  // namespace

char* ndb_stream_enter(int64_t index, ndb_stream** stream) {
  return guarded([&] {
    const c10::impl::VirtualGuardImpl guard(CUDA);
    const c10::Device device(CUDA, c10::DeviceIndex(index));
    guard.synchronizeDevice(device.index());
    // A capture asks for the stream of the current device.
    const c10::Stream own = own_stream(guard, device);
    auto entered = std::make_unique<ndb_stream>(ndb_stream{guard.getStream(device), guard.exchangeDevice(device)});
    guard.exchangeStream(own);
    *stream = entered.release();
  });
}

char* ndb_stream_leave(ndb_stream* stream) {
  return guarded([&] {
    const std::unique_ptr<ndb_stream> entered(stream);
    const c10::impl::VirtualGuardImpl guard(CUDA);
    guard.exchangeStream(entered->before);
    guard.setDevice(entered->device_before);
    guard.synchronizeDevice(entered->before.device_index());
  });
}

char* ndb_graph_begin(const uint64_t* pool, ndb_graph** graph) {
  return guarded([&] {
    // Kept where it fails to begin: the allocator may know of it by then.
    auto* made = new ndb_graph;
    const auto begin = member<c10::MempoolId_t, int>("_ZN2at4cuda9CUDAGraph13capture_beginESt4pairIyyE21cudaStreamCaptureMode");
    begin(made->object, c10::MempoolId_t{pool[0], pool[1]}, CAPTURE_THREAD_LOCAL);
    *graph = made;
  });
}

char* ndb_graph_end(ndb_graph* graph, uint64_t* pool) {
  return guarded([&] {
    member<>("_ZN2at4cuda9CUDAGraph11capture_endEv")(graph->object);
    void* address = dlsym(RTLD_DEFAULT, "_ZN2at4cuda9CUDAGraph4poolEv");
    TORCH_CHECK(address, "this libtorch's CUDA graphs have no pool");
    const auto id = reinterpret_cast<c10::MempoolId_t (*)(void*)>(address)(graph->object);
    pool[0] = id.first;
    pool[1] = id.second;
  });
}

char* ndb_graph_replay(ndb_graph* graph) {
  return guarded([&] { member<>("_ZN2at4cuda9CUDAGraph6replayEv")(graph->object); });
}

void ndb_graph_free(ndb_graph* graph) { delete graph; }
