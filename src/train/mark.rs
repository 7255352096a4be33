//! Points in the time of a device.

use crate::native::{Event, NativeError};
use crate::units::Seconds;
use std::time::Instant;
use tch::Device;

/// The moment at which a device has done what it was asked for so far: on CUDA an event on its stream, for which nobody
/// waits; on the CPU, where an operation has ended when its call returns, the host's clock.
#[derive(Debug)]
pub struct Mark(Kind);

#[derive(Debug)]
enum Kind {
    Host(Instant),
    Cuda(Event),
}

impl Mark {
    /// Marks the end of all that was asked of `device`.
    ///
    /// # Errors
    /// libtorch's.
    pub fn new(device: Device) -> Result<Self, NativeError> {
        Ok(Self(match device {
            Device::Cuda(index) => Kind::Cuda(Event::record(index)?),
            _ => Kind::Host(Instant::now()),
        }))
    }

    /// The device's time from this mark to a `later` one of the same device; waits for that.
    ///
    /// # Errors
    /// libtorch's.
    pub fn until(&self, later: &Self) -> Result<Seconds, NativeError> {
        match (&self.0, &later.0) {
            (Kind::Host(from), Kind::Host(to)) => Ok(to.duration_since(*from).into()),
            (Kind::Cuda(from), Kind::Cuda(to)) => from.until(to),
            _ => Err(NativeError("two marks of different devices".into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_the_host_follow_its_clock() {
        let from = Mark::new(Device::Cpu).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(5));
        let to = Mark::new(Device::Cpu).unwrap();
        assert!(from.until(&to).unwrap().0 >= 0.005);
    }
}
