//! What a process takes of a GPU beside what its allocator reserves: CUDA's context, code, and the libraries' own memory.

use super::seen::Seen;
use crate::cli::fitting::fits;
use crate::event::MemoryPeak;
use crate::profile::Profile;
use crate::stats::median;
use crate::telemetry::{Cuda, Device, Environment, TelemetrySummary};
use crate::units::Bytes;
use serde::Serialize;

/// That, as the driver told of processes whose allocator was asked too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Context {
    /// The median.
    pub beside: Bytes,
    /// The device's memory for all processes.
    pub memory: Bytes,
    /// The driver's version.
    pub driver: String,
    /// Trainings and arms of probes that told.
    pub measured: usize,
}

impl Context {
    /// Of such a device with the driver that the last of them had; steps by CUDA graphs take more beside, and are left out.
    pub fn of(seen: &Seen, profile: &Profile) -> Option<Self> {
        let records = seen.records.iter().filter(|record| !record.trial.recipe.cuda_graph);
        let records = records.map(|r| (r.finished, &*r.environment, r.memory, r.telemetry.as_deref()));
        let arms = seen.probes.iter().flat_map(|probe| {
            let arms = probe.cell.arms.iter().filter(|arm| !arm.cuda_graph);
            arms.map(|arm| (probe.finished, &probe.environment, arm.memory, arm.telemetry.as_deref()))
        });
        let told = records.chain(arms).filter_map(|(at, environment, memory, telemetry)| {
            let cuda = on(environment, profile)?;
            Some((at, cuda.driver.as_deref()?, cuda.memory?, beside(memory, telemetry?)?))
        });
        let told: Vec<_> = told.collect();
        let (_, driver, memory, _) = *told.iter().max_by_key(|(at, ..)| *at)?;
        let of_driver = told.iter().filter(|(_, of, ..)| *of == driver);
        let amounts: Vec<f64> = of_driver.map(|(.., beside)| beside.0 as f64).collect();
        Some(Self { beside: Bytes(median(&amounts)? as u64), memory, driver: driver.into(), measured: amounts.len() })
    }
}

/// The GPU of an environment, if the profile describes it.
fn on<'e>(environment: &'e Environment, profile: &Profile) -> Option<&'e Cuda> {
    match &environment.device {
        Device::Cuda(cuda) if fits(profile, &environment.device) => Some(cuda),
        _ => None,
    }
}

/// What the one process took beside what its allocator had reserved; absent where a real driver did not tell of just one device.
fn beside(memory: MemoryPeak, telemetry: &TelemetrySummary) -> Option<Bytes> {
    let [gpu] = &telemetry.gpus[..] else { return None };
    let process = gpu.memory.process.as_ref().filter(|_| !gpu.device.stub)?.peak;
    process.0.checked_sub(memory.reserved?.0).map(Bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::made_up;
    use crate::telemetry::{DeviceSummary, GpuSummary, MemorySpreads, Spread};

    #[test]
    fn the_newest_driver_tells_and_neither_graphs_nor_stand_ins_do() {
        let mib = |n: u64| Bytes(n << 20);
        let probe = |day: i64, driver: &str, process: u64, stub: bool| {
            let mut probe = made_up::probe(&[&[0.1], &[0.2]]);
            probe.finished = jiff::Timestamp::from_second(86_400 * day).unwrap();
            probe.environment.device = Device::Cuda(Cuda {
                index: 0,
                name: Some("NVIDIA H200".into()),
                uuid: None,
                driver: Some(driver.into()),
                cuda: None,
                cudnn: None,
                memory: Some(mib(140_000)),
            });
            for (number, arm) in probe.cell.arms.iter_mut().enumerate() {
                arm.cuda_graph = number == 1;
                arm.memory.reserved = Some(mib(1000));
                let peak = mib(process + 500 * number as u64);
                let process = Spread { min: peak, mean: peak, p50: peak, p95: peak, p99: peak, peak, samples: 1 };
                let memory = MemorySpreads { process: Some(process), ..MemorySpreads::default() };
                let device = DeviceSummary { stub, ..DeviceSummary::default() };
                let gpus = vec![GpuSummary { memory, device, ..GpuSummary::default() }];
                arm.telemetry = Some(Box::new(TelemetrySummary { gpus, ..TelemetrySummary::default() }));
            }
            probe
        };
        let probes = vec![
            probe(1, "570", 1400, false),
            probe(2, "580", 1800, false),
            probe(3, "580", 1900, false),
            probe(4, "590", 9000, true),
        ];
        let seen = Seen { probes, ..Seen::default() };
        let of = |name: &str| Context::of(&seen, &Profile::load(name).unwrap());
        let expected = Context { beside: mib(850), memory: mib(140_000), driver: "580".into(), measured: 2 };
        assert_eq!(of("h200"), Some(expected));
        assert_eq!((of("a100-80gb"), of("cpu")), (None, None));
    }
}
