//! Telemetry of a trial: recorded from its first step to its end, over all its executions.

use crate::telemetry::{Recording, Series, Tally, Telemetry, TelemetrySummary};
use std::cell::{Cell, OnceCell};
use std::path::Path;

/// The recording of a trial, once it has begun.
pub(super) struct Instruments<'a> {
    telemetry: &'a Telemetry,
    series: Option<&'a Path>,
    recording: OnceCell<Recording>,
    /// Training images that the recording has seen.
    images: Cell<u64>,
}

impl<'a> Instruments<'a> {
    /// Instruments that wait for [`Instruments::begin`]; `series`: where the readings go.
    pub fn new(telemetry: &'a Telemetry, series: Option<&'a Path>) -> Self {
        Self { telemetry, series, recording: OnceCell::new(), images: Cell::new(0) }
    }

    /// Begins to record; `before` is what a checkpoint brought back, where there is one, and what it knew of telemetry.
    pub fn begin(&self, before: Option<Option<Tally>>) {
        let series = self.series.map(|path| Series { path: path.into(), resumes: before.is_some() });
        let before = before.flatten();
        self.images.set(before.as_ref().map_or(0, Tally::images));
        self.recording.get_or_init(|| self.telemetry.record(before, series));
    }

    /// Counts the images of a step.
    pub fn trained(&self, images: u64) {
        self.images.set(self.images.get() + images);
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
