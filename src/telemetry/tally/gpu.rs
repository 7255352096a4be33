//! What the readings of a device come to.

use super::bytes;
use super::distribution::Distribution;
use super::summary::{DeviceSummary, Energy, EnergySource, GpuSummary, MemorySpreads, Range};
use super::total::Total;
use crate::telemetry::recorder::{Counts, GpuLook};
use crate::telemetry::sampler::GAP;
use crate::telemetry::snapshot::{Call, GpuSnapshot};
use crate::telemetry::source::Heard;
use crate::units::{Bytes, Celsius, Hertz, Joules, Ratio, Seconds, Watts};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// The first look comes so much later, at the most, than what it looks at begins.
const FIRST_LOOK: Duration = Duration::from_millis(150);

/// What the readings of a device come to so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct GpuTally {
    device: Option<DeviceSummary>,
    #[serde(default)]
    is_stub: bool,
    attribution: Option<String>,
    samples: Total,
    missed: Total,
    lost: Total,
    memory: Distribution,
    process: Distribution,
    utilisation: Distribution,
    busy: Total,
    memory_busy: Total,
    sm: Distribution,
    occupancy: Distribution,
    tensor: Distribution,
    dram: Distribution,
    power: Distribution,
    energy: Total,
    energy_estimated: Total,
    throttle: BTreeMap<String, Total>,
    temperature: Distribution,
    memory_temperature: Distribution,
    sm_clock: Distribution,
    memory_clock: Distribution,
    traffic: [Total; 4],
    ecc: [Total; 2],
    #[serde(default)]
    driver_errors: BTreeMap<u32, u64>,
    /// Time in which they were awaited.
    #[serde(default)]
    awaited: f64,
    foreign: Option<u32>,
    /// When the first look came after the beginning or a rest.
    #[serde(skip)]
    since: Option<Duration>,
    /// Time in use comes from the driver's own samples.
    #[serde(skip)]
    has_busy_samples: bool,
}

impl GpuTally {
    /// The next look is the first of another execution.
    pub fn pause(&mut self) {
        self.rest();
        let counts = [&mut self.samples, &mut self.missed, &mut self.lost];
        counts.into_iter().chain(&mut self.ecc).chain(self.throttle.values_mut()).for_each(Total::pause);
    }

    /// Until the next look it works for somebody else. That it was lost, slowed down or faulty meanwhile is told all the same.
    pub fn rest(&mut self) {
        self.since = None;
        let work = [&mut self.busy, &mut self.memory_busy, &mut self.energy, &mut self.energy_estimated];
        work.into_iter().chain(&mut self.traffic).for_each(Total::pause);
    }

    /// Samples, and missed ones.
    pub fn samples(&self) -> (f64, f64) {
        (self.samples.sum(), self.missed.sum())
    }

    /// Takes what has become of the device so far.
    pub fn count(&mut self, at: Duration, counts: Counts) {
        let Counts { samples, missed, lost, is_stub, .. } = counts;
        self.is_stub |= is_stub;
        let lost_before = self.lost.sum();
        let totals = [&mut self.samples, &mut self.missed, &mut self.lost];
        totals.into_iter().zip([samples, missed, lost]).for_each(|(total, count)| total.read(count as f64, at));
        if self.lost.sum() > lost_before {
            // What it did until it was back, or its driver counted anew, nobody saw.
            let sums = [&mut self.energy, &mut self.energy_estimated, &mut self.busy, &mut self.memory_busy];
            sums.into_iter().for_each(Total::pause);
        }
    }

    /// The device was lost before, and has not come back.
    pub fn gone(&mut self) {
        self.lost.more(1.0);
    }

    /// Takes what was heard of its errors, after a wait of so long.
    pub fn hear(&mut self, heard: &Heard, waited: Duration) {
        self.awaited += waited.as_secs_f64();
        if let Ok(Some(number)) = heard {
            *self.driver_errors.entry(*number).or_default() += 1;
        }
    }

    /// Takes the readings that are new.
    pub fn look(&mut self, at: Duration, look: &GpuLook) {
        let GpuLook { snapshot: now, fresh, .. } = *look;
        if let Some(identity) = &now.identity {
            self.device = Some(identity.into());
        }
        self.since.get_or_insert(at);
        fresh.iter().for_each(|call| self.take(*call, at, now));
    }

