//! What the instruments see of the arms.

use crate::record::CallCost;
use crate::telemetry::snapshot::{Call, CallStats};
use crate::telemetry::{Level, Recording, Series, Tally, Telemetry, TelemetrySummary};
use crate::units::Seconds;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// So long a turn waits for the instruments' first reading; without a driver that hangs it takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);

/// Of an arm that was watched for less, counters of energy, which move in steps, say too little of an image.
const LONG_ENOUGH: Seconds = Seconds(5.0);

/// The instruments of each level; those of one are at work, the others rest.
pub(super) struct Instruments<'a> {
    start: &'a dyn Fn(Level) -> Telemetry,
    sets: BTreeMap<Level, Telemetry>,
}

impl<'a> Instruments<'a> {
    /// None at work yet; `start` makes them.
    pub fn new(start: &'a dyn Fn(Level) -> Telemetry) -> Self {
        Self { start, sets: BTreeMap::new() }
    }

    /// Those of `level`, at work.
    pub fn at(&mut self, level: Level) -> &Telemetry {
        self.sets.iter().for_each(|(of, telemetry)| telemetry.rest(*of != level));
        self.sets.entry(level).or_insert_with(|| {
            let telemetry = (self.start)(level);
            wait_for_readings(&telemetry);
            telemetry
        })
    }

    /// What the calls to the driver cost; the instruments are stopped.
    pub fn calls(self) -> Vec<CallCost> {
        let mut calls: BTreeMap<Call, CallStats> = BTreeMap::new();
        for stats in self.sets.values().flat_map(|telemetry| telemetry.latest().get().calls.clone()) {
            calls.entry(stats.call).and_modify(|sum| sum.add(&stats)).or_insert(stats);
        }
        calls.values().map(CallCost::from).collect()
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
pub(super) struct Watch {
    series: PathBuf,
    /// Of the turn under way.
    recording: Option<Recording>,
    tally: Option<Tally>,
    images: u64,
    summary: Option<TelemetrySummary>,
    notices: Vec<String>,
}

impl Watch {
    /// Nothing seen yet; at the level full the readings go to `series`.
    pub fn new(series: PathBuf) -> Self {
        Self { series, recording: None, tally: None, images: 0, summary: None, notices: Vec::new() }
    }

    /// Records while a piece of a turn trains `images` images.
    pub fn during<T>(&mut self, telemetry: &Telemetry, images: u64, is_last: bool, piece: impl FnOnce() -> T) -> T {
        if self.recording.is_none() {
            let series = Series { path: self.series.clone(), resumes: self.tally.is_some() };
            self.recording = Some(telemetry.record(self.tally.take(), Some(series)));
        }
        let result = piece();
        self.images += images;
        if is_last {
            self.end();
        }
        result
    }

    /// Ends the recording of a turn.
    fn end(&mut self) {
        let Some(recording) = self.recording.take() else { return };
        let (mut summary, tally, notices) = recording.pause(self.images);
        let short = summary.iter_mut().filter(|summary| summary.seconds < LONG_ENOUGH);
        short.flat_map(|summary| &mut summary.gpus).filter_map(|gpu| gpu.energy.as_mut()).for_each(|energy| {
            energy.joules_per_image = None;
        });
        (self.summary, self.tally) = (summary, tally);
        // Of the series each turn may say the same again.
        for notice in notices {
            if !self.notices.contains(&notice) {
                self.notices.push(notice);
            }
        }
    }

    /// The summary, absent where nothing was watched, and what a user should know.
    pub fn finish(mut self) -> (Option<TelemetrySummary>, Vec<String>) {
        (self.summary.take(), std::mem::take(&mut self.notices))
    }
}

/// Of a turn that was broken off nothing writes the series any more.
impl Drop for Watch {
    fn drop(&mut self) {
        self.end();
    }
}
