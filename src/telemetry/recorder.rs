//! A recording: what the readings of one execution of a trial come to, and their series.

use super::series::{Row, SeriesSender};
use super::snapshot::{AllocatorSnapshot, Call, GpuSnapshot, HostSnapshot, ProcessSnapshot};
use super::source::Heard;
use super::tally::Tally;
use crate::units::Seconds;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What the sampler has seen since the last look.
pub(super) struct Look<'a> {
    /// By the sampler's clock, without rests.
    pub at: Duration,
    /// Since 1970.
    pub unix: Seconds,
    pub host: &'a HostSnapshot,
    pub process: &'a ProcessSnapshot,
    pub allocator: Option<AllocatorSnapshot>,
    /// The process was looked at since the last look.
    pub host_is_new: bool,
    /// The machine was.
    pub machine_is_new: bool,
    /// CPU time of the instruments' threads so far.
    pub own_cpu: Duration,
    /// Ticks of the sampler, and those that it missed.
    pub ticks: (u64, u64),
    /// Of each device.
    pub counts: &'a [Counts],
    /// The device that has answered, if one has.
    pub gpu: Option<GpuLook<'a>>,
}

/// What has become of a device so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counts {
    pub samples: u64,
    pub missed: u64,
    /// Times that it was lost.
    pub lost: u64,
    /// It was lost, and has not come back.
    pub is_gone: bool,
    /// Something stands in its driver's place.
    pub is_stub: bool,
}

/// What a device has said.
#[derive(Clone, Copy)]
pub(super) struct GpuLook<'a> {
    pub number: usize,
    pub snapshot: &'a GpuSnapshot,
    /// Whose readings are new.
    pub fresh: &'a BTreeSet<Call>,
}

/// The sampler's end of a recording.
pub(super) struct Recorder {
    /// Shared with who began the recording; held for microseconds.
    pub tally: Arc<Mutex<Tally>>,
    pub series: Option<SeriesSender>,
}

impl Recorder {
    /// CPU time of the thread that writes the series, as far as it has told.
    pub fn series_cpu(&self) -> Duration {
        self.series.as_ref().map_or(Duration::ZERO, SeriesSender::cpu)
    }

    /// The instruments rest until the next look: what is used meanwhile is not the recording's.
    pub fn rest(&self) {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).rest();
    }

    /// The recording begins now, with the devices like this.
    pub fn begin(&self, at: Duration, devices: &[Counts]) {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).meet(at, devices);
    }

    /// Takes what was heard of the errors of device `number`, after a wait of so long.
    pub fn hear(&self, number: usize, heard: &Heard, waited: Duration) {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).hear(number, heard, waited);
    }

    /// Takes what is new.
    pub fn look(&mut self, look: &Look) {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).look(look);
        if let Some(series) = &mut self.series {
            series.send(&Row(look));
        }
    }
}