    fn take(&mut self, call: Call, at: Duration, now: &GpuSnapshot) {
        let ratio = |to: &mut Distribution, value: Option<Ratio>| value.iter().for_each(|v| to.add(v.0));
        match call {
            Call::Memory => now.memory.iter().for_each(|memory| self.memory.add(memory.used.0 as f64)),
            Call::Utilisation => {
                ratio(&mut self.utilisation, now.utilisation);
                // Where the driver has samples of its own, the sums are theirs.
                let is_off = now.off.iter().any(|off| off.call == Call::BusySamples);
                if !self.has_busy_samples || is_off {
                    self.take_busy(at, now.busy, now.memory_busy);
                }
            }
            Call::BusySamples => {
                self.has_busy_samples = true;
                self.take_busy(at, now.busy, None);
            }
            Call::MemoryBusySamples => self.take_busy(at, None, now.memory_busy),
            Call::Power => {
                now.power.iter().for_each(|watts| self.power.add(watts.0));
                let joules = now.energy_estimated.iter();
                joules.for_each(|joules| self.energy_estimated.read_without_gaps(joules.0, at, GAP));
            }
            Call::Energy => match now.energy {
                Some(joules) => self.energy.read(joules.0, at),
                // The device's counter began anew.
                None => self.energy.pause(),
            },
            Call::Temperature => now.temperature.iter().for_each(|t| self.temperature.add(t.0)),
            Call::MemoryTemperature => now.memory_temperature.iter().for_each(|t| self.memory_temperature.add(t.0)),
            Call::SmClock => now.sm_clock.iter().for_each(|clock| self.sm_clock.add(clock.0)),
            Call::MemoryClock => now.memory_clock.iter().for_each(|clock| self.memory_clock.add(clock.0)),
            Call::ThrottleTimes | Call::ThrottleReasons => {
                for (reason, seconds) in &now.throttle {
                    self.throttle.entry(reason.word().into()).or_default().read(seconds.0, at);
                }
            }
            Call::Activities => {
                let Some(active) = now.activities.filter(|active| self.is_of_its_own(active.span, at)) else { return };
                ratio(&mut self.sm, active.sm);
                ratio(&mut self.occupancy, active.occupancy);
                ratio(&mut self.tensor, active.tensor);
                ratio(&mut self.dram, active.dram);
            }
            Call::Processes => {
                if let Some(memory) = now.process_memory {
                    self.process.add(memory.used.0 as f64);
                    self.attribution = Some(memory.attribution.word().into());
                }
                self.foreign = self.foreign.max(now.foreign_processes);
            }
            Call::Ecc => now.ecc.iter().for_each(|ecc| read(&mut self.ecc, [ecc.corrected, ecc.uncorrected], at)),
            Call::Pcie | Call::NvLink => {
                let traffic = if call == Call::Pcie { now.pcie } else { now.nvlink };
                let half = &mut self.traffic[if call == Call::Pcie { 0..2 } else { 2..4 }];
                traffic.iter().for_each(|t| read(half, [t.transmitted.0, t.received.0], at));
            }
            Call::Open | Call::PowerAverage | Call::MemoryPower | Call::PowerLimit | Call::Events => {}
        }
    }

    /// Whether a time that has just ended, at `at`, was watched as a whole.
    fn is_of_its_own(&self, span: Duration, at: Duration) -> bool {
        self.since.is_some_and(|since| at.saturating_sub(span) + FIRST_LOOK >= since)
    }

    fn take_busy(&mut self, at: Duration, busy: Option<Seconds>, memory_busy: Option<Seconds>) {
        busy.iter().for_each(|seconds| self.busy.read_without_gaps(seconds.0, at, GAP));
        memory_busy.iter().for_each(|seconds| self.memory_busy.read_without_gaps(seconds.0, at, GAP));
    }

    /// What it comes to over `seconds` of training and `images`.
    pub fn summary(&self, seconds: f64, images: u64) -> GpuSummary {
        let counted = |total: &Total| total.known().map(|sum| sum as u64);
        let [pcie_transmitted, pcie_received, nvlink_transmitted, nvlink_received] =
            self.traffic.each_ref().map(|total| total.covering(seconds).map(|sum| Bytes(sum as u64)));
        GpuSummary {
            device: DeviceSummary { stub: self.is_stub, ..self.device.clone().unwrap_or_default() },
            memory: MemorySpreads {
                device: self.memory.spread(bytes),
                process: self.process.spread(bytes),
                process_known_by: self.attribution.clone(),
            },
            utilisation: self.utilisation.spread(Ratio),
            busy: self.busy.covering(seconds).map(Seconds),
            memory_busy: self.memory_busy.covering(seconds).map(Seconds),
            sm_active: self.sm.spread(Ratio),
            sm_occupancy: self.occupancy.spread(Ratio),
            tensor_active: self.tensor.spread(Ratio),
            dram_active: self.dram.spread(Ratio),
            power: self.power.spread(Watts),
            energy: self.energy(seconds, images),
            // Of rests too, but never longer than it was watched.
            throttle: self
                .throttle
                .iter()
                .map(|(reason, total)| (reason.clone(), Seconds(total.sum().min(seconds))))
                .collect(),
            temperature: range(&self.temperature, Celsius),
            memory_temperature: range(&self.memory_temperature, Celsius),
            sm_clock: range(&self.sm_clock, Hertz),
            memory_clock: range(&self.memory_clock, Hertz),
            pcie_transmitted,
            pcie_received,
            nvlink_transmitted,
            nvlink_received,
            ecc_corrected: counted(&self.ecc[0]),
            ecc_uncorrected: counted(&self.ecc[1]),
            xids: self.driver_errors.clone(),
            xids_awaited: Seconds(self.awaited.min(seconds)),
            foreign_processes: self.foreign,
            lost: self.lost.sum() as u64,
        }
    }

