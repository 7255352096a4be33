//! Telemetry through a library that stands in for the driver's: what each of the driver's answers and failures leads to.

use super::driver::{Driver, Watch, calls, errors};
use ndbench::telemetry::snapshot::{Attribution, Call, Code, GpuSnapshot, GpuState, Snapshot, ThrottleReason};
use ndbench::telemetry::{EnergySource, GpuTarget, Series};
use ndbench::units::{Bytes, Celsius, Hertz, Ratio, Watts};
use std::fs;
use std::time::{Duration, Instant};

pub fn is_off(gpu: &GpuSnapshot, call: Call, code: Code) -> bool {
    gpu.off.iter().any(|off| off.call == call && off.code == code)
}

fn absent(snapshot: &Snapshot) -> &str {
    match &snapshot.gpus[0].state {
        GpuState::Absent { why } => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_reading_comes_in_base_units() {
    let driver = Driver::new(
        "process self 33912000000\nprocess 1 500\nenergy ramp 0 627300\nsamples.1 80 20\nsamples.2 40 20\nthrottle 0x404\n\
         gpm 2 85.5\ngpm 3 40\ngpm 5 62\ngpm 10 70\nfield.197/0 ramp 1000 1000000 2\nfield.198/0 ramp 0 500 3\n\
         field.138/4294967295 ramp 0 1000 3\nfield.139/4294967295 7\nfield.74/0 ramp 0 500000000\necc.0 3\nxid 13\n",
    );
    let watch = driver.watch();
    let all = watch.until("complete", |s| {
        let gpu = &s.gpus[0];
        gpu.activities.is_some()
            && gpu.busy.is_some_and(|b| b.0 > 1.0)
            && gpu.process_memory.is_some()
            && !gpu.xids.is_empty()
    });
    let gpu = &all.gpus[0];
    let identity = gpu.identity.as_ref().unwrap();
    assert_eq!((identity.name.as_str(), identity.stub), ("stub NVIDIA H200", true));
    assert_eq!((identity.driver.as_str(), identity.cuda.as_str()), ("590.48.01", "13.1"));
    assert_eq!(identity.uuid, "GPU-00000000-stub");
    let memory = gpu.memory.unwrap();
    assert_eq!([memory.used, memory.reserved, memory.total].map(|b| b.0), [32_362 << 20, 643_825_664, 150_754_820_096]);
    assert_eq!(memory.used.0 + memory.reserved.0 + memory.free.0, memory.total.0);
    assert_eq!((gpu.utilisation, gpu.memory_utilisation), (Some(Ratio(1.0)), Some(Ratio(0.07))));
    assert_eq!([gpu.power, gpu.power_average, gpu.memory_power, gpu.power_limit].map(|w| w.unwrap()), {
        [625.2, 627.3, 97.7, 700.0].map(Watts)
    });
    assert_eq!((gpu.temperature, gpu.memory_temperature), (Some(Celsius(52.0)), Some(Celsius(60.0))));
    assert_eq!((gpu.sm_clock, gpu.memory_clock), (Some(Hertz(1980e6)), Some(Hertz(3201e6))));
    let own = gpu.process_memory.unwrap();
    assert_eq!((own.used, own.attribution, gpu.foreign_processes), {
        (Bytes(33_912_000_000), own.attribution, Some(1))
    });
    assert!([Attribution::Own, Attribution::OuterNamespace].contains(&own.attribution));
    let active = gpu.activities.unwrap();
    assert_eq!([active.sm, active.occupancy, active.tensor, active.dram].map(Option::unwrap), {
        [0.855, 0.4, 0.62, 0.7].map(Ratio)
    });
    assert_eq!(gpu.xids[&13].count, 1);
    let later = watch.until_gpu("counting", |gpu| gpu.pcie.is_some_and(|t| t.transmitted.0 > 1_000_000));
    let gpu = &later.gpus[0];
    let seconds = gpu.busy.unwrap().0 / 0.8;
    let near = |value: f64, want: f64| assert!((value / want - 1.0).abs() < 0.6, "{value} {want}");
    near(gpu.energy.unwrap().0, 627.3 * seconds);
    near(gpu.energy_estimated.unwrap().0, 625.2 * seconds);
    near(gpu.memory_busy.unwrap().0, 0.4 * seconds);
    near(gpu.throttle[&ThrottleReason::PowerCap].0, 0.5 * seconds);
    near(gpu.throttle[&ThrottleReason::Unknown].0, seconds);
    assert_eq!(gpu.nvlink.unwrap().received, Bytes(0), "a counter begins when it is first seen");
    assert!(gpu.nvlink.unwrap().transmitted.0 >= 1024 * 1000, "{:?}", gpu.nvlink);
    assert_eq!(gpu.ecc.map(|e| (e.corrected, e.uncorrected)), Some((0, 0)));
}

#[test]
fn fields_have_the_numbers_of_their_driver_and_scopes() {
    for (driver, field) in [("570.133.20", 251), ("580.82.07", 269)] {
        let script = format!("driver {driver}\nfield.{field}/0 ramp 5000000000 1000000000\nfield.185/2 error 3\n");
        let watch = Driver::new(&script).watch();
        let gpu = &watch
            .until_gpu("throttled", |gpu| gpu.throttle.get(&ThrottleReason::SwThermal).is_some_and(|s| s.0 > 0.0))
            .gpus[0];
        assert!(gpu.throttle[&ThrottleReason::SwThermal].0 < 60.0, "{driver}");
        assert!(is_off(gpu, Call::MemoryPower, Code::NotSupported), "a field fails by itself");
    }
    // A type that nobody knows is a failure that may pass.
    let watch = Driver::new("field.186/0 625200 9\n").watch();
    watch.up();
    let snapshot = watch.samples(3);
    assert!(errors(&snapshot, Call::Power, Code::Other) >= 3 && snapshot.gpus[0].power.is_none());
}

#[test]
fn without_a_library_there_is_no_device_and_no_failure() {
    let dir = tempfile::tempdir().unwrap();
    let (missing, foreign) = (dir.path().join("missing.so"), dir.path().join("foreign.so"));
    fs::write(&foreign, "not a library").unwrap();
    for path in [&missing, &foreign] {
        let watch = Watch::through(path);
        let snapshot = watch.until_gpu("absent", |gpu| matches!(gpu.state, GpuState::Absent { .. }));
        assert!(absent(&snapshot).starts_with("no NVIDIA driver"), "{}", absent(&snapshot));
        assert_eq!((calls(&snapshot, Call::Open), snapshot.health.notices.len()), (1, 1));
        let later = watch.until("going on", |s| s.process.cpu > snapshot.process.cpu);
        assert_eq!(calls(&later, Call::Open), 1, "it is not asked again");
    }
}

#[test]
fn a_driver_that_does_not_start_says_what_to_do() {
    let cases =
        [(9, Code::DriverNotLoaded, "load it, or reboot"), (18, Code::DriverMismatch, "reboot after a driver upgrade")];
    for (number, code, advice) in cases {
        let watch = Driver::new(&format!("fault nvmlInit_v2 {number}\n")).watch();
        let snapshot = watch.until_gpu("absent", |gpu| matches!(gpu.state, GpuState::Absent { .. }));
        assert!(absent(&snapshot).contains(advice), "{}", absent(&snapshot));
        assert_eq!(errors(&snapshot, Call::Open, code), 1);
        assert!(snapshot.health.notices.iter().any(|notice| notice.contains(advice)));
    }
}

#[test]
fn a_function_that_the_library_lacks_is_off_for_good() {
    let watch = Driver::new("").without("nvmlDeviceGetTotalEnergyConsumption").watch();
    let snapshot = watch.until_gpu("off", |gpu| is_off(gpu, Call::Energy, Code::NoFunction));
    assert!(snapshot.gpus[0].state.is_up() && snapshot.gpus[0].energy.is_none());
    let later = watch.samples(15);
    assert_eq!((calls(&later, Call::Energy), later.gpus[0].memory.is_some()), (1, true));
    // The wrapper would panic without these.
    let watch = Driver::new("").without("nvmlShutdown").watch();
    let snapshot = watch.until_gpu("absent", |gpu| matches!(gpu.state, GpuState::Absent { .. }));
    assert_eq!(errors(&snapshot, Call::Open, Code::NoFunction), 1);
    let watch = Driver::new("gpm 2 1\n").without("nvmlGpmSampleFree").without("nvmlEventSetFree").watch();
    let snapshot = watch.until_gpu("off", |gpu| is_off(gpu, Call::Activities, Code::NoFunction));
    assert!(is_off(&snapshot.gpus[0], Call::Events, Code::NoFunction));
}

#[test]
fn what_is_not_supported_or_not_permitted_is_asked_once() {
    let watch = Driver::new("fault nvmlDeviceGetUtilizationRates 3\nfault nvmlDeviceGetClockInfo 4\n").watch();
    watch.up();
    let snapshot = watch.samples(15);
    let gpu = &snapshot.gpus[0];
    assert!(is_off(gpu, Call::Utilisation, Code::NotSupported) && is_off(gpu, Call::SmClock, Code::NoPermission));
    assert_eq!((calls(&snapshot, Call::Utilisation), calls(&snapshot, Call::SmClock)), (1, 1));
    let told = |word: &str| snapshot.health.notices.iter().filter(|notice| notice.contains(word)).count();
    assert_eq!((told("`sm_clock`"), told("`utilisation`")), (1, 0), "{:?}", snapshot.health.notices);
}

#[test]
fn versions_of_calls_that_the_driver_refuses_are_off_and_what_is_not_ready_is_not() {
    for (number, code) in [(25, Code::CallVersion), (26, Code::Deprecated)] {
        let watch = Driver::new(&format!("fault nvmlDeviceGetMemoryInfo_v2 {number}\n")).watch();
        let snapshot = watch.until_gpu("off", |gpu| is_off(gpu, Call::Memory, code));
        assert!(snapshot.gpus[0].state.is_up() && snapshot.gpus[0].memory.is_none());
    }
    let watch = Driver::new("fault nvmlDeviceGetMemoryInfo_v2 27 times 5\n").watch();
    let snapshot = watch.up();
    assert_eq!(errors(&snapshot, Call::Memory, Code::NotReady), 5);
}

#[test]
fn what_passes_is_counted_and_asked_again() {
    let cases = [
        (2, Code::InvalidArgument),
        (6, Code::NotFound),
        (7, Code::InsufficientSize),
        (10, Code::Timeout),
        (21, Code::NoData),
        (20, Code::Other),
    ];
    for (number, code) in cases {
        let driver = Driver::new("");
        let watch = driver.watch();
        watch.up();
        driver.script(&format!("fault nvmlDeviceGetMemoryInfo_v2 {number} times 3\n"));
        let failing = watch.until_gpu("failing", |gpu| gpu.memory.is_none());
        assert!(failing.gpus[0].state.is_up(), "{code:?}");
        let snapshot = watch.up();
        assert_eq!(errors(&snapshot, Call::Memory, code), 3, "{code:?}");
    }
    let watch = Driver::new("utilisation 808\n").watch();
    watch.up();
    let snapshot = watch.samples(3);
    assert!(errors(&snapshot, Call::Utilisation, Code::Implausible) >= 3 && snapshot.gpus[0].utilisation.is_none());
}

#[test]
fn a_device_that_is_lost_comes_back_and_its_counters_go_on() {
    for (number, code) in [(15, Code::GpuLost), (1, Code::Uninitialised), (28, Code::GpuNotFound)] {
        let driver = Driver::new("energy ramp 1000000 50000\n");
        let watch = driver.watch();
        watch.until_gpu("counting", |gpu| gpu.energy.is_some_and(|e| e.0 > 10.0));
        let recording = watch.telemetry.record(None, None);
        watch.samples(2);
        let gone =
            format!("fault nvmlDeviceGetMemoryInfo_v2 {number}\nfault nvmlDeviceGetHandleByUUID {number} times 1\n");
        driver.script(&format!("{gone}energy ramp 1000000 50000\n"));
        let lost = watch.until_gpu("lost", |gpu| matches!(gpu.state, GpuState::Lost { .. }));
        assert!(lost.gpus[0].memory.is_none() && lost.gpus[0].power.is_none() && lost.gpus[0].energy.is_some());
        watch.until("looked for", |s| calls(s, Call::Open) >= 2);
        driver.script("energy ramp 0 50000\n");
        let back = watch.up();
        assert!(errors(&back, Call::Memory, code) >= 1);
        // The look that sees the counter begin anew has none.
        let counting = watch.until_gpu("counting again", |gpu| gpu.energy.is_some());
        assert!(counting.gpus[0].energy >= lost.gpus[0].energy, "{code:?}: counters never fall");
        let summary = recording.finish(1).0.unwrap();
        assert!(summary.gpus[0].lost >= 1, "the trial is marked");
        assert!(back.health.notices.iter().any(|notice| notice.contains("lost")));
    }
}

#[test]
fn a_library_is_let_go_before_it_is_started_anew() {
    // A library that is loaded anew has forgotten what it has seen.
    let watch = Driver::new("fault nvmlDeviceGetMemoryInfo_v2 15 after 30\n").watch();
    let back = watch.until_gpu("lost twice", |gpu| gpu.lost == 2 && gpu.state.is_up());
    assert_eq!(calls(&back, Call::Open), 3, "the first try brings it back");
}

#[test]
fn a_device_that_needs_a_reset_is_left_alone_with_the_drivers_advice() {
    let driver = Driver::new("field.230/0 2\n");
    let watch = driver.watch();
    watch.up();
    driver.script("field.230/0 2\nfault nvmlDeviceGetMemoryInfo_v2 16\n");
    let snapshot = watch.until_gpu("lost", |gpu| matches!(gpu.state, GpuState::Lost { .. }));
    assert!(matches!(&snapshot.gpus[0].state, GpuState::Lost { why } if why.contains("reboot the machine")));
    driver.script("");
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(calls(&watch.telemetry.latest().get(), Call::Open), 1, "it is not looked for");
}

#[test]
fn ten_unknown_errors_in_a_row_are_a_loss_and_single_ones_are_not() {
    let driver = Driver::new("");
    let watch = driver.watch();
    watch.up();
    driver.script("fault nvmlDeviceGetMemoryInfo_v2 999\n");
    let snapshot = watch.until("failing", |s| errors(s, Call::Memory, Code::Unknown) > 12);
    assert!(snapshot.gpus[0].state.is_up(), "other calls answer in between");
    let all = ["MemoryInfo_v2", "UtilizationRates", "FieldValues", "PowerUsage", "TotalEnergyConsumption"];
    let faults = all.map(|name| format!("fault nvmlDeviceGet{name} 999\n")).concat();
    driver.script(&(faults + "fault nvmlDeviceGetSamples 999\n"));
    watch.until_gpu("lost", |gpu| matches!(gpu.state, GpuState::Lost { .. }));
    driver.script("");
    watch.up();
}

#[test]
fn nobody_waits_for_a_driver_that_hangs() {
    let driver = Driver::new("");
    let watch = driver.watch();
    watch.up();
    let dir = tempfile::tempdir().unwrap();
    let recording =
        watch.telemetry.record(None, Some(Series { path: dir.path().join("series.csv.gz"), resumes: false }));
    watch.samples(3);
    driver.script("fault nvmlDeviceGetMemoryInfo_v2 0 delay 600000\n");
    let hung = watch.until_gpu("hung", |gpu| matches!(gpu.state, GpuState::Lost { .. }));
    assert_eq!(errors(&hung, Call::Memory, Code::Hanging), 1);
    let later = watch.until("missing samples", |s| s.health.missed > hung.health.missed + 5);
    assert!(later.process.resident.is_some() && later.health.notices.iter().any(|n| n.contains("has not answered")));
    let begun = Instant::now();
    let (summary, notices) = recording.finish(1);
    let summary = summary.unwrap();
    assert!(notices.iter().any(|notice| notice.contains("has not answered")), "{notices:?}");
    assert!(summary.missed >= 5 && summary.gpus[0].memory.device.is_some() && summary.series.unwrap().rows > 10);
    drop(watch);
    assert!(begun.elapsed() < Duration::from_secs(60), "ten minutes were not waited for");
}

#[test]
fn slow_calls_are_made_more_rarely() {
    let watch = Driver::new("fault nvmlDeviceGetMemoryInfo_v2 0 delay 40\n").watch();
    let stretched = watch.until("stretched", |s| s.health.intervals[0].1.0 > 0.35);
    assert_eq!(stretched.health.intervals[0].0, "fast");
    let memory = stretched.calls.iter().find(|stats| stats.call == Call::Memory).unwrap();
    assert!(memory.buckets[8..].iter().sum::<u64>() >= 3, "{memory:?}");
}

#[test]
fn an_idle_driver_without_samples_is_busy_as_its_utilisation_says() {
    let watch = Driver::new("utilisation 25\nsamples.1 none\n").watch();
    let first = watch.until_gpu("counting", |gpu| gpu.busy.is_some_and(|b| b.0 > 0.2));
    let gpu = &watch.samples(25).gpus[0];
    let (grown, estimated) = (gpu.busy.unwrap().0, gpu.energy_estimated.unwrap().0 / 625.2);
    assert!(grown > first.gpus[0].busy.unwrap().0 && (grown / estimated - 0.25).abs() < 0.15, "{grown} {estimated}");
}

#[test]
fn slices_have_their_own_memory_and_their_devices_activities() {
    let driver = Driver::new("slice MIG-77 7 0\nslice MIG-78 8 0\ngpm 2 50\nprocess self 100\n");
    for (target, instance) in [(GpuTarget::Visible(0), 7), (GpuTarget::Uuid("MIG-78".into()), 8)] {
        let watch = driver.watch_for(target);
        let snapshot = watch.until_gpu("complete", |gpu| gpu.activities.is_some() && gpu.process_memory.is_some());
        let gpu = &snapshot.gpus[0];
        let mig = gpu.identity.as_ref().unwrap().mig.as_ref().unwrap();
        assert_eq!(
            (mig.gpu_instance, mig.profile.as_str(), mig.parent.as_str()),
            (instance, "1g.18gb", "GPU-00000000-stub")
        );
        assert!(gpu.memory.is_some() && is_off(gpu, Call::Utilisation, Code::NotSupported) && gpu.energy.is_none());
        let of_the_board = (gpu.temperature, gpu.sm_clock, gpu.ecc);
        assert!(matches!(of_the_board, (Some(_), Some(_), Some(_))), "{of_the_board:?}");
    }
}

#[test]
fn a_recording_tells_energy_memory_and_what_else_a_trial_took() {
    let driver =
        Driver::new("process self 1000\nprocess 1 5\nenergy ramp 0 500000\nmemory.used ramp 1000000 1000000\n");
    let watch = driver.watch();
    watch.up();
    let recording = watch.telemetry.record(None, None);
    watch.samples(25);
    let summary = recording.finish(100).0.unwrap();
    let gpu = &summary.gpus[0];
    assert!(gpu.device.stub && gpu.device.name.starts_with("stub "));
    let energy = gpu.energy.unwrap();
    assert_eq!(energy.source, EnergySource::Counter);
    assert!((energy.joules.0 / energy.seconds.0 / 500.0 - 1.0).abs() < 0.2, "{energy:?}");
    assert_eq!(energy.joules_per_image, Some(energy.over(summary.seconds).0 / 100.0));
    assert!(energy.over(summary.seconds).0 < energy.joules.0 / 0.9 + 1e-9, "{energy:?}");
    let memory = gpu.memory.device.unwrap();
    assert!(memory.min < memory.p50 && memory.p50 < memory.p95 && memory.p99 <= memory.peak, "{memory:?}");
    assert_eq!(gpu.temperature.unwrap().max, Celsius(52.0));
}
