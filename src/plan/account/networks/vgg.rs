//! VGG-16 for small images and VGG-11 for large ones.

use super::super::convolution::Geometry;
use super::super::layers::{Layers, Own};
use super::super::tensor::Tensor;

const STAGES_16: [&[u64]; 5] = [&[64, 64], &[128, 128], &[256, 256, 256], &[512, 512, 512], &[512, 512, 512]];
const STAGES_11: [&[u64]; 5] = [&[64], &[128], &[256, 256], &[512, 512], &[512, 512]];

fn features(layers: Layers, mut x: Tensor, stages: [&[u64]; 5]) -> Tensor {
    let mut own = Own::first(15);
    for stage in stages {
        for &output in stage {
            let y = layers.biased_conv(&x, Geometry::same(x.sizes[1], output, 3), std::mem::take(&mut own));
            x = layers.rectified(y);
        }
        x = layers.tape.max_pool(&x, 2, 2, 0);
    }
    x
}

pub fn vgg16(layers: Layers, x: Tensor, classes: u64) -> Tensor {
    layers.head(features(layers, x, STAGES_16), classes)
}

/// With three linear layers.
pub fn vgg11(layers: Layers, x: Tensor, classes: u64) -> Tensor {
    let mut x = features(layers, x, STAGES_11);
    for _ in 0..2 {
        let y = layers.tape.in_place(layers.linear(&x, 4096));
        // Dropout: the result, and where it is zero.
        x = layers.tape.relu(&y);
    }
    layers.linear(&x, classes)
}
