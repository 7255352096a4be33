// libtorch's autocast in bfloat16: while it is on, convolutions and matrix products compute in bfloat16, and what needs
// more, such as losses, in single precision.
#include "shim.h"
#include "guarded.h"

#include <ATen/autocast_mode.h>

char* ndb_autocast(bool cuda, bool on, bool* before) {
  return guarded([&] {
    const auto device = cuda ? at::kCUDA : at::kCPU;
    *before = at::autocast::is_autocast_enabled(device);
    if (on) {
      at::autocast::set_autocast_dtype(device, at::kBFloat16);
      // A pass reads each parameter once, so that no cast would be found again, and none can be older than its parameter or
      // lie in the memory of another graph.
      at::autocast::set_autocast_cache_enabled(false);
    }
    at::autocast::set_autocast_enabled(device, on);
  });
}
