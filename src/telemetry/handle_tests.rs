//! The threads at work: with devices that answer, hang and fail, and none.

use super::*;
use crate::telemetry::snapshot::{Call, Code, GpuState, Memory};
use crate::telemetry::source::Answer;
use crate::telemetry::source::scripted::Script;
use crate::telemetry::tally::EnergySource;
use crate::units::{Bytes, Joules, Watts};
use std::io::Read;
use std::time::Instant;

/// Longer than anything here takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn wait(latest: &Latest, what: &str, until: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
    let begun = Instant::now();
    loop {
        let snapshot = latest.get();
        if until(&snapshot) {
            return snapshot;
        }
        assert!(begun.elapsed() < PATIENCE, "not {what}: {snapshot:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn device() -> Script {
    let script = Script::default();
    let memory = Memory { used: Bytes(50), free: Bytes(50), reserved: Bytes(10), total: Bytes(110) };
    script.says(Call::Open, Answer::Opened(Box::default())).says(Call::Memory, Answer::Memory(memory));
    script
}

fn watch(scripts: &[&Script]) -> Telemetry {
    let sources = scripts.iter().map(|script| Box::new((*script).clone()) as Box<dyn Source>).collect();
    Telemetry::watch(Level::Full, sources, None)
}

#[test]
fn off_is_off() {
    let telemetry = Telemetry::start(Settings { level: Level::Off, ..Settings::default() });
    let recording = telemetry.record(None, Some(Series { path: "/nowhere".into(), resumes: false }));
    assert_eq!((recording.so_far(1), recording.finish(5)), (None, (None, vec![])));
    assert_eq!(telemetry.latest().get().health.samples, 0);
}

#[test]
fn without_a_device_the_host_is_recorded_with_its_series() {
    let dir = tempfile::tempdir().unwrap();
    let telemetry = Telemetry::start(Settings::default());
    let recording = telemetry.record(None, Some(Series { path: dir.path().join("x.csv.gz"), resumes: false }));
    let latest = telemetry.latest();
    let begun = latest.get().health.samples;
    wait(&latest, "sampled", |s| s.health.samples >= begun + 12);
    let (summary, notices) = recording.finish(640);
    let summary = summary.unwrap();
    assert_eq!((notices, summary.executions, summary.images, summary.gpus.len()), (vec![], 1, 640, 0));
    assert!(summary.samples >= 10 && summary.seconds.0 > 0.5, "{summary:?}");
    let resident = summary.host.resident.unwrap();
    assert!(resident.min > Bytes(1 << 20) && resident.p50 <= resident.peak && resident.samples >= 10);
    assert!(summary.host.cpu.is_some() && summary.host.cpu_share.is_some() && summary.host.memory_used.is_some());
    let series = summary.series.clone().unwrap();
    assert!(series.rows >= 10 && dir.path().join(series.file).exists());
    let json = serde_json::to_string(&summary).unwrap();
    assert_eq!(serde_json::from_str::<TelemetrySummary>(&json).unwrap().series, summary.series);
}

#[test]
fn a_resumed_trial_sums_its_executions() {
    let script = device();
    script.says(Call::Power, Answer::Watts(Watts(500.0))).says(Call::Energy, Answer::Joules(Joules(0.0)));
    let telemetry = watch(&[&script]);
    let latest = telemetry.latest();
    wait(&latest, "up", |s| s.gpus[0].state.is_up());
    let sampled = |more: u64| {
        let at = latest.get().health.samples;
        wait(&latest, "sampled", |s| s.health.samples >= at + more);
    };
    // What a checkpoint keeps of it, and its end.
    let run = |before: Option<Tally>, joules: [f64; 2]| {
        script.says(Call::Energy, Answer::Joules(Joules(joules[0])));
        let recording = telemetry.record(before, None);
        sampled(3);
        script.says(Call::Energy, Answer::Joules(Joules(joules[1])));
        sampled(1);
        let kept = serde_json::to_string(&recording.so_far(50).unwrap()).unwrap();
        (serde_json::from_str::<Tally>(&kept).unwrap(), recording.finish(100).0.unwrap())
    };
    let (_, first) = run(None, [1000.0, 1300.0]);
    assert_eq!(first.executions, 1);
    let energy = first.gpus[0].energy.unwrap();
    assert_eq!((energy.source, energy.joules), (EnergySource::Counter, Joules(300.0)));
    assert!((energy.joules_per_image.unwrap() - 3.0).abs() < 1e-9, "{energy:?}");
    let before = run(None, [5000.0, 5000.0]).0;
    let (_, both) = run(Some(before), [9000.0, 9050.0]);
    let memory = both.gpus[0].memory.device.unwrap();
    assert_eq!((both.executions, memory.peak), (2, Bytes(50)));
    // The first sample of each execution is where its count begins.
    assert!(both.samples >= 6 && memory.samples == both.samples, "{both:?}");
}

#[test]
fn instruments_that_rest_look_at_nothing_and_the_time_is_not_the_recordings() {
    let script = device();
    script.says(Call::Energy, Answer::Joules(Joules(0.0)));
    let telemetry = watch(&[&script]);
    let latest = telemetry.latest();
    let sampled = |more: u64| {
        let at = latest.get().health.samples;
        wait(&latest, "sampled", |s| s.health.samples >= at + more);
    };
    sampled(1);
    let (begun, recording) = (Instant::now(), telemetry.record(None, None));
    sampled(3);
    telemetry.rest(true);
    // What was asked for before it was told is still answered.
    std::thread::sleep(Duration::from_millis(200));
    script.says(Call::Energy, Answer::Joules(Joules(5000.0)));
    let (before, rested) = (latest.get().health.samples, Instant::now());
    std::thread::sleep(Duration::from_millis(600));
    assert_eq!(latest.get().health.samples, before);
    let rested = rested.elapsed();
    telemetry.rest(false);
    sampled(3);
    let watched = begun.elapsed() - rested;
    let summary = recording.finish(1).0.unwrap();
    // The last readings, which the end waits for, come later.
    let seconds = summary.seconds.0 - LAST_READINGS.as_secs_f64();
    assert!(seconds < watched.as_secs_f64() && summary.samples >= 6, "{watched:?}, {summary:?}");
    // A rest of six ticks; a slow machine may be late for others.
    assert!(summary.missed < 5, "{summary:?}");
    assert!(summary.gpus[0].energy.is_none_or(|energy| energy.joules.0 < 5000.0), "{summary:?}");
}

#[test]
fn energy_is_integrated_where_there_is_no_counter_and_absent_where_there_is_no_power() {
    let (with_power, without) = (device(), device());
    with_power.says(Call::Power, Answer::Watts(Watts(500.0)));
    let telemetry = watch(&[&with_power, &without]);
    let latest = telemetry.latest();
    wait(&latest, "up", |s| s.gpus.iter().all(|gpu| gpu.state.is_up()));
    let recording = telemetry.record(None, None);
    let at = latest.get().health.samples;
    wait(&latest, "sampled", |s| s.health.samples >= at + 60);
    let gpus = recording.finish(10).0.unwrap().gpus;
    let energy = gpus[0].energy.unwrap();
    assert_eq!(energy.source, EnergySource::IntegratedPower);
    assert!((energy.joules.0 / energy.seconds.0 - 500.0).abs() < 1.0, "{energy:?}");
    assert_eq!(gpus[1].energy, None);
}

#[test]
fn nobody_waits_for_a_call_that_hangs() {
    let (hanging, fine) = (device(), device());
    let telemetry = watch(&[&hanging, &fine]);
    let latest = telemetry.latest();
    wait(&latest, "up", |s| s.gpus.iter().all(|gpu| gpu.state.is_up()));
    let recording = telemetry.record(None, None);
    let at = latest.get().health.samples;
    wait(&latest, "sampled", |s| s.health.samples >= at + 5);
    hanging.on(Call::Memory, || {
        std::thread::sleep(Duration::from_secs(3600));
        Err(Code::Timeout)
    });
    let hung = wait(&latest, "hung", |s| matches!(s.gpus[0].state, GpuState::Lost { .. }));
    assert!(hung.gpus[1].state.is_up() && hung.health.notices.iter().any(|n| n.contains("has not answered")));
    let more = wait(&latest, "going on", |s| s.health.samples > hung.health.samples + 5);
    assert!(more.health.missed > hung.health.missed);
    let begun = Instant::now();
    let summary = recording.finish(1).0.unwrap();
    assert!(summary.gpus[0].memory.device.is_some() && summary.missed > 0);
    drop(telemetry);
    assert!(begun.elapsed() < Duration::from_secs(20), "the hour was not waited for");
}

#[test]
fn errors_of_the_driver_belong_to_the_trial_in_which_they_come() {
    let script = device();
    let telemetry = watch(&[&script]);
    let latest = telemetry.latest();
    script.xid(13);
    wait(&latest, "told", |s| s.gpus[0].xids.contains_key(&13));
    let recording = telemetry.record(None, None);
    let at = latest.get().health.samples;
    wait(&latest, "sampled", |s| s.health.samples >= at + 2);
    script.xid(79);
    let told = wait(&latest, "told", |s| s.gpus[0].xids.contains_key(&79));
    assert!(told.health.notices.iter().any(|n| n.contains("XID 79")));
    let xids = recording.finish(1).0.unwrap().gpus[0].xids.clone();
    assert_eq!(xids, [(79, 1)].into());
}

#[test]
fn where_nothing_is_watched_what_was_stays_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("series.csv.gz");
    let telemetry = watch(&[&device()]);
    let latest = telemetry.latest();
    let recording = telemetry.record(None, Some(Series { path: path.clone(), resumes: false }));
    wait(&latest, "sampled", |s| s.health.samples >= 3);
    let (before, tally, _) = recording.pause(50);
    let text = || {
        let mut text = String::new();
        let file = std::fs::File::open(&path).unwrap();
        flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text).unwrap();
        text
    };
    let (before, lines) = (before.unwrap(), text());
    drop(telemetry);

    let recording = Telemetry::off().record(tally.clone(), Some(Series { path: path.clone(), resumes: true }));
    assert_eq!(recording.so_far(80), tally);
    let (after, kept, notices) = recording.pause(80);
    let (mut after, series) = (after.unwrap(), before.series.clone().unwrap());
    assert_eq!(after.series, Some(SeriesFile { rows: 0, ..series.clone() }));
    after.series = Some(series);
    assert_eq!((after, kept, notices), (before, tally, Vec::new()));
    assert_eq!(text(), lines);
    assert_eq!(Telemetry::off().record(None, None).finish(5), (None, Vec::new()));
}
