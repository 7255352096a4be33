//! The driver's answers become the readings of a device.

use super::counters::{BusyTime, Counter, Integral};
use crate::telemetry::peak::Peak;
use crate::telemetry::processes::{Processes, attribute};
use crate::telemetry::snapshot::{Call, Ecc, GpuSnapshot, ThrottleReason, Traffic, Xid};
use crate::telemetry::source::Answer;
use crate::units::{Bytes, Joules, Ratio, Seconds, Watts};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The readings of a device, and the sums behind them.
#[derive(Debug, Default)]
pub(super) struct Readings {
    pub now: GpuSnapshot,
    memory_peak: Peak<Bytes>,
    power_peak: Peak<Watts>,
    busy: BusyTime,
    memory_busy: BusyTime,
    energy: Counter,
    energy_estimated: Integral,
    pcie: [Counter; 2],
    nvlink: [Counter; 2],
    ecc: [Counter; 2],
    throttle: BTreeMap<ThrottleReason, Counter>,
    /// Reasons without a counter of the device.
    throttle_seen: BTreeMap<ThrottleReason, BusyTime>,
}

impl Readings {
    /// Takes an answer that came at `at`. `busy_samples`: time in use comes from the driver's own samples.
    pub fn take(&mut self, call: Call, answer: Answer, at: Duration, busy_samples: bool, processes: &Processes) {
        match answer {
            Answer::Opened(identity) => self.now.identity = Some(*identity),
            Answer::Memory(memory) => {
                self.now.memory = Some(memory);
                self.memory_peak.read(at, memory.used);
            }
            Answer::Utilisation(device, memory) => {
                (self.now.utilisation, self.now.memory_utilisation) = (Some(device), Some(memory));
                if !busy_samples {
                    self.now.busy = Some(Seconds(self.busy.read(at, device.0, false)));
                    self.now.memory_busy = Some(Seconds(self.memory_busy.read(at, memory.0, false)));
                }
            }
            Answer::Busy(mean) => self.take_busy(call, mean, at),
            Answer::Watts(watts) => self.take_power(call, watts, at),
            Answer::Joules(joules) => {
                // A gap in the readings, where the counter began anew.
                let is_new = self.energy.falls_by(joules.0);
                let grown = Joules(self.energy.read(joules.0));
                self.now.energy = (!is_new).then_some(grown);
            }
            Answer::Celsius(celsius) if call == Call::MemoryTemperature => self.now.memory_temperature = Some(celsius),
            Answer::Celsius(celsius) => self.now.temperature = Some(celsius),
            Answer::Hertz(hertz) if call == Call::MemoryClock => self.now.memory_clock = Some(hertz),
            Answer::Hertz(hertz) => self.now.sm_clock = Some(hertz),
            Answer::ThrottleTimes(times) => {
                for (reason, raw) in times {
                    let total = self.throttle.entry(reason).or_default().read(raw.0);
                    self.now.throttle.insert(reason, Seconds(total));
                }
            }
            Answer::ThrottleReasons(reasons) => self.take_reasons(&reasons.into_iter().collect(), at),
            Answer::Activities(activities) => self.now.activities = Some(activities),
            Answer::Processes(list) => {
                (self.now.process_memory, self.now.foreign_processes) = attribute(&list, processes);
            }
            Answer::Ecc(raw) => {
                let [corrected, uncorrected] = grown(&mut self.ecc, [raw.corrected, raw.uncorrected]);
                self.now.ecc = Some(Ecc { corrected, uncorrected });
            }
            Answer::Bytes(transmitted, received) => self.take_traffic(call, [transmitted, received]),
            Answer::Awaiting | Answer::Nothing | Answer::NotAsked => {}
        }
    }

    fn take_busy(&mut self, call: Call, mean: Option<Ratio>, at: Duration) {
        let (time, last, shown) = if call == Call::MemoryBusySamples {
            (&mut self.memory_busy, self.now.memory_utilisation, &mut self.now.memory_busy)
        } else {
            (&mut self.busy, self.now.utilisation, &mut self.now.busy)
        };
        // An idle device's driver keeps no samples: then what it last said stands for the span.
        match (mean, last) {
            (Some(mean), _) => *shown = Some(Seconds(time.read(at, mean.0, true))),
            (None, Some(last)) => *shown = Some(Seconds(time.read(at, last.0, false))),
            (None, None) => time.interrupt(),
        }
    }

