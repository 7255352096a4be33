//! A snapshot as a page.

use super::super::families::Families;
use super::*;
use crate::telemetry::snapshot::{
    Activities, AllocatorSnapshot, Attribution, Call, Code, Ecc, GpuIdentity, GpuSnapshot, GpuState, HostSnapshot,
    Memory, Peaks, ProcessMemory, ProcessSnapshot, ThrottleReason, Traffic, Xid,
};
use crate::units::{Bytes, Celsius, Hertz, Joules, Ratio, Seconds, Watts};
use std::time::Duration;

/// A device that says everything.
fn gpu(uuid: &str) -> GpuSnapshot {
    let [used, free, reserved] = [3, 5, 1].map(|n| Bytes(n << 30));
    let (ratio, watts, link) =
        (Some(Ratio(0.5)), Some(Watts(600.0)), Traffic { transmitted: Bytes(1), received: Bytes(2) });
    GpuSnapshot {
        identity: Some(GpuIdentity { uuid: uuid.into(), name: "stub H200".into(), index: 1, ..GpuIdentity::default() }),
        state: GpuState::Up,
        lost: 0,
        memory: Some(Memory { used, free, reserved, total: Bytes(9 << 30) }),
        memory_peak: Peaks { last_30s: Some(used), run: Some(free) },
        process_memory: Some(ProcessMemory { used, attribution: Attribution::Own }),
        foreign_processes: Some(0),
        utilisation: ratio,
        memory_utilisation: ratio,
        busy: Some(Seconds(12.5)),
        memory_busy: Some(Seconds(2.5)),
        power: watts,
        power_average: watts,
        memory_power: watts,
        power_limit: Some(Watts(700.0)),
        power_peak: Peaks { last_30s: watts, run: watts },
        energy: Some(Joules(10_305.0)),
        energy_estimated: Some(Joules(10_300.0)),
        temperature: Some(Celsius(52.0)),
        memory_temperature: Some(Celsius(50.0)),
        sm_clock: Some(Hertz(1.98e9)),
        memory_clock: Some(Hertz(3.201e9)),
        throttle: ThrottleReason::ALL.into_iter().map(|reason| (reason, Seconds(0.25))).collect(),
        activities: Some(Activities { sm: ratio, occupancy: ratio, tensor: ratio, dram: ratio, span: Duration::ZERO }),
        pcie: Some(link),
        nvlink: Some(link),
        ecc: Some(Ecc { corrected: 1, uncorrected: 0 }),
        xids: [(79, Xid { count: 1, last: Seconds(1.7e9) })].into(),
        off: Vec::new(),
    }
}

/// Everything that can be said, of `gpus` devices.
pub(crate) fn full(gpus: usize) -> Snapshot {
    let bytes = Some(Bytes(1 << 30));
    let mut calls: Vec<CallStats> = Call::ALL.iter().map(|&call| CallStats::new(call)).collect();
    calls[0].took(Seconds(20e-6));
    calls[0].failed(Code::GpuLost);
    Snapshot {
        at: Seconds(1.7e9),
        level: Level::Full,
        gpus: (0..gpus).map(|n| gpu(&format!("GPU-{n}"))).collect(),
        host: HostSnapshot {
            cpu: Some(Ratio(0.5)),
            memory_used: bytes,
            memory_available: bytes,
            memory_total: bytes,
            cgroup_used: bytes,
            cgroup_limit: bytes,
        },
        process: ProcessSnapshot { cpu: Some(Seconds(3.25)), resident: bytes, resident_peak: bytes },
        allocator: Some(AllocatorSnapshot {
            allocated: Bytes(1),
            reserved: Bytes(2),
            active: Bytes(3),
            retries: 4,
            ooms: 5,
        }),
        calls,
        health: Health {
            samples: 100,
            missed: 1,
            last_success: Some(Seconds(1.7e9)),
            cpu: Seconds(0.5),
            intervals: vec![("fast", Seconds(0.1)), ("middle", Seconds(1.0)), ("slow", Seconds(5.0))],
            notices: Vec::new(),
        },
    }
}

/// The page of a device that says everything.
pub(crate) fn everything_page() -> String {
    page(&full(1))
}

fn page(snapshot: &Snapshot) -> String {
    let mut families = Families::default();
    snapshot.collect(&mut families);
    families.text()
}

#[test]
fn everything_that_can_be_said_is_on_the_page() {
    insta::assert_snapshot!(page(&full(1)));
}

#[test]
fn what_is_not_known_is_not_on_the_page() {
    let lost = GpuSnapshot { state: GpuState::Lost { why: "gone".into() }, ..GpuSnapshot::default() };
    let page = page(&Snapshot { gpus: vec![lost], ..Snapshot::default() });
    assert!(page.contains("ndbench_gpu_up{gpu_uuid=\"unknown\"} 0\n"), "{page}");
    for name in ["ndbench_gpu_memory", "ndbench_host", "ndbench_process", "ndbench_gpu_power", "ndbench_gpu_info"] {
        assert!(!page.contains(name), "{page}");
    }
    let off = Snapshot { level: Level::Off, ..full(1) };
    assert_eq!(self::page(&off).lines().last(), Some("ndbench_telemetry_info{level=\"off\"} 1"));
    assert_eq!(self::page(&off).lines().count(), 3);
}

#[test]
fn eight_devices_stay_within_their_budget() {
    let series = |gpus| {
        let mut families = Families::default();
        full(gpus).collect(&mut families);
        families.series()
    };
    let (none, eight) = (series(0), series(8));
    assert!(none <= 420 && (eight - none) / 8 <= 60, "{none} series, and {} a device", (eight - none) / 8);
}
