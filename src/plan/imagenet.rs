//! The study's trainings on ImageNet.

use super::account::{Gpu, Load, Subject};
use super::seen::Rests;
use crate::profile::Device;
use crate::scenario::{Architecture, Deconvolution, Norm};
use crate::units::Bytes;

/// A training on ImageNet.
#[derive(Debug, Clone, PartialEq)]
pub struct ImagenetRun {
    /// The network's name.
    pub title: &'static str,
    /// BN, ND, or neither.
    pub norm: Norm,
    /// Images of a step.
    pub batch: u64,
    subject: Subject,
}

/// What a training takes of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImagenetNeed {
    /// In live tensors at the peak.
    pub allocated: Bytes,
    /// What libtorch's allocator takes for them.
    pub reserved: Bytes,
    /// How often it would begin anew.
    pub retries: u64,
    /// It would find too little.
    pub fails: bool,
}

/// The seven trainings, in the order of the study's tables, with batches of 256.
pub fn imagenet_runs() -> Vec<ImagenetRun> {
    let run = |title, network: Architecture, norm| {
        let settings = Deconvolution { block_fc: network.block_fc(), ..Deconvolution::default() };
        let subject = Subject { copies: false, ..Subject::new(network, norm, Some(settings)) };
        ImagenetRun { title, norm, batch: 256, subject }
    };
    let (vgg11, resnet18) = (Architecture::Vgg11, Architecture::Resnet18Imagenet);
    let densenet121 = Architecture::Densenet121Imagenet;
    vec![
        run("VGG-11", vgg11, Norm::Plain),
        run("VGG-11", vgg11, Norm::Bn),
        run("VGG-11", vgg11, Norm::Nd),
        run("ResNet-18", resnet18, Norm::Bn),
        run("ResNet-18", resnet18, Norm::Nd),
        run("DenseNet-121", densenet121, Norm::Bn),
        run("DenseNet-121", densenet121, Norm::Nd),
    ]
}

impl ImagenetRun {
    /// On a device whose allocator may take so much.
    pub fn on(&self, memory: Bytes) -> ImagenetNeed {
        let load = Load { batch: self.batch, evaluation: 0, data: Bytes(0) };
        let account = self.subject.account(load, Some(Gpu { memory })).expect("the settings are the study's");
        let reserved = account.reserved.expect("it is a GPU");
        let (allocated, retries, fails) = (account.allocated(), reserved.retries, reserved.failed);
        ImagenetNeed { allocated, reserved: reserved.peak, retries, fails }
    }

    /// How far above the estimate it may be.
    pub fn band(&self) -> f64 {
        Rests::Analytic.band(Device::Cuda)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which trainings fit so many GiB.
    fn that_fit(gib: f64) -> Vec<String> {
        let memory = Bytes((gib * (1_u64 << 30) as f64) as u64);
        let fits = |run: &ImagenetRun| !run.on(memory).fails;
        imagenet_runs().iter().filter(|run| fits(run)).map(|run| format!("{} {}", run.title, run.norm)).collect()
    }

    #[test]
    fn batches_of_256_need_more_than_16_gb_but_for_resnet18_and_less_than_40() {
        // Less what the driver, the context and workspaces take, as the profiles have it.
        assert_eq!(that_fit(15.0 - 0.6), ["ResNet-18 bn", "ResNet-18 nd"]);
        assert_eq!(that_fit(38.5 - 0.6).len(), 7);
    }
}
