//! What the readings of a trial come to, while it goes on. Of fixed size, kept in checkpoints, and carried on by the
//! execution that resumes the trial.

mod distribution;
mod gpu;
mod summary;
mod total;

pub use summary::{
    DeviceSummary, Energy, EnergySource, GpuSummary, HostSummary, MemorySpreads, Range, SeriesFile, Spread,
    TelemetrySummary,
};

use super::Level;
use super::recorder::{Counts, Look};
use super::source::Heard;
use crate::units::{Bytes, Ratio, Seconds};
use distribution::Distribution;
use gpu::GpuTally;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use total::Total;

/// What the readings come to so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    level: Level,
    /// Executions of the trial that are in here.
    executions: u32,
    /// Training images of the trial that were watched.
    pub(super) images: u64,
    seconds: Total,
    ticks: Total,
    missed_ticks: Total,
    cpu: Total,
    #[serde(default)]
    own_cpu: Total,
    resident: Distribution,
    host_cpu: Distribution,
    host_memory: Distribution,
    allocated: Distribution,
    reserved: Distribution,
    #[serde(default)]
    active: Distribution,
    #[serde(default)]
    retries: Total,
    #[serde(default)]
    ooms: Total,
    gpus: Vec<GpuTally>,
}

impl Tally {
    /// A new execution: of a new trial, or one that goes on from `before`.
    pub(super) fn begin(level: Level, before: Option<Tally>) -> Self {
        let mut tally = before.unwrap_or_default();
        (tally.level, tally.executions) = (level, tally.executions + 1);
        let Tally { seconds, ticks, missed_ticks, cpu, own_cpu, retries, ooms, .. } = &mut tally;
        [seconds, ticks, missed_ticks, cpu, own_cpu, retries, ooms].into_iter().for_each(Total::pause);
        tally.gpus.iter_mut().for_each(GpuTally::pause);
        tally
    }

    /// What process and devices use until the next look is none of the trial's; what befalls them is.
    pub(super) fn rest(&mut self) {
        self.cpu.pause();
        self.gpus.iter_mut().for_each(GpuTally::rest);
    }

    /// Training images of the trial that were watched up to here.
    pub fn images(&self) -> u64 {
        self.images
    }

    /// The execution begins with the devices like this.
    pub(super) fn meet(&mut self, at: Duration, devices: &[Counts]) {
        self.count(at, devices);
        self.gpus.iter_mut().zip(devices).filter(|(_, device)| device.is_gone).for_each(|(gpu, _)| gpu.gone());
    }

    fn count(&mut self, at: Duration, devices: &[Counts]) {
        self.gpus.resize_with(self.gpus.len().max(devices.len()), GpuTally::default);
        self.gpus.iter_mut().zip(devices).for_each(|(gpu, counts)| gpu.count(at, *counts));
    }

    /// Takes what was heard of the errors of device `number`, after a wait of so long.
    pub(super) fn hear(&mut self, number: usize, heard: &Heard, waited: Duration) {
        self.gpus.resize_with(self.gpus.len().max(number + 1), GpuTally::default);
        self.gpus[number].hear(heard, waited);
    }

    /// Takes what is new.
    pub(super) fn look(&mut self, look: &Look) {
        let at = look.at;
        self.seconds.read(at.as_secs_f64(), at);
        self.own_cpu.read(look.own_cpu.as_secs_f64(), at);
        if look.host_is_new {
            self.ticks.read(look.ticks.0 as f64, at);
            self.missed_ticks.read(look.ticks.1 as f64, at);
            look.process.cpu.iter().for_each(|cpu| self.cpu.read(cpu.0, at));
            look.process.resident.iter().for_each(|bytes| self.resident.add(bytes.0 as f64));
            if let Some(allocator) = look.allocator {
                self.allocated.add(allocator.allocated.0 as f64);
                self.reserved.add(allocator.reserved.0 as f64);
                self.active.add(allocator.active.0 as f64);
                self.retries.read(allocator.retries as f64, at);
                self.ooms.read(allocator.ooms as f64, at);
            }
        }
        if look.machine_is_new {
            look.host.cpu.iter().for_each(|share| self.host_cpu.add(share.0));
            look.host.memory_used.iter().for_each(|bytes| self.host_memory.add(bytes.0 as f64));
        }
        self.count(at, look.counts);
        if let Some(gpu) = look.gpu
            && let Some(tally) = self.gpus.get_mut(gpu.number)
        {
            tally.look(at, &gpu);
        }
    }

    /// What the readings come to.
    pub(super) fn summary(&self) -> TelemetrySummary {
        let seconds = self.seconds.sum();
        let (samples, missed) = match self.gpus.as_slice() {
            [] => (self.ticks.sum(), self.missed_ticks.sum()),
            gpus => gpus.iter().map(GpuTally::samples).fold((0.0, 0.0), |(a, b), (c, d)| (a + c, b + d)),
        };
        TelemetrySummary {
            level: self.level,
            executions: self.executions,
            seconds: Seconds(seconds),
            images: self.images,
            samples: samples as u64,
            missed: missed as u64,
            own_cpu: self.own_cpu.known().map(Seconds),
            host: HostSummary {
                cpu: self.cpu.covering(seconds).map(Seconds),
                resident: self.resident.spread(bytes),
                cpu_share: self.host_cpu.spread(Ratio),
                memory_used: self.host_memory.spread(bytes),
            },
            allocated: self.allocated.spread(bytes),
            reserved: self.reserved.spread(bytes),
            active: self.active.spread(bytes),
            retries: self.retries.known().map(|n| n as u64),
            ooms: self.ooms.known().map(|n| n as u64),
            gpus: self.gpus.iter().map(|gpu| gpu.summary(seconds, self.images)).collect(),
            series: None,
        }
    }
}

/// Whole bytes.
fn bytes(value: f64) -> Bytes {
    Bytes(value.round() as u64)
}
