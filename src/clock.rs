//! Host and device time.
//!
//! A CUDA device works on while the host goes ahead, so a clock is read only after the device has done all that was
//! asked of it. On the CPU an operation has ended when its call returns, and waiting costs nothing.

use crate::units::Seconds;
use std::time::Instant;
use tch::Device;

/// Waits until `device` has done everything asked of it.
pub fn synchronise(device: Device) {
    if let Device::Cuda(index) = device {
        tch::Cuda::synchronize(index as i64);
    }
}

/// A stopwatch that can be paused.
#[derive(Debug)]
pub struct Stopwatch {
    device: Device,
    before: Seconds,
    running_since: Option<Instant>,
}

impl Stopwatch {
    /// A paused stopwatch that shows `before` already.
    pub fn paused(device: Device, before: Seconds) -> Self {
        Self { device, before, running_since: None }
    }

    /// Runs on; without effect while it runs.
    pub fn start(&mut self) {
        self.running_since.get_or_insert_with(Instant::now);
    }

    /// Waits for the device, pauses, and returns what it shows.
    pub fn pause(&mut self) -> Seconds {
        if let Some(since) = self.running_since {
            synchronise(self.device);
            self.before += since.elapsed().into();
            self.running_since = None;
        }
        self.before
    }
}

/// Splits a stretch of work into consecutive laps. Waits for the device at each end of a lap.
#[derive(Debug)]
pub struct Laps {
    device: Device,
    last: Instant,
}

impl Laps {
    /// Waits for the device and begins the first lap.
    pub fn start(device: Device) -> Self {
        synchronise(device);
        Self { device, last: Instant::now() }
    }

    /// Waits for the device, ends the lap and begins the next.
    pub fn lap(&mut self) -> Seconds {
        synchronise(self.device);
        let now = Instant::now();
        let lap = now.duration_since(self.last);
        self.last = now;
        lap.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_paused_stopwatch_stands_still_and_keeps_what_it_had() {
        let mut watch = Stopwatch::paused(Device::Cpu, Seconds(100.0));
        assert_eq!(watch.pause(), Seconds(100.0));
        watch.start();
        std::thread::sleep(Duration::from_millis(5));
        let shown = watch.pause();
        assert!(shown.0 >= 100.005, "{shown:?}");
        std::thread::sleep(Duration::from_millis(5));
        assert_eq!(watch.pause(), shown);
    }

    #[test]
    fn laps_follow_each_other_without_a_gap() {
        let whole = Instant::now();
        let mut laps = Laps::start(Device::Cpu);
        std::thread::sleep(Duration::from_millis(3));
        let first = laps.lap();
        let second = laps.lap();
        assert!(first.0 >= 0.003 && second.0 >= 0.0 && (first + second).0 <= whole.elapsed().as_secs_f64());
    }
}
