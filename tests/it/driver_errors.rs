//! Errors of the driver (XID): seen whatever else fails, and where they cannot be, the record says so.

use super::driver::{Driver, Watch, calls, errors};
use super::telemetry::is_off;
use ndbench::telemetry::Tally;
use ndbench::telemetry::snapshot::{Call, Code, GpuSnapshot, GpuState};

fn saw(gpu: &GpuSnapshot, xid: u32) -> bool {
    gpu.xids.contains_key(&xid)
}

/// Until errors of the driver are awaited.
fn awaiting(watch: &Watch) {
    watch.until("awaiting", |s| calls(s, Call::Events) > 0);
}

#[test]
fn errors_of_the_driver_are_seen_after_waits_that_failed() {
    for (number, code) in [(2, Code::InvalidArgument), (21, Code::NoData), (27, Code::NotReady), (10, Code::Timeout)] {
        let fault = format!("fault nvmlEventSetWait_v2 {number} times 2\n");
        let driver = Driver::new(&fault);
        let watch = driver.watch();
        watch.up();
        if code != Code::Timeout {
            watch.until("failing", |s| errors(s, Call::Events, code) == 2);
        }
        driver.script(&format!("{fault}xid 79\n"));
        let snapshot = watch.until_gpu("told", |gpu| saw(gpu, 79));
        assert!(snapshot.gpus[0].state.is_up() && snapshot.health.notices.iter().any(|n| n.contains("XID 79")));
    }
    // The first wait fails for good, before anybody knows that there are any.
    for _ in 0..4 {
        let watch = Driver::new("fault nvmlEventSetWait_v2 3\n").watch();
        let told = watch.until_gpu("off", |gpu| is_off(gpu, Call::Events, Code::NotSupported));
        assert!(told.health.notices.iter().any(|n| n.contains("(XID) are not seen any more")));
    }
    // Waiting cannot begin at first.
    let watch = Driver::new("fault nvmlDeviceRegisterEvents 10 times 1\nxid 48\n").watch();
    watch.until_gpu("told", |gpu| saw(gpu, 48));
    // The device is lost while its errors are awaited, and comes back.
    for number in [15, 1, 28] {
        let fault = format!("fault nvmlEventSetWait_v2 {number} times 1\n");
        let driver = Driver::new("");
        let watch = driver.watch();
        awaiting(&watch);
        driver.script(&fault);
        watch.until_gpu("lost", |gpu| gpu.lost == 1);
        // A library that is loaded anew has forgotten how often it failed.
        driver.script("xid 94\n");
        watch.until_gpu("told", |gpu| gpu.state.is_up() && saw(gpu, 94));
    }
}

#[test]
fn errors_of_the_driver_are_seen_while_it_hangs() {
    let driver = Driver::new("");
    let watch = driver.watch();
    awaiting(&watch);
    let hang = "fault nvmlDeviceGetMemoryInfo_v2 0 delay 600000\n";
    driver.script(hang);
    watch.until_gpu("hung", |gpu| matches!(gpu.state, GpuState::Lost { .. }));
    // Also of a trial that began meanwhile.
    let recording = watch.telemetry.record(None, None);
    driver.script(&format!("{hang}xid 119\n"));
    watch.until_gpu("told", |gpu| saw(gpu, 119));
    assert_eq!(recording.finish(1).0.unwrap().gpus[0].xids, [(119, 1)].into());
}

#[test]
fn each_record_tells_how_long_errors_of_the_driver_were_awaited() {
    let recorded = |watch: &Watch, before: Option<Tally>| {
        let recording = watch.telemetry.record(before, None);
        watch.samples(25);
        let (summary, tally, _) = recording.pause(1);
        let (seconds, gpu) = summary.map(|summary| (summary.seconds, summary.gpus[0].clone())).unwrap();
        (gpu.xids, gpu.xids_awaited.0 / seconds.0, tally)
    };
    let driver = Driver::new("");
    let watch = driver.watch();
    awaiting(&watch);
    let (xids, share, tally) = recorded(&watch, None);
    assert!(xids.is_empty() && (0.5..=1.0).contains(&share), "{share}");
    // An error before the first step is another one than that of the same kind in the training.
    driver.script("xid 13\n");
    watch.until_gpu("told", |gpu| saw(gpu, 13));
    driver.script("xid 13\nxid 13\n");
    let recording = watch.telemetry.record(tally, None);
    watch.until_gpu("told again", |gpu| gpu.xids[&13].count == 2);
    let (summary, tally, _) = recording.pause(1);
    assert_eq!(summary.unwrap().gpus[0].xids, [(13, 1)].into());
    driver.script("xid 13\nxid 13\nfault nvmlEventSetWait_v2 3\n");
    let told = watch.until_gpu("off", |gpu| is_off(gpu, Call::Events, Code::NotSupported));
    assert!(told.health.notices.iter().any(|n| n.contains("(XID) are not seen any more")));
    // Not only the trial in which waiting ended has it.
    let (xids, share, _) = recorded(&watch, None);
    assert!(xids.is_empty() && share == 0.0, "{share}");
    let (xids, share, _) = recorded(&watch, tally);
    assert!(xids == [(13, 1)].into() && share < 0.8, "{share}");
    // The driver never says whether they can be awaited: everything else is read.
    let watch = Driver::new("fault nvmlDeviceRegisterEvents 0 delay 600000\n").watch();
    watch.up();
    watch.until("late", |s| errors(s, Call::Events, Code::Timeout) > 1);
    watch.samples(5);
    // A wait that does not come back is none.
    let watch = Driver::new("fault nvmlEventSetWait_v2 0 delay 600000\n").watch();
    awaiting(&watch);
    assert_eq!(recorded(&watch, None).1, 0.0);
}
