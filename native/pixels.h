// Samples of images whose channels lie side by side in main memory, as depthwise convolutions leave them.
#pragma once
#include "patches.h"

namespace ndbench {

// Whether x [N, C, H, W] are such images, of float or double.
bool has_pixels(const at::Tensor& x);

// What `gather` takes from such images.
at::Tensor gather_pixels(const at::Tensor& x, const Window& window, at::Tensor& mean, int64_t means);

// What `add_to` does to them.
void add_to_pixels(at::Tensor& x, const at::Tensor& columns, const at::Tensor& shift, const Window& window);

}  // namespace ndbench
