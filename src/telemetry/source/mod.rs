//! Where a device's readings come from: the driver, or a script in tests.

mod reaction;
#[cfg(test)]
pub(super) mod scripted;

pub(super) use reaction::Reaction;

use super::snapshot::{Activities, Call, Code, Ecc, GpuIdentity, Memory, ThrottleReason};
use crate::units::{Celsius, Hertz, Joules, Ratio, Seconds, Watts};
use std::sync::Arc;

/// One device and its driver. A call may take any time, or never return: it is made on a thread of its own.
pub(super) trait Source: Send {
    /// Makes a call. [`Call::Open`] starts the driver's library anew and finds the device.
    fn call(&mut self, call: Call) -> Result<Answer, CallError>;

    /// Lets go of the driver's library, where it was started: the device is lost. Of a library that others of this
    /// process use nothing is started anew before all of them have let go.
    fn close(&mut self);

    /// Once [`Call::Events`] has succeeded, what comes of waiting for errors of the driver goes to `tell`, from another
    /// thread.
    fn listen(&mut self, tell: Tell);

    /// It stands in the driver's place: what it answers is no measurement.
    fn is_stub(&self) -> bool;
}

/// What a wait for errors of the driver (XID) brought: the number of one, or none; or why it failed.
pub(super) type Heard = Result<Option<u32>, CallError>;

/// Takes what was heard.
pub(super) type Tell = Arc<dyn Fn(Heard) + Send + Sync>;

/// What the driver answers.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Answer {
    /// To [`Call::Open`].
    Opened(Box<GpuIdentity>),
    /// To [`Call::Memory`].
    Memory(Memory),
    /// To [`Call::Utilisation`]: device, memory.
    Utilisation(Ratio, Ratio),
    /// To [`Call::BusySamples`] and [`Call::MemoryBusySamples`]: the mean over the driver's samples since the last look;
    /// absent where it has none.
    Busy(Option<Ratio>),
    /// To calls for a power.
    Watts(Watts),
    /// To [`Call::Energy`]: since the driver was loaded.
    Joules(Joules),
    /// To calls for a temperature.
    Celsius(Celsius),
    /// To calls for a clock.
    Hertz(Hertz),
    /// To [`Call::ThrottleTimes`]: since the driver was loaded; only those that the device counts.
    ThrottleTimes(Vec<(ThrottleReason, Seconds)>),
    /// To [`Call::ThrottleReasons`].
    ThrottleReasons(Vec<ThrottleReason>),
    /// To [`Call::Activities`].
    Activities(Activities),
    /// To [`Call::Processes`].
    Processes(Vec<ComputeProcess>),
    /// To [`Call::Ecc`]: since the driver was loaded.
    Ecc(Ecc),
    /// To [`Call::Pcie`] and [`Call::NvLink`]: bytes transmitted and received since the driver was loaded.
    Bytes(u64, u64),
    /// To [`Call::Activities`]: it is too early, and the driver was not asked.
    NotAsked,
    /// To [`Call::Events`]: errors of the driver are awaited from now on.
    Awaiting,
    /// Nothing new yet.
    Nothing,
}

/// A process that computes on a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ComputeProcess {
    /// Its number as the host counts.
    pub pid: u32,
    /// Its memory on the device in bytes, where the driver says.
    pub used: Option<u64>,
}

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CallError {
    /// The kind.
    pub code: Code,
    /// In the driver's words, with what to do where something can be done.
    pub why: String,
}
