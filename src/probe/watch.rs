//! What the instruments see of the arms.

use crate::record::CallCost;
use crate::telemetry::snapshot::{Call, CallStats};
use crate::telemetry::{Level, Series, Tally, Telemetry, TelemetrySummary};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// So long a turn waits for the instruments' first reading; without a driver that hangs it takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);

/// The instruments, one set at a time, at the level that the turn asks for.
pub(super) struct Instruments<'a> {
    start: &'a dyn Fn(Level) -> Telemetry,
    now: Option<(Level, Telemetry)>,
    calls: BTreeMap<Call, CallStats>,
}

impl<'a> Instruments<'a> {
    /// None at work yet; `start` makes them.
    pub fn new(start: &'a dyn Fn(Level) -> Telemetry) -> Self {
        Self { start, now: None, calls: BTreeMap::new() }
    }

    /// Those of `level`, at work; others are stopped first.
    pub fn at(&mut self, level: Level) -> &Telemetry {
        if self.now.as_ref().is_none_or(|(now, _)| *now != level) {
            self.stop();
            let telemetry = (self.start)(level);
            wait_for_readings(&telemetry);
            self.now = Some((level, telemetry));
        }
        let (_, telemetry) = self.now.as_ref().expect("they were started");
        telemetry
    }

    /// What the calls to the driver cost so far; the instruments are stopped.
    pub fn calls(mut self) -> Vec<CallCost> {
        self.stop();
        self.calls.values().map(CallCost::from).collect()
    }

    fn stop(&mut self) {
        let Some((_, telemetry)) = self.now.take() else { return };
        for stats in &telemetry.latest().get().calls {
            self.calls.entry(stats.call).and_modify(|sum| sum.add(stats)).or_insert_with(|| stats.clone());
        }
    }
}

/// Waits until the instruments have begun: what starting them costs belongs to no turn.
fn wait_for_readings(telemetry: &Telemetry) {
    let (latest, begun) = (telemetry.latest(), Instant::now());
    let at_work = |level, success: Option<_>| level == Level::Off || success.is_some();
    while begun.elapsed() < PATIENCE {
        let snapshot = latest.get();
        if at_work(snapshot.level, snapshot.health.last_success) {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What the instruments saw of one arm, over all its turns.
#[derive(Debug, Default)]
pub(super) struct Watch {
    series: PathBuf,
    tally: Option<Tally>,
    images: u64,
    summary: Option<TelemetrySummary>,
    notices: Vec<String>,
}

impl Watch {
    /// Nothing seen yet; at the level full the readings go to `series`.
    pub fn new(series: PathBuf) -> Self {
        Self { series, ..Self::default() }
    }

    /// Records while `turn` trains `images` images.
    pub fn during<T>(&mut self, telemetry: &Telemetry, images: u64, turn: impl FnOnce() -> T) -> T {
        let series = Series { path: self.series.clone(), resumes: self.tally.is_some() };
        let recording = telemetry.record(self.tally.take(), Some(series));
        let result = turn();
        self.images += images;
        let (summary, tally, notices) = recording.pause(self.images);
        (self.summary, self.tally) = (summary, tally);
        // Each start of the instruments says again what is amiss.
        for notice in notices {
            if !self.notices.contains(&notice) {
                self.notices.push(notice);
            }
        }
        result
    }

    /// The summary, absent where nothing was watched, and what a user should know.
    pub fn finish(self) -> (Option<TelemetrySummary>, Vec<String>) {
        (self.summary, self.notices)
    }
}
