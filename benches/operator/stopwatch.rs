//! Time by the device's own clock, and caches that hold nothing of use.

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use ndbench::train::Mark;
use std::time::Duration;
use tch::{Device, Kind, Tensor};

/// Larger than the last cache of any machine that this is for.
const SCRUBBED: i64 = 256 << 20;

/// The device that `NDBENCH_BENCH_DEVICE` names: the CPU, or the first CUDA device.
///
/// # Panics
/// CUDA cannot be used here.
pub fn device() -> Device {
    let cuda = std::env::var("NDBENCH_BENCH_DEVICE").is_ok_and(|name| name == "cuda");
    ndbench::run::device(cuda.then_some(0)).expect("a device to measure on")
}

/// The time of a device: on CUDA that between two events of its stream, on the CPU that of the clock.
#[derive(Debug, Clone, Copy)]
pub struct DeviceTime(pub Device);

impl DeviceTime {
    /// The time of `work`; what it returns is let go of afterwards.
    pub fn time<T>(&self, work: impl FnOnce() -> T) -> Duration {
        let begun = self.start();
        let kept = work();
        let took = self.end(begun);
        drop(kept);
        took
    }
}

impl Measurement for DeviceTime {
    type Intermediate = Mark;
    type Value = Duration;

    fn start(&self) -> Mark {
        Mark::new(self.0).expect("an event of the stream")
    }

    fn end(&self, begun: Mark) -> Duration {
        let seconds = begun.until(&self.start()).expect("the time between two events of a stream");
        Duration::from_secs_f64(seconds.0)
    }

    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        *one + *other
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        value.as_nanos() as f64
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

/// Fills the caches with what nobody needs.
pub struct Scrubber(Tensor);

impl Scrubber {
    pub fn new(device: Device) -> Self {
        Self(Tensor::zeros([SCRUBBED], (Kind::Uint8, device)))
    }

    pub fn scrub(&mut self) {
        let _ = self.0.bitwise_not_();
    }
}
