//! The residual networks of two 3x3 convolutions a block.

use super::super::convolution::Geometry;
use super::super::layers::{Layers, Own};
use super::super::tensor::Tensor;

/// Channels and first stride of each stage of two blocks.
const STAGES: [(u64, u64); 4] = [(64, 1), (128, 2), (256, 2), (512, 2)];

/// `x` through the blocks, each with its channels and stride. The input of the stages lives until their end, and that of a
/// stage until its.
fn stages(input: Tensor, block: impl Fn(&Tensor, u64, u64) -> Tensor) -> Tensor {
    let mut x = input.clone();
    for (output, first) in STAGES {
        let _of_stage = x.clone();
        for stride in [first, 1] {
            x = block(&x, output, stride);
        }
    }
    x
}

/// The study's form: the ImageNet stem, batch normalisation in the shortcuts even with deconvolution.
pub fn resnet18(layers: Layers, images: Tensor, classes: u64) -> Tensor {
    let stem = layers.stem(&images, Geometry::same(3, 64, 7).stride(2), Own::first(15));
    drop(images);
    let x = layers.rectified(stem);
    let x = layers.tape.max_pool(&x, 3, 2, 1);
    let shortcut = |x: &Tensor, output, stride| {
        let input = x.sizes[1];
        if stride == 1 && input == output {
            return x.clone();
        }
        let y = layers.conv(x, Geometry::same(input, output, 1).stride(stride));
        layers.with_bn().normalised(y)
    };
    layers.head(stages(x, |x, output, stride| basic(layers, x, (output, stride), shortcut)), classes)
}

/// The form for small images.
pub fn resnet18_cifar(layers: Layers, images: Tensor, classes: u64) -> Tensor {
    let x = layers.rectified(layers.stem(&images, Geometry::same(3, 64, 3), Own::first(None)));
    let shortcut = |x: &Tensor, output, stride| layers.shortcut(x, output, stride);
    layers.head(stages(x, |x, output, stride| basic(layers, x, (output, stride), shortcut)), classes)
}

fn basic(
    layers: Layers,
    x: &Tensor,
    (output, stride): (u64, u64),
    shortcut: impl Fn(&Tensor, u64, u64) -> Tensor,
) -> Tensor {
    let between = layers.conv_relu(x, Geometry::same(x.sizes[1], output, 3).stride(stride));
    let y = layers.conv_norm(&between, Geometry::same(output, output, 3));
    drop(between);
    let y = layers.tape.add_in_place(y, &shortcut(x, output, stride));
    layers.tape.in_place(y)
}

pub fn preact18(layers: Layers, images: Tensor, classes: u64) -> Tensor {
    let x = layers.stem(&images, Geometry::same(3, 64, 3), Own::first(10));
    layers.unused_norm(64);
    layers.head(stages(x, |x, output, stride| preactivated(layers, x, (output, stride), false)), classes)
}

pub fn senet18(layers: Layers, images: Tensor, classes: u64) -> Tensor {
    let x = layers.rectified(layers.stem(&images, Geometry::same(3, 64, 3), Own::first(15)));
    layers.head(stages(x, |x, output, stride| preactivated(layers, x, (output, stride), true)), classes)
}

fn preactivated(layers: Layers, x: &Tensor, (output, stride): (u64, u64), weighed: bool) -> Tensor {
    let input = x.sizes[1];
    let active = layers.rectified_of(x);
    let shortcut = if stride == 1 && input == output {
        x.clone()
    } else {
        layers.conv(&active, Geometry::same(input, output, 1).stride(stride))
    };
    let y = layers.rectified(layers.conv(&active, Geometry::same(input, output, 3).stride(stride)));
    let mut y = layers.conv(&y, Geometry::same(output, output, 3));
    if weighed {
        y = layers.squeeze_excite(y);
    }
    layers.tape.add_in_place(y, &shortcut)
}
