//! Where the time of a step goes: from the shim's numbers to a record's.

use crate::native::{NativeError, Part, Parts, measure_parts};
use crate::record::{PartTimes, StepParts};
use crate::units::Seconds;
use tch::Device;

/// What `body` gives, and the time of its parts, forward and back, on `device`. One measurement at a time; it waits for the
/// device after each part.
///
/// # Errors
/// libtorch's.
pub fn parts_of<T>(device: Device, body: impl FnOnce() -> T) -> Result<(T, StepParts), NativeError> {
    measure_parts(device, body).map(|(result, parts)| (result, parts.into()))
}

impl From<Parts> for StepParts {
    fn from(parts: Parts) -> Self {
        let times = |seconds: [f64; 7]| {
            let of = |part: Part| Seconds(seconds[part as usize]);
            PartTimes {
                samples: of(Part::Samples),
                covariance: of(Part::Covariance),
                newton_schulz: of(Part::InverseSqrt),
                weight: of(Part::Weight),
                convolution: of(Part::Convolution),
                sums: of(Part::Sums),
                other: of(Part::Other),
            }
        };
        Self { forward: times(parts.forward), backward: times(parts.backward) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::nn::deconvolution::{FastDeconv, Whitening};
    use crate::nn::layers::ConvShape;
    use crate::nn::{Layer, Pass, Store};
    use crate::scenario::{Deconvolution, Implementation};
    use tch::{Device, Kind, Tensor};

    #[test]
    fn each_part_has_its_field() {
        let parts = Parts {
            forward: [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
            backward: [10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0],
        };
        let StepParts { forward, backward } = parts.into();
        let list = |t: PartTimes| {
            [t.other, t.samples, t.covariance, t.newton_schulz, t.weight, t.convolution, t.sums].map(|s| s.0)
        };
        assert_eq!((list(forward), list(backward)), (parts.forward, parts.backward));
    }

    /// Every part of deconvolution takes time, forward and back, in every implementation.
    fn every_part_takes_time() {
        for implementation in Implementation::ALL {
            let store = Store::new(Device::Cpu, Kind::Float);
            let settings = Deconvolution { implementation, ..Deconvolution::default() };
            let shape = ConvShape::new(8, 4, 3).padding(1);
            let layer = FastDeconv::new(&store.root(), shape, true, Whitening::new(&settings));
            store.initialise(1);
            let x = Tensor::rand([2, 8, 9, 9], (Kind::Float, Device::Cpu)).set_requires_grad(true);
            let step = || layer.forward(&x, &Pass::training()).sum(None::<Kind>).backward();
            let ((), parts) = measure_parts(Device::Cpu, step).unwrap();
            let deconvolution =
                |times: [f64; 7]| times[1..=Part::Convolution as usize].iter().all(|seconds| *seconds > 0.0);
            assert!(deconvolution(parts.forward) && deconvolution(parts.backward), "{implementation}: {parts:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn both_implementations_book_every_part() {
        crate::testing::in_own_process(
            "probe::parts::tests::both_implementations_book_every_part",
            every_part_takes_time,
        );
    }

    /// Of the samples of a layer, here nine times its input, nothing is alive after the forward pass.
    fn samples_are_gone() {
        crate::native::count_host_memory();
        let store = Store::new(Device::Cpu, Kind::Float);
        let settings = Deconvolution { implementation: Implementation::Fast, ..Deconvolution::default() };
        let whitening = Whitening { sampling_stride: 1, ..Whitening::new(&settings) };
        let layer = FastDeconv::new(&store.root(), ConvShape::new(4, 4, 3).padding(1), true, whitening);
        store.initialise(1);
        let x = Tensor::rand([4, 4, 64, 64], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        let before = crate::native::host_memory_live();
        let y = layer.forward(&x, &Pass::training());
        let grown = (crate::native::host_memory_live().0 - before.0) as usize;
        let bytes = |t: &Tensor| 4 * t.numel();
        assert!(grown >= bytes(&y) && grown < bytes(&y) + bytes(&x), "{grown} bytes beside {}", bytes(&x));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_fast_operator_keeps_no_samples() {
        crate::testing::in_own_process("probe::parts::tests::the_fast_operator_keeps_no_samples", samples_are_gone);
    }
}
