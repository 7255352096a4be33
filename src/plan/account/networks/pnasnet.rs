//! PNASNet-A: cells that add a separable 7x7 convolution and a 3x3 maximum.

use super::super::convolution::Geometry;
use super::super::layers::{Layers, Own};
use super::super::tensor::Tensor;

/// Channels of the first cells.
const WIDTH: u64 = 44;
/// Cells between two reductions.
const CELLS: usize = 6;

pub fn pnasnet_a(layers: Layers, images: Tensor, classes: u64) -> Tensor {
    let input = layers.rectified(layers.stem(&images, Geometry::same(3, WIDTH, 3), Own::first(10)));
    let mut x = input.clone();
    for width in [WIDTH, 2 * WIDTH, 4 * WIDTH] {
        if width > WIDTH {
            x = cell(layers, &x, width);
        }
        for _ in 0..CELLS {
            x = cell(layers, &x, width);
        }
    }
    drop(input);
    layers.head(x, classes)
}

/// A cell that widens also halves the image.
fn cell(layers: Layers, x: &Tensor, output: u64) -> Tensor {
    let (tape, input) = (layers.tape, x.sizes[1]);
    let stride = if input == output { 1 } else { 2 };
    let y = layers.conv_norm(x, Geometry::same(input, output, 7).stride(stride).groups(input));
    let largest = tape.max_pool(x, 3, stride, 1);
    let largest = if input == output { largest } else { layers.conv_norm(&largest, Geometry::same(input, output, 1)) };
    tape.in_place(tape.add_in_place(y, &largest))
}
