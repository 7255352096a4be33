//! A device that fails when it is looked for, or whose figures have to come from elsewhere.

use super::driver::{Driver, calls, errors};
use ndbench::export::metrics::Exposition;
use ndbench::telemetry::snapshot::{Call, Code, GpuState};
use ndbench::telemetry::{EnergySource, GpuTarget};
use std::sync::Arc;

#[test]
fn what_passes_while_the_device_is_looked_for_is_tried_again() {
    let cases = [
        (2, Code::InvalidArgument),
        (6, Code::NotFound),
        (10, Code::Timeout),
        (27, Code::NotReady),
        (999, Code::Unknown),
    ];
    for (number, code) in cases {
        let driver = Driver::new(&format!("fault nvmlDeviceGetHandleByUUID {number}\n"));
        let watch = driver.watch();
        let failing = watch.until("looked for", |s| errors(s, Call::Open, code) >= 1);
        assert!(matches!(failing.gpus[0].state, GpuState::Lost { .. }), "{code:?}");
        driver.script("");
        assert!(calls(&watch.up(), Call::Open) >= 2, "{code:?}");
    }
}

#[test]
fn devices_that_are_lost_together_come_back_together() {
    // The library forgets its calls when it starts anew, which it does once no device holds it.
    let driver = Driver::new("count 2\nfault nvmlDeviceGetMemoryInfo_v2 15 after 40\n");
    let watch = driver.watch_all([0, 1].map(GpuTarget::Visible).into());
    watch.until("back", |s| s.gpus.iter().all(|gpu| gpu.lost > 0 && gpu.state.is_up() && gpu.memory.is_some()));
}

#[test]
fn a_device_that_needs_a_reset_from_the_beginning_is_not_looked_for_again() {
    let watch = Driver::new("fault nvmlDeviceGetHandleByUUID 16\n").watch();
    let snapshot = watch.until_gpu("lost", |gpu| matches!(gpu.state, GpuState::Lost { .. }));
    assert!(matches!(&snapshot.gpus[0].state, GpuState::Lost { why } if why.contains("reset the device")));
    std::thread::sleep(std::time::Duration::from_millis(1500));
    assert_eq!(calls(&watch.telemetry.latest().get(), Call::Open), 1);
}

#[test]
fn every_advice_of_the_driver_is_passed_on() {
    let advice =
        [(1, "--gpu-reset"), (2, "reboot the machine"), (3, "peer-to-peer"), (4, "stop its programs, then reset")];
    for (number, words) in advice {
        let driver = Driver::new("");
        let watch = driver.watch();
        watch.up();
        driver.script(&format!("field.230/0 {number}\nfault nvmlDeviceGetMemoryInfo_v2 16\n"));
        let snapshot = watch.until_gpu("lost", |gpu| matches!(gpu.state, GpuState::Lost { .. }));
        let GpuState::Lost { why } = &snapshot.gpus[0].state else { unreachable!() };
        assert!(why.contains(words), "{number}: {why}");
    }
}

#[test]
fn without_a_counter_energy_is_the_integral_of_power() {
    let watch = Driver::new("fault nvmlDeviceGetTotalEnergyConsumption 3\nfield.186/0 500000\npower 500000\n").watch();
    watch.up();
    let recording = watch.telemetry.record(None, None);
    watch.samples(15);
    let energy = recording.finish(10).0.unwrap().gpus[0].energy.unwrap();
    assert_eq!(energy.source, EnergySource::IntegratedPower);
    assert!((energy.joules.0 / energy.seconds.0 / 500.0 - 1.0).abs() < 0.2, "{energy:?}");
}

#[test]
fn a_lost_device_is_down_on_the_page_and_its_series_end() {
    let driver = Driver::new("");
    let watch = driver.watch();
    watch.up();
    let page = || {
        let page = Exposition::new(vec![Arc::new(watch.telemetry.latest())]).page();
        String::from_utf8(page.to_vec()).unwrap()
    };
    assert!(page().contains("\nndbench_gpu_up{gpu_uuid=\"GPU-00000000-stub\"} 1\n"));
    assert!(page().contains("\nndbench_gpu_memory_used_bytes{"));
    driver.script("fault nvmlDeviceGetMemoryInfo_v2 15\nfault nvmlInit_v2 15\n");
    watch.until_gpu("lost", |gpu| matches!(gpu.state, GpuState::Lost { .. }));
    assert!(page().contains("\nndbench_gpu_up{gpu_uuid=\"GPU-00000000-stub\"} 0\n"), "{}", page());
    assert!(!page().contains("ndbench_gpu_memory_used_bytes{") && !page().contains("ndbench_gpu_power_watts{"));
}
