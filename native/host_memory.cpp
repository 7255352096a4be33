#include "shim.h"

#include <c10/core/CPUAllocator.h>
#include <c10/util/Exception.h>
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace {

// Smaller requests are not looked at: they come by the thousand and add up slowly.
constexpr size_t FLOOR = size_t{1} << 20;

std::atomic<uint64_t> data_bound{UINT64_MAX}, address_space_bound{UINT64_MAX};

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

// libtorch's own allocator, whose tensors keep within the bounds. Whatever else the process allocates is not checked.
struct Bounded final : c10::Allocator {
  c10::Allocator* inner = c10::GetDefaultCPUAllocator();

  c10::DataPtr allocate(size_t bytes) override {
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

  c10::DeleterFnPtr raw_deleter() const override { return inner->raw_deleter(); }

  void copy_data(void* to, const void* from, size_t bytes) const override { default_copy_data(to, from, bytes); }
};

}  // namespace

void ndb_bound_host_memory(uint64_t data, uint64_t address_space) {
  static const bool installed = [] {
    // libtorch keeps the pointer for the rest of the process.
    c10::SetCPUAllocator(new Bounded);
    return true;
  }();
  (void)installed;
  data_bound = data;
  address_space_bound = address_space;
}
