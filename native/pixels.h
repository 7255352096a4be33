// Samples of images whose channels lie side by side in main memory, as depthwise convolutions leave them.
#pragma once
#include "patches.h"

namespace ndbench {

// Whether x [N, C, H, W] are such images, of float or double.
bool has_pixels(const at::Tensor& x);

// What `gather` takes from such images, not centred.
at::Tensor gather_from_pixels(const at::Tensor& x, const Window& window);

// What `add_back` does to them, without a shift.
void add_to_pixels(at::Tensor& x, const at::Tensor& columns, const Window& window);

}  // namespace ndbench
