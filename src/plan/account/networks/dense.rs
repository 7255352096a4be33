//! DenseNet-121, growth 32, for small and for large images.

use super::super::convolution::Geometry;
use super::super::layers::{Layers, Own};
use super::super::tensor::Tensor;

const GROWTH: u64 = 32;
const BLOCKS: [usize; 4] = [6, 12, 24, 16];

pub fn densenet121(layers: Layers, images: Tensor, classes: u64) -> Tensor {
    let x = layers.stem(&images, Geometry::same(3, 2 * GROWTH, 3), Own::first(None));
    let x = blocks(layers, x);
    layers.head(layers.rectified(x), classes)
}

/// With a strided stem, normalised and pooled.
pub fn densenet121_imagenet(layers: Layers, images: Tensor, classes: u64) -> Tensor {
    let stem = layers.stem(&images, Geometry::same(3, 2 * GROWTH, 7).stride(2), Own::first(15));
    let x = layers.rectified(stem);
    let x = blocks(layers, layers.tape.max_pool(&x, 3, 2, 1));
    layers.head(layers.rectified(x), classes)
}

fn blocks(layers: Layers, mut x: Tensor) -> Tensor {
    for (number, count) in BLOCKS.into_iter().enumerate() {
        let of_block = x.clone();
        for _ in 0..count {
            x = layer(layers, &x);
        }
        drop(of_block);
        if number + 1 < BLOCKS.len() {
            let channels = x.sizes[1];
            let y = layers.conv(&layers.rectified_of(&x), Geometry::same(channels, channels / 2, 1));
            x = layers.tape.avg_pool(&y, 2);
        }
    }
    x
}

fn layer(layers: Layers, x: &Tensor) -> Tensor {
    let y = layers.conv(&layers.rectified_of(x), Geometry::same(x.sizes[1], 4 * GROWTH, 1));
    let y = layers.conv(&layers.rectified(y), Geometry::same(4 * GROWTH, GROWTH, 3));
    layers.tape.cat(&[&y, x])
}
