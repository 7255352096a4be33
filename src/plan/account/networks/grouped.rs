//! ResNeXt-29 32x4d and the dual path network 92, whose 3x3 convolutions have 32 groups.

use super::super::convolution::Geometry;
use super::super::layers::{Layers, Own};
use super::super::tensor::Tensor;

const GROUPS: u64 = 32;

// The input of the stages lives until their end, and that of a stage until its.

/// Channels of the grouped convolutions and first stride of each stage of three blocks.
const RESNEXT: [(u64, u64); 3] = [(128, 1), (256, 2), (512, 2)];

pub fn resnext29(layers: Layers, images: Tensor, classes: u64) -> Tensor {
    let input = layers.rectified(layers.stem(&images, Geometry::same(3, 64, 1), Own::first(10)));
    let mut x = input.clone();
    for (width, first) in RESNEXT {
        let _of_stage = x.clone();
        for stride in [first, 1, 1] {
            x = residual(layers, &x, width, stride);
        }
    }
    drop(input);
    layers.head(x, classes)
}

fn residual(layers: Layers, x: &Tensor, width: u64, stride: u64) -> Tensor {
    let reduced = layers.conv_relu(x, Geometry::same(x.sizes[1], width, 1));
    let grouped = Geometry::same(width, width, 3).stride(stride).groups(GROUPS);
    let y = layers.tape.in_place(layers.own_conv_norm(&reduced, grouped, Own::iterations(3)));
    drop(reduced);
    let y = layers.conv_norm(&y, Geometry::same(width, 2 * width, 1));
    let y = layers.tape.add_in_place(y, &layers.shortcut(x, 2 * width, stride));
    layers.tape.in_place(y)
}

/// Width of the grouped convolutions, residual channels, channels that each block appends, blocks, first stride.
const DPN: [(u64, u64, u64, usize, u64); 4] =
    [(96, 256, 16, 3, 1), (192, 512, 32, 4, 2), (384, 1024, 24, 20, 2), (768, 2048, 128, 3, 2)];

pub fn dpn92(layers: Layers, images: Tensor, classes: u64) -> Tensor {
    let input = layers.rectified(layers.stem(&images, Geometry::same(3, 64, 3), Own::first(10)));
    let mut x = input.clone();
    for (width, residual, dense, count, first) in DPN {
        let _of_stage = x.clone();
        for number in 0..count {
            let stride = if number == 0 { first } else { 1 };
            x = dual(layers, &x, (width, residual, dense), stride, number == 0);
        }
    }
    drop(input);
    layers.head(x, classes)
}

fn dual(layers: Layers, x: &Tensor, (width, residual, dense): (u64, u64, u64), stride: u64, first: bool) -> Tensor {
    let (tape, output) = (layers.tape, residual + dense);
    let reduced = layers.conv_relu(x, Geometry::same(x.sizes[1], width, 1));
    let y = layers.conv_relu(&reduced, Geometry::same(width, width, 3).stride(stride).groups(GROUPS));
    drop(reduced);
    let y = layers.conv_norm(&y, Geometry::same(width, output, 1));
    let x = match first {
        true => layers.conv_norm(x, Geometry::same(x.sizes[1], output, 1).stride(stride)),
        false => x.clone(),
    };
    let rest = |t: &Tensor| tape.narrow(t, t.sizes[1] - residual);
    let sum = tape.add(&tape.narrow(&x, residual), &tape.narrow(&y, residual));
    let all = tape.cat(&[&sum, &rest(&x), &rest(&y)]);
    tape.in_place(all)
}
