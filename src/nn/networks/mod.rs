//! The networks of the study, one file each, for any number of classes; the images that each is made for are
//! [`Architecture::side`] pixels high and wide.

mod densenet121;
mod dpn92;
mod efficientnet;
mod facts;
mod mobilenetv2;
mod pnasnet_a;
mod preact18;
mod resnet18;
mod resnext29;
mod senet18;
mod vgg;
mod vgg11;
mod vgg16;

pub use facts::{Facts, facts};

use super::{Layer, Method, Scope};
use crate::scenario::Architecture;

/// A network that maps `[N, 3, side, side]` to `[N, classes]`; parameters and buffers lie in `scope` under the published
/// names and in the published order. They are zeros until [`Store::initialise`](super::Store::initialise) fills them.
pub fn build(architecture: Architecture, method: Method, classes: i64, scope: &Scope) -> Box<dyn Layer> {
    match architecture {
        Architecture::Vgg16 => Box::new(vgg16::Vgg16::new(method, classes, scope)),
        Architecture::Resnet18 => Box::new(resnet18::Resnet18::new(method, classes, scope)),
        Architecture::Resnet18Cifar => Box::new(resnet18::Resnet18::cifar(method, classes, scope)),
        Architecture::Preact18 => Box::new(preact18::Preact18::new(method, classes, scope)),
        Architecture::Densenet121 => Box::new(densenet121::Densenet121::new(method, classes, scope)),
        Architecture::Resnext29 => Box::new(resnext29::Resnext29::new(method, classes, scope)),
        Architecture::MobilenetV2 => Box::new(mobilenetv2::MobilenetV2::new(method, classes, scope)),
        Architecture::Dpn92 => Box::new(dpn92::Dpn92::new(method, classes, scope)),
        Architecture::PnasnetA => Box::new(pnasnet_a::PnasnetA::new(method, classes, scope)),
        Architecture::Senet18 => Box::new(senet18::Senet18::new(method, classes, scope)),
        Architecture::Efficientnet => Box::new(efficientnet::Efficientnet::new(method, classes, scope)),
        Architecture::Vgg11 => Box::new(vgg11::Vgg11::new(method, classes, scope)),
        Architecture::Resnet18Imagenet => Box::new(resnet18::Resnet18::imagenet(method, classes, scope)),
        Architecture::Densenet121Imagenet => Box::new(densenet121::Densenet121::imagenet(method, classes, scope)),
    }
}