    /// By the device's counter, else as the integral of its power, else none. A slice's power is the whole device's.
    fn energy(&self, seconds: f64, images: u64) -> Option<Energy> {
        let integrated = self.energy_estimated.covering(seconds);
        // A counter moves in steps: over less than one of them it stands still.
        let counter = self.energy.covering(seconds).filter(|joules| *joules > 0.0);
        let (total, joules, source) = match counter {
            Some(joules) => (&self.energy, joules, EnergySource::Counter),
            None => (&self.energy_estimated, integrated?, EnergySource::IntegratedPower),
        };
        let energy = Energy {
            joules: Joules(joules),
            source,
            seconds: Seconds(total.seconds()),
            integrated: integrated.map(Joules),
            joules_per_image: None,
        };
        let joules_per_image = (images > 0).then(|| energy.over(Seconds(seconds)).0 / images as f64);
        Some(Energy { joules_per_image, ..energy })
    }
}

fn read(totals: &mut [Total], values: [u64; 2], at: Duration) {
    totals.iter_mut().zip(values).for_each(|(total, value)| total.read(value as f64, at));
}

fn range<T>(values: &Distribution, make: impl Fn(f64) -> T) -> Option<Range<T>> {
    values.spread(make).map(|spread| Range { min: spread.min, mean: spread.mean, max: spread.peak })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::snapshot::{Activities, Traffic};
    use std::collections::BTreeSet;

    fn at(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    fn look(tally: &mut GpuTally, seconds: f64, calls: &[Call], snapshot: &GpuSnapshot) {
        let fresh: BTreeSet<Call> = calls.iter().copied().collect();
        tally.look(at(seconds), &GpuLook { number: 0, snapshot, fresh: &fresh });
    }

    #[test]
    fn shares_of_a_time_that_began_before_are_somebody_elses() {
        let mut tally = GpuTally::default();
        let active = |tally: &mut GpuTally, seconds, span, share| {
            let activities = Some(Activities { sm: Some(Ratio(share)), span: at(span), ..Activities::default() });
            look(tally, seconds, &[Call::Activities], &GpuSnapshot { activities, ..GpuSnapshot::default() });
            tally.summary(10.0, 0).sm_active.map(|spread| (spread.samples, spread.peak.0))
        };
        assert_eq!(active(&mut tally, 10.0, 1.0, 0.9), None);
        assert_eq!(active(&mut tally, 11.0, 1.0, 0.5), Some((1, 0.5)));
        tally.rest();
        assert_eq!(active(&mut tally, 11.3, 1.3, 0.9), Some((1, 0.5)));
        assert_eq!(active(&mut tally, 12.2, 0.9, 0.4), Some((2, 0.5)));
    }

    #[test]
    fn a_counter_that_stood_still_gives_way_to_the_integral_and_what_was_read_once_is_no_sum() {
        let mut tally = GpuTally::default();
        let pcie = Some(Traffic { transmitted: Bytes(7), received: Bytes(8) });
        for (seconds, watched) in [(1.0, 0.0), (2.0, 30.0)] {
            let energy_estimated = Some(Joules(watched));
            let snapshot = GpuSnapshot { energy: Some(Joules(5.0)), energy_estimated, pcie, ..GpuSnapshot::default() };
            let calls = [Call::Energy, Call::Power, Call::Pcie];
            look(&mut tally, seconds, if seconds < 2.0 { &calls } else { &calls[..2] }, &snapshot);
        }
        let GpuSummary { energy, pcie_received, .. } = tally.summary(1.0, 0);
        let energy = energy.unwrap();
        assert_eq!((energy.source, energy.joules, pcie_received), (EnergySource::IntegratedPower, Joules(30.0), None));
    }
}
