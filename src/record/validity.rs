//! What speaks against the times of a record. Its accuracy holds all the same.

use super::{ProbeArm, Record};
use crate::telemetry::{GpuSummary, TelemetrySummary};
use crate::units::{Ratio, Seconds};
use std::fmt;

/// Clocks held down by heat or a failing supply for a larger share of the time spoil the times.
const THROTTLED: f64 = 0.01;

/// Reasons for which a driver holds clocks down though the device has work and the power that it may take.
const SLOWDOWNS: [&str; 4] = ["hw_slowdown", "sw_thermal", "hw_thermal", "power_brake"];

/// Why the times of a record do not count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Flag {
    /// The training was not done in one go: it was resumed, or its process was stopped for a time.
    Paused,
    /// The device was lost meanwhile.
    DeviceLost {
        /// How often.
        times: u64,
    },
    /// Its memory had errors that it could not put right.
    MemoryErrors {
        /// How many.
        errors: u64,
    },
    /// The driver reported errors (XID).
    DriverErrors {
        /// How many.
        errors: u64,
    },
    /// Others computed on the device: programs that the driver saw, or trainings of the same run.
    Shared {
        /// The most processes at a time.
        processes: u32,
    },
    /// Heat or a failing supply held clocks down.
    Throttled {
        /// Share of the time, the largest of the reasons.
        share: Ratio,
    },
}

impl Flag {
    /// A word or two, for cells of tables: `paused`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Paused => "paused",
            Self::DeviceLost { .. } => "device lost",
            Self::MemoryErrors { .. } => "memory errors",
            Self::DriverErrors { .. } => "driver errors",
            Self::Shared { .. } => "shared",
            Self::Throttled { .. } => "throttled",
        }
    }
}

impl fmt::Display for Flag {
    /// Continues a sentence that begins with a trial: `was paused`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Paused => write!(f, "was paused"),
            Self::DeviceLost { times } => write!(f, "lost its device, times: {times}"),
            Self::MemoryErrors { errors } => write!(f, "met uncorrected memory errors: {errors}"),
            Self::DriverErrors { errors } => write!(f, "met errors of the driver (XID): {errors}"),
            Self::Shared { processes } => write!(f, "shared its device with other processes: {processes}"),
            Self::Throttled { share } => write!(f, "was throttled for {:.1} % of its time", 100.0 * share.0),
        }
    }
}

impl Record {
    /// Why the times of this record do not count; none where they do.
    pub fn flags(&self) -> Vec<Flag> {
        let mut flags = match (self.time_valid, self.sharers) {
            (true, _) => Vec::new(),
            (false, 0) => vec![Flag::Paused],
            (false, processes) => vec![Flag::Shared { processes }],
        };
        flags.extend(of_devices(self.telemetry.as_deref()));
        flags
    }

    /// Its times count.
    pub fn is_timed(&self) -> bool {
        self.time_valid && self.telemetry.is_none() || self.flags().is_empty()
    }
}

impl ProbeArm {
    /// Why the times of this arm do not count; none where they do.
    pub fn flags(&self) -> Vec<Flag> {
        of_devices(self.telemetry.as_deref())
    }
}

fn of_devices(telemetry: Option<&TelemetrySummary>) -> Vec<Flag> {
    let devices = telemetry.into_iter().flat_map(|telemetry| telemetry.gpus.iter().map(|gpu| (gpu, telemetry.seconds)));
    devices.flat_map(|(gpu, watched)| of_device(gpu, watched)).collect()
}

fn of_device(gpu: &GpuSummary, watched: Seconds) -> impl Iterator<Item = Flag> {
    let errors = gpu.xids.values().sum();
    let longest = SLOWDOWNS.iter().filter_map(|reason| gpu.throttle.get(*reason)).map(|s| s.0).fold(0.0, f64::max);
    let share = if watched.0 > 0.0 { longest / watched.0 } else { 0.0 };
    [
        (gpu.lost > 0).then_some(Flag::DeviceLost { times: gpu.lost }),
        gpu.ecc_uncorrected.filter(|n| *n > 0).map(|errors| Flag::MemoryErrors { errors }),
        (errors > 0).then_some(Flag::DriverErrors { errors }),
        gpu.foreign_processes.filter(|n| *n > 0).map(|processes| Flag::Shared { processes }),
        (share > THROTTLED).then_some(Flag::Throttled { share: Ratio(share) }),
    ]
    .into_iter()
    .flatten()
}

#[cfg(test)]
mod tests {
    use super::super::made_up;
    use super::*;
    use crate::scenario::{Architecture, Dataset};

    #[test]
    fn trouble_of_the_device_speaks_against_times() {
        let trials = made_up::cell(Architecture::Vgg16, Dataset::Cifar10, 1, 1);
        let mut record = made_up::record(&trials[0], 0.5, 100.0);
        assert!(record.is_timed() && record.flags().is_empty());
        let mut gpu = GpuSummary { foreign_processes: Some(0), ecc_uncorrected: Some(0), ..GpuSummary::default() };
        let mut with = |gpu: &GpuSummary| {
            let gpus = vec![gpu.clone()];
            record.telemetry = Some(Box::new(TelemetrySummary { seconds: Seconds(100.0), gpus, ..Default::default() }));
            (record.is_timed(), record.flags().iter().map(Flag::to_string).collect::<Vec<_>>().join(", "))
        };
        gpu.throttle.insert("power_cap".into(), Seconds(90.0));
        gpu.throttle.insert("hw_thermal".into(), Seconds(0.9));
        assert_eq!(with(&gpu), (true, String::new()), "a power limit is a setting of the device");
        gpu.throttle.insert("sw_thermal".into(), Seconds(5.0));
        gpu.foreign_processes = Some(2);
        assert_eq!(
            with(&gpu),
            (false, "shared its device with other processes: 2, was throttled for 5.0 % of its time".into())
        );
        let gpu = GpuSummary { lost: 1, ecc_uncorrected: Some(3), xids: [(79, 2)].into(), ..GpuSummary::default() };
        let said = "lost its device, times: 1, met uncorrected memory errors: 3, met errors of the driver (XID): 2";
        assert_eq!(with(&gpu), (false, said.into()));
        record.telemetry = None;
        record.time_valid = false;
        assert_eq!(record.flags(), [Flag::Paused]);
        record.sharers = 2;
        assert_eq!(record.flags(), [Flag::Shared { processes: 2 }]);
    }
}
