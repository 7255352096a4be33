//! What watching costs: how much of itself a step grows, measured by turns with and without the instruments.

use super::{ProbeArm, ProbeRecord, Store, StoreError};
use crate::files::cache_folder;
use crate::scenario::{Architecture, Deconvolution, Norm};
use crate::stats::{LEVEL, median, median_interval};
use crate::telemetry::{Environment, Level, TelemetrySummary};
use crate::units::Ratio;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What the instruments cost a trial, or the arm of a probe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TelemetryOverhead {
    /// How much was watched.
    pub level: Level,
    /// CPU time of the instruments' own threads over the time watched: 0.01 is a hundredth of one core. Measured in this
    /// trial, or this arm.
    pub cpu_share: Option<Ratio>,
    /// By how much they make steps longer; absent where this user has no such probe of this environment.
    pub step: Option<StepOverhead>,
}

/// By how much instruments make steps longer: from turns with and without them, in one probe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepOverhead {
    /// The probe: the name of its file, without the ending.
    pub probe: String,
    /// What it trained: network, norm and the operator's implementation.
    pub of: String,
    /// Growth of a step over one without instruments, median over the rounds: 0.01 is one per cent.
    pub relative: f64,
    /// Ends of its 95 % confidence interval, which holds for any distribution; absent for fewer than six rounds.
    pub interval: Option<[f64; 2]>,
    /// Rounds in which both had their turn.
    pub rounds: usize,
}

impl StepOverhead {
    /// The overhead of `level` in a probe whose arms differ in what was watched; `None` for any other probe.
    pub fn of(probe: &ProbeRecord, level: Level) -> Option<Self> {
        let arm = |level: Level| probe.cell.arms.iter().find(|arm| arm.level() == level);
        let (off, on) = (arm(Level::Off)?, arm(level)?);
        if (off.norm, off.deconvolution) != (on.norm, on.deconvolution) || level == Level::Off {
            return None;
        }
        if [off, on].iter().any(|arm| !arm.flags().is_empty()) {
            // A device that was lost, shared or throttled says nothing of the instruments.
            return None;
        }
        if on.telemetry.as_ref().is_some_and(|telemetry| !telemetry.gpus.is_empty() && telemetry.samples == 0) {
            // Nor do turns in which no device answered.
            return None;
        }
        let steps = |arm: &ProbeArm| arm.turns.iter().map(|turn| turn.step().0).collect::<Vec<_>>();
        let growth: Vec<f64> = steps(off).into_iter().zip(steps(on)).map(|(off, on)| on / off - 1.0).collect();
        // A round in which something else ran shows more than the instruments ever do.
        let relative = median(&growth)?;
        let interval = median_interval(&growth, LEVEL).map(|i| [i.low, i.high]);
        let of = name(probe.cell.architecture, on.norm, on.deconvolution.as_ref());
        Some(Self { probe: probe.name(), of, relative, interval, rounds: growth.len() })
    }
}

impl TelemetryOverhead {
    /// What `telemetry` says itself of a training of `of` (see [`name`]), and what the newest probe by turns in `store`, or
    /// else the newest that was [remembered](remember), says of its level in `environment`, whatever the commit: one of the
    /// same network, norm and operator before any other.
    pub fn of(telemetry: &TelemetrySummary, of: &str, environment: &Environment, store: &Store) -> Self {
        let here = environment.fingerprint();
        let newest = |store: &Store| {
            let probes = store.probes().0.into_iter().filter(|probe| probe.environment.fingerprint() == here);
            let probes = probes.filter(|probe| probe.has_stub() == is_stub(telemetry));
            let measured = probes.filter_map(|probe| Some((probe.started, StepOverhead::of(&probe, telemetry.level)?)));
            measured.max_by_key(|(started, step)| (step.of == of, *started)).map(|(_, step)| step)
        };
        Self::from_parts(telemetry, newest(store).or_else(|| newest(&Store::open_existing(memory()?).ok()?)))
    }

    /// What `telemetry` says itself, and `step`.
    pub fn from_parts(telemetry: &TelemetrySummary, step: Option<StepOverhead>) -> Self {
        let watched = telemetry.seconds.0;
        let share = telemetry.own_cpu.filter(|_| watched > 0.0).map(|cpu| Ratio(cpu.0 / watched));
        Self { level: telemetry.level, cpu_share: share, step }
    }
}

/// Keeps `probe` for the records of other stores: what watching costs belongs to the environment, not to a study. Nothing
/// where it is no probe by turns, or of a stand-in for a device.
///
/// # Errors
/// [`StoreError`]: the user's cache cannot be written.
pub fn remember(probe: &ProbeRecord) -> Result<(), StoreError> {
    match memory() {
        Some(path) if StepOverhead::of(probe, Level::Full).is_some() && !probe.has_stub() => {
            Store::open(path)?.write_probe(probe).map(drop)
        }
        _ => Ok(()),
    }
}

