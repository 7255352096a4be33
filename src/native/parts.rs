//! The Rust face of `native/parts.cpp`: where the time of a training step goes.

use super::{NativeError, checked};
use std::ffi::c_char;
use tch::Device;

/// Parts of the computation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum Part {
    /// Whatever is no other part: activations, pooling, normalisation, the loss.
    Other,
    /// Windows become columns, with `fast` less their mean.
    Samples,
    /// Covariance, with `published` the mean as well.
    Covariance,
    /// The Newton-Schulz steps.
    InverseSqrt,
    /// The weight absorbs mean and deconvolution.
    Weight,
    /// Convolutions.
    Convolution,
    /// Sums of several gradients of one tensor.
    Sums,
}

/// How many there are.
const PARTS: usize = 7;

/// Seconds of each part, in the order of [`Part`].
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Parts {
    /// Forward.
    pub forward: [f64; PARTS],
    /// And back.
    pub backward: [f64; PARTS],
}

unsafe extern "C" {
    safe fn ndb_part_begin(part: Part);
    safe fn ndb_part_end();
    safe fn ndb_parts_begin(device: i64) -> *mut c_char;
    fn ndb_parts_end(parts: *mut Parts) -> *mut c_char;
}

/// A part that was begun; ends when dropped.
struct Begun;

impl Drop for Begun {
    fn drop(&mut self) {
        ndb_part_end();
    }
}

/// A measurement that was begun; ends, and fills its parts, when dropped.
struct Measuring<'a>(&'a mut Result<Parts, NativeError>);

impl Drop for Measuring<'_> {
    fn drop(&mut self) {
        let mut parts = Parts::default();
        // SAFETY: it only fills the structure.
        *self.0 = checked(unsafe { ndb_parts_end(&raw mut parts) }).map(|()| parts);
    }
}

/// What `body` gives. Where parts are measured, its time belongs to `part`, but for that of parts within it; and so do the
/// gradients of what it computes.
pub(crate) fn part<T>(part: Part, body: impl FnOnce() -> T) -> T {
    ndb_part_begin(part);
    let _begun = Begun;
    body()
}

/// What `body` gives, and the time of its parts, forward and back, on `device`. One measurement at a time; what is of no
/// part is in none.
///
/// # Errors
/// libtorch's.
pub(crate) fn measure_parts<T>(device: Device, body: impl FnOnce() -> T) -> Result<(T, Parts), NativeError> {
    checked(ndb_parts_begin(if let Device::Cuda(index) = device { index as i64 } else { -1 }))?;
    let mut parts = Ok(Parts::default());
    let result = {
        let _measuring = Measuring(&mut parts);
        body()
    };
    Ok((result, parts?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tch::{Kind, Tensor};

    #[cfg(target_os = "linux")]
    #[test]
    fn time_belongs_to_the_innermost_part() {
        // Other tests call parts too, and would wait in vain for their turn.
        crate::testing::in_own_process("native::parts::tests::time_belongs_to_the_innermost_part", body);
    }

    fn body() {
        let x = Tensor::ones([256, 256], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        let pause = || std::thread::sleep(Duration::from_millis(20));
        let ((), parts) = measure_parts(Device::Cpu, || {
            let twice = x.sum(None::<Kind>);
            let y = twice
                + part(Part::Weight, || {
                    pause();
                    let y = part(Part::Covariance, || {
                        pause();
                        (0..20).fold(x.shallow_clone(), |y, _| y.matmul(&x) * 1e-2)
                    });
                    y.sum(None::<Kind>)
                });
            y.backward();
        })
        .unwrap();
        let [weight, covariance] = [Part::Weight, Part::Covariance].map(|p| parts.forward[p as usize]);
        assert!(weight >= 0.02 && covariance >= 0.02, "{parts:?}");
        let of = |p: Part| parts.backward[p as usize];
        assert!(of(Part::Covariance) > 0.0 && of(Part::Weight) > 0.0 && of(Part::Convolution) == 0.0, "{parts:?}");
        assert!(of(Part::Sums) > 0.0 && parts.forward[Part::Sums as usize] == 0.0, "{parts:?}");
        part(Part::Samples, pause);
        let ((), nothing) = measure_parts(Device::Cpu, pause).unwrap();
        assert_eq!(nothing, Parts::default(), "what is of no part is in none");
    }
}
