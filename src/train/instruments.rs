//! Telemetry of a trial: recorded from its first step to its end, over all its executions.

use crate::telemetry::{Level, Recording, Series, Tally, Telemetry, TelemetrySummary};
use std::cell::{Cell, OnceCell};
use std::path::Path;

/// What a trial that was interrupted had, besides its network.
pub(super) struct Resumed {
    /// What its readings came to; absent where nothing was watched.
    pub telemetry: Option<Tally>,
}

/// The recording of a trial, once it has begun.
pub(super) struct Instruments<'a> {
    telemetry: &'a Telemetry,
    series: Option<&'a Path>,
    recording: OnceCell<Recording>,
    /// Training images that were watched.
    images: Cell<u64>,
}

impl<'a> Instruments<'a> {
    /// Instruments that wait for [`Instruments::begin`]; `series`: where the readings go.
    pub fn new(telemetry: &'a Telemetry, series: Option<&'a Path>) -> Self {
        Self { telemetry, series, recording: OnceCell::new(), images: Cell::new(0) }
    }

    /// Begins to record, behind what an interrupted trial had. Says so where the record will tell of a part of the trial.
    pub fn begin(&self, resumed: Option<Resumed>) -> Option<&'static str> {
        let series = self.series.map(|path| Series { path: path.into(), resumes: resumed.is_some() });
        let is_watched = self.telemetry.level() != Level::Off;
        let is_partly = resumed.as_ref().is_some_and(|resumed| resumed.telemetry.is_some() != is_watched);
        let before = resumed.and_then(|resumed| resumed.telemetry);
        self.images.set(before.as_ref().map_or(0, Tally::images));
        self.recording.get_or_init(|| self.telemetry.record(before, series));
        is_partly.then_some("a part of the training ran with --telemetry off; its telemetry is that of the rest")
    }

    /// Counts the images of a step.
    pub fn trained(&self, images: u64) {
        self.images.set(self.images.get() + images);
    }

    /// Takes the last readings of an execution that ends here: what its last checkpoint keeps, and its record has, are
    /// the same.
    pub fn settle(&self) {
        self.recording.get().into_iter().for_each(Recording::settle);
    }

    /// What a checkpoint keeps; absent where nothing is recorded.
    pub fn so_far(&self) -> Option<Tally> {
        self.recording.get()?.so_far(self.images.get())
    }

    /// Ends the recording: its summary, and what a user should know. Both are empty where nothing was recorded.
    pub fn finish(self) -> (Option<TelemetrySummary>, Vec<String>) {
        let images = self.images.get();
        self.recording.into_inner().map_or((None, Vec::new()), |recording| recording.finish(images))
    }
}
