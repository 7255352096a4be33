#include "shim.h"

#include <c10/core/CPUAllocator.h>
#include <c10/util/Exception.h>
#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>

namespace {

// Smaller requests are not held against the bounds: they come by the thousand and add up slowly.
constexpr size_t FLOOR = size_t{1} << 20;

std::atomic<uint64_t> data_bound{UINT64_MAX}, address_space_bound{UINT64_MAX};
std::atomic<int64_t> live{0}, peak{0};

// True where the system has promised this process more than a bound allows. False where it does not say.
bool exceeded() {
  const uint64_t data_most = data_bound, address_space_most = address_space_bound;
  if (data_most == UINT64_MAX && address_space_most == UINT64_MAX) return false;
  static const int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  static const uint64_t page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  char text[160];
  const ssize_t length = pread(file, text, sizeof text - 1, 0);
  if (length <= 0) return false;
  text[length] = '\0';
  unsigned long long size = 0, data = 0;
  if (sscanf(text, "%llu %*u %*u %*u %*u %llu", &size, &data) != 2) return false;
  return data * page > data_most || size * page > address_space_most;
}

// Gives back to the system what is free at the end of the heap.
void trim() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

void count(int64_t bytes) {
  const int64_t now = live.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  int64_t most = peak.load(std::memory_order_relaxed);
  while (now > most && !peak.compare_exchange_weak(most, now, std::memory_order_relaxed)) {
  }
}

// libtorch's own allocator, with a count of what its tensors hold, and bounds that they keep within. Whatever else the
// process allocates is neither counted nor checked.
struct Counted final : c10::Allocator {
  static inline c10::Allocator* const inner = c10::GetDefaultCPUAllocator();

  static void release(void* pointer) {
    if (pointer != nullptr) live.fetch_sub(static_cast<int64_t>(malloc_usable_size(pointer)), std::memory_order_relaxed);
    inner->raw_deleter()(pointer);
  }

  c10::DataPtr allocate(size_t bytes) override {
    c10::DataPtr data = within_bounds(bytes);
    // Nobody needs the empty tensor's pointer, which is null.
    if (data.get() == nullptr) return data;
    count(static_cast<int64_t>(malloc_usable_size(data.get())));
    const bool ours = data.compare_exchange_deleter(inner->raw_deleter(), &release);
    TORCH_INTERNAL_ASSERT(ours, "libtorch's allocator frees in a way of its own");
    return data;
  }

  static c10::DataPtr within_bounds(size_t bytes) {
    c10::DataPtr data = inner->allocate(bytes);
    if (bytes < FLOOR || !exceeded()) return data;
    // The heap grows by more than what was asked for.
    trim();
    if (!exceeded()) return data;
    data.clear();
    trim();
    TORCH_CHECK_WITH(OutOfMemoryError, false, "can't allocate memory within the bound: you tried to allocate ", bytes,
                     " bytes");
  }

  c10::DeleterFnPtr raw_deleter() const override { return &release; }

  void copy_data(void* to, const void* from, size_t bytes) const override { default_copy_data(to, from, bytes); }
};

}  // namespace

void ndb_count_host_memory() {
  // libtorch keeps the pointer for the rest of the process.
  static const bool installed = (c10::SetCPUAllocator(new Counted), true);
  (void)installed;
}

void ndb_bound_host_memory(uint64_t data, uint64_t address_space) {
  data_bound = data;
  address_space_bound = address_space;
}

int64_t ndb_host_memory_live() { return live; }

int64_t ndb_host_memory_peak() { return peak; }

void ndb_host_memory_reset() { peak = live.load(); }
