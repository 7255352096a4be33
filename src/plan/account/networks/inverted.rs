//! Networks of inverted residuals around depthwise convolutions: MobileNet v2 and EfficientNet-B0.

use super::super::convolution::Geometry;
use super::super::layers::{Layers, Own};
use super::super::tensor::Tensor;

/// Expansion, channels, blocks and first stride of each stage.
type Stages = [(u64, u64, usize, u64); 7];

const MOBILENET: Stages =
    [(1, 16, 1, 1), (6, 24, 2, 1), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)];
const EFFICIENTNET: Stages =
    [(1, 16, 1, 2), (6, 24, 2, 1), (6, 40, 2, 2), (6, 80, 3, 2), (6, 112, 3, 1), (6, 192, 4, 2), (6, 320, 1, 2)];

/// `input` through the blocks, each with its expanded width, its channels and its stride. It lives until their end.
fn stages(input: Tensor, stages: Stages, block: impl Fn(&Tensor, u64, u64, u64) -> Tensor) -> Tensor {
    let mut x = input.clone();
    for (expansion, output, count, first) in stages {
        for number in 0..count {
            x = block(&x, expansion * x.sizes[1], output, if number == 0 { first } else { 1 });
        }
    }
    x
}

pub fn mobilenetv2(layers: Layers, images: Tensor, classes: u64) -> Tensor {
    let x = layers.rectified(layers.stem(&images, Geometry::same(3, 32, 3), Own::first(10)));
    let x = stages(x, MOBILENET, |x, width, output, stride| {
        let input = x.sizes[1];
        let expanded = layers.conv_relu(x, Geometry::same(input, width, 1));
        let depthwise = Geometry::same(width, width, 3).stride(stride).groups(width);
        let y = layers.tape.in_place(layers.own_conv_norm(&expanded, depthwise, Own::iterations(1)));
        drop(expanded);
        let project = Geometry::same(width, output, 1);
        let y = layers.own_conv_norm(&y, project, Own::iterations(1).block(input));
        if stride == 1 { layers.tape.add_in_place(y, &layers.shortcut(x, output, 1)) } else { y }
    });
    layers.head(layers.conv_relu(&x, Geometry::same(320, 1280, 1)), classes)
}

/// Its blocks are batch-normalised with ND too.
pub fn efficientnet(layers: Layers, images: Tensor, classes: u64) -> Tensor {
    let x = layers.rectified(layers.stem(&images, Geometry::same(3, 32, 3), Own::first(10)));
    let plain = layers.with_bn();
    let x = stages(x, EFFICIENTNET, |x, width, output, stride| {
        let expanded = plain.conv_relu(x, Geometry::same(x.sizes[1], width, 1));
        let y = plain.conv_relu(&expanded, Geometry::same(width, width, 3).stride(stride).groups(width));
        drop(expanded);
        let y = plain.conv_norm(&y, Geometry::same(width, output, 1));
        let added = if stride == 1 { plain.shortcut(x, output, 1) } else { y.clone() };
        plain.tape.add_in_place(plain.squeeze_excite(y), &added)
    });
    layers.head(x, classes)
}
