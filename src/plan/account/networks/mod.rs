//! The networks of the study on a tape: what `nn::networks` computes, by sizes alone. A test holds their layers against
//! those of the networks themselves.

mod dense;
mod grouped;
mod inverted;
mod pnasnet;
mod residual;
mod vgg;

use super::layers::Layers;
use super::tensor::Tensor;
use crate::scenario::Architecture;

/// The logits of `images`, which are given up.
pub(super) fn run(network: Architecture, layers: Layers, images: Tensor, classes: u64) -> Tensor {
    match network {
        Architecture::Vgg16 => vgg::vgg16(layers, images, classes),
        Architecture::Vgg11 => vgg::vgg11(layers, images, classes),
        Architecture::Resnet18 | Architecture::Resnet18Imagenet => residual::resnet18(layers, images, classes),
        Architecture::Resnet18Cifar => residual::resnet18_cifar(layers, images, classes),
        Architecture::Preact18 => residual::preact18(layers, images, classes),
        Architecture::Senet18 => residual::senet18(layers, images, classes),
        Architecture::Densenet121 => dense::densenet121(layers, images, classes),
        Architecture::Densenet121Imagenet => dense::densenet121_imagenet(layers, images, classes),
        Architecture::Resnext29 => grouped::resnext29(layers, images, classes),
        Architecture::Dpn92 => grouped::dpn92(layers, images, classes),
        Architecture::MobilenetV2 => inverted::mobilenetv2(layers, images, classes),
        Architecture::Efficientnet => inverted::efficientnet(layers, images, classes),
        Architecture::PnasnetA => pnasnet::pnasnet_a(layers, images, classes),
    }
}
