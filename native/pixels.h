// Samples of images whose channels lie side by side in main memory, as depthwise convolutions leave them.
#pragma once
#include "patches.h"

namespace ndbench {

// Whether x [N, C, H, W] are such images, of float or double.
bool has_pixels(const at::Tensor& x);

// Columns as of `gather`, but not centred, and as of `add_back`, of such images.
at::Tensor gather_from_pixels(const at::Tensor& x, const Window& window);
void add_to_pixels(at::Tensor& x, const at::Tensor& columns, const Window& window);

}  // namespace ndbench