/// The folder of the store of what is remembered, in the user's cache.
fn memory() -> Option<PathBuf> {
    Some(cache_folder()?.join("telemetry-overhead"))
}

/// What is trained, as overheads name it: `vgg16 bn`, `vgg16 nd fast`.
pub fn name(architecture: Architecture, norm: Norm, deconvolution: Option<&Deconvolution>) -> String {
    let implementation = deconvolution.map(|settings| format!(" {}", settings.implementation));
    format!("{architecture} {norm}{}", implementation.unwrap_or_default())
}

/// Its figures come from a library in place of the driver's.
fn is_stub(telemetry: &TelemetrySummary) -> bool {
    telemetry.gpus.iter().any(|gpu| gpu.device.stub)
}

impl ProbeRecord {
    /// Whether a stand-in for the driver, which measures nothing, answered any of its arms.
    pub fn has_stub(&self) -> bool {
        self.cell.arms.iter().filter_map(|arm| arm.telemetry.as_deref()).any(is_stub)
    }
}

#[cfg(test)]
mod tests {
    use super::super::made_up;
    use super::*;
    use crate::telemetry::{DeviceSummary, GpuSummary};
    use crate::units::Seconds;

    #[test]
    fn the_overhead_of_a_level_comes_from_turns_of_the_same_round() {
        // The machine is twice as slow in the second round.
        let off = [1.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0];
        let mut on = off.map(|step| 1.01 * step);
        // Something else ran.
        on[8] = 7.0;
        let probe = made_up::telemetry_probe(&[&off, &off, &on]);
        let full = StepOverhead::of(&probe, Level::Full).unwrap();
        assert!((full.relative - 0.01).abs() < 1e-12 && full.rounds == 9 && full.probe == probe.name());
        let [low, high] = full.interval.unwrap();
        assert!((low - 0.01).abs() < 1e-9 && (high - 0.01).abs() < 1e-9);
        assert!(StepOverhead::of(&probe, Level::Minimal).unwrap().relative.abs() < 1e-12);
        assert_eq!(StepOverhead::of(&probe, Level::Off), None);
        let mut silent = probe.clone();
        silent.cell.arms[2].telemetry.as_mut().unwrap().gpus = vec![GpuSummary::default()];
        assert_eq!(StepOverhead::of(&silent, Level::Full), None, "its device never answered");
        assert_eq!(StepOverhead::of(&made_up::probe(&[&[1.0], &[3.0]]), Level::Full), None, "BN and ND are no levels");
    }

    #[test]
    fn a_trial_takes_the_newest_probe_of_its_environment() {
        let (_folder, store) = made_up::store();
        let telemetry = TelemetrySummary {
            level: Level::Full,
            seconds: Seconds(10.0),
            own_cpu: Some(Seconds(0.05)),
            ..TelemetrySummary::default()
        };
        let mut probe = made_up::telemetry_probe(&[&[1.0, 1.0], &[1.0, 1.0], &[1.5, 1.5]]);
        store.write_probe(&probe).unwrap();
        probe.started = jiff::Timestamp::from_second(1_000_000).unwrap();
        probe.cell.arms[2].turns.iter_mut().for_each(|turn| turn.host.0 *= 2.0);
        store.write_probe(&probe).unwrap();
        let overhead = |environment| TelemetryOverhead::of(&telemetry, "vgg16 bn", environment, &store);
        let here = overhead(&probe.environment);
        assert_eq!((here.level, here.cpu_share), (Level::Full, Some(Ratio(0.005))));
        let step = here.step.unwrap();
        assert!((step.relative - 2.0).abs() < 1e-12 && step.probe == probe.name(), "{step:?}");
        // One of another network is newer, and counts where there is none of its own.
        probe.started = jiff::Timestamp::from_second(2_000_000).unwrap();
        probe.cell.architecture = Architecture::Dpn92;
        store.write_probe(&probe).unwrap();
        assert_eq!(overhead(&probe.environment).step.unwrap().of, "vgg16 bn");
        let senet = TelemetryOverhead::of(&telemetry, "senet18 nd fast", &probe.environment, &store);
        assert_eq!(senet.step.unwrap().of, "dpn92 bn");
        let gpus =
            vec![GpuSummary { device: DeviceSummary { stub: true, ..Default::default() }, ..Default::default() }];
        let stub = TelemetrySummary { gpus, ..telemetry.clone() };
        assert_eq!(TelemetryOverhead::of(&stub, "vgg16 bn", &probe.environment, &store).step, None);
        let mut elsewhere = probe.environment.clone();
        elsewhere.threads += 1;
        assert_eq!(overhead(&elsewhere).step, None);
    }
}