    fn take_power(&mut self, call: Call, watts: Watts, at: Duration) {
        let shown = match call {
            Call::PowerAverage => &mut self.now.power_average,
            Call::MemoryPower => &mut self.now.memory_power,
            Call::PowerLimit => &mut self.now.power_limit,
            _ => {
                self.power_peak.read(at, watts);
                self.now.energy_estimated = Some(Joules(self.energy_estimated.read(at, watts.0)));
                &mut self.now.power
            }
        };
        *shown = Some(watts);
    }

    /// Counts time for the reasons that the device has no counters for.
    fn take_reasons(&mut self, active: &BTreeSet<ThrottleReason>, at: Duration) {
        for reason in ThrottleReason::ALL {
            if self.throttle.contains_key(&reason) {
                continue;
            }
            let share = f64::from(u8::from(active.contains(&reason)));
            let total = self.throttle_seen.entry(reason).or_default().read(at, share, false);
            self.now.throttle.insert(reason, Seconds(total));
        }
    }

    fn take_traffic(&mut self, call: Call, raw: [u64; 2]) {
        let (counters, shown) = if call == Call::NvLink {
            (&mut self.nvlink, &mut self.now.nvlink)
        } else {
            (&mut self.pcie, &mut self.now.pcie)
        };
        let [transmitted, received] = grown(counters, raw).map(Bytes);
        *shown = Some(Traffic { transmitted, received });
    }

    /// A call failed: what it would have said is not known now. Counters stay.
    pub fn clear(&mut self, call: Call) {
        let now = &mut self.now;
        match call {
            Call::Memory => now.memory = None,
            Call::Utilisation => (now.utilisation, now.memory_utilisation) = (None, None),
            Call::Power => now.power = None,
            Call::PowerAverage => now.power_average = None,
            Call::MemoryPower => now.memory_power = None,
            Call::PowerLimit => now.power_limit = None,
            Call::Temperature => now.temperature = None,
            Call::MemoryTemperature => now.memory_temperature = None,
            Call::SmClock => now.sm_clock = None,
            Call::MemoryClock => now.memory_clock = None,
            Call::Activities => now.activities = None,
            Call::Processes => (now.process_memory, now.foreign_processes) = (None, None),
            Call::Open
            | Call::BusySamples
            | Call::MemoryBusySamples
            | Call::Energy
            | Call::ThrottleTimes
            | Call::ThrottleReasons
            | Call::Ecc
            | Call::Pcie
            | Call::NvLink
            | Call::Events => {}
        }
    }

    /// The driver hangs: nothing of the device is known now. Counters stay, and a short hang is a gap like any other.
    pub fn clear_all(&mut self) {
        Call::ALL.iter().for_each(|call| self.clear(*call));
    }

    /// The device is gone: what it does until it is back nobody will know.
    pub fn lose_all(&mut self) {
        self.clear_all();
        self.busy.interrupt();
        self.memory_busy.interrupt();
        self.throttle_seen.values_mut().for_each(BusyTime::interrupt);
    }

    /// Counts an error of the driver.
    pub fn xid(&mut self, number: u32, unix: Seconds) {
        let Xid { count, last } = self.now.xids.entry(number).or_default();
        (*count, *last) = (*count + 1, unix);
    }

    /// Brings the peaks up to date.
    pub fn peaks(&mut self, now: Duration) {
        self.now.memory_peak = self.memory_peak.at(now);
        self.now.power_peak = self.power_peak.at(now);
    }
}

/// The growth of two counters.
fn grown(counters: &mut [Counter; 2], raw: [u64; 2]) -> [u64; 2] {
    let [a, b] = counters;
    [a.read(raw[0] as f64) as u64, b.read(raw[1] as f64) as u64]
}
