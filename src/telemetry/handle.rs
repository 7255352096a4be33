//! Telemetry as the rest of the program uses it: started once, read by anybody, recorded trial by trial.

use super::recorder::Recorder;
use super::sampler::{AllocatorProbe, Message, Sampler, SystemClock};
use super::series::{SeriesWriter, is_series};
use super::snapshot::{Latest, Snapshot};
use super::source::Source;
use super::tally::{SeriesFile, Tally, TelemetrySummary};
use super::{GpuTarget, Level, nvml};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// So long the end of a trial waits for its last readings; they take milliseconds, unless the driver hangs.
const LAST_READINGS: Duration = Duration::from_millis(500);

/// So long the end of a trial waits for its series to be on the disk.
const LAST_ROWS: Duration = Duration::from_secs(5);

/// What to watch.
#[derive(Default)]
pub struct Settings {
    /// How much.
    pub level: Level,
    /// Which devices.
    pub gpus: Vec<GpuTarget>,
    /// A library in place of the driver's, for tests: what it says is marked as no measurement.
    pub nvml_library: Option<PathBuf>,
    /// Asks libtorch's CUDA allocator, where there is one.
    pub allocator: Option<AllocatorProbe>,
}

/// Where the readings of a recording go.
#[derive(Debug, Clone)]
pub struct Series {
    /// The file.
    pub path: PathBuf,
    /// They are appended to what is there; otherwise the file begins anew.
    pub resumes: bool,
}

/// The instruments at work. They never slow or fail a training: no call to a driver is waited for, what cannot be read is
/// absent, and [`Snapshot::health`] says why.
pub struct Telemetry {
    level: Level,
    latest: Latest,
    inbox: Option<Sender<Message>>,
    stopped: Option<Receiver<()>>,
    /// How many of the notices were handed on by a recording.
    told: Arc<AtomicUsize>,
}

impl Telemetry {
    /// Nothing is watched.
    pub fn off() -> Self {
        let snapshot = Snapshot { level: Level::Off, ..Snapshot::default() };
        Self { level: Level::Off, latest: Latest::fixed(snapshot), inbox: None, stopped: None, told: Arc::default() }
    }

    /// Begins to watch, on threads of its own; returns at once. Where the system has no thread left, nothing is watched,
    /// and the notices of [`Telemetry::latest`] say so.
    pub fn start(settings: Settings) -> Self {
        let Settings { level, gpus, nvml_library, allocator } = settings;
        let library = nvml_library.as_deref();
        let source = |target| Box::new(nvml::NvmlSource::new(library, target)) as Box<dyn Source>;
        Self::watch(level, gpus.into_iter().map(source).collect(), allocator)
    }

    /// Like [`Telemetry::start`], of the processes below this one instead of this one, at which it looks `every` so often.
    pub fn start_below(settings: Settings, every: Duration) -> Self {
        let telemetry = Self::start(settings);
        if let Some(inbox) = &telemetry.inbox {
            // A sampler that has ended watches nothing.
            let _ = inbox.send(Message::Below(every));
        }
        telemetry
    }

    /// Like [`Telemetry::start`], with any sources.
    fn watch(level: Level, sources: Vec<Box<dyn Source>>, allocator: Option<AllocatorProbe>) -> Self {
        if level == Level::Off {
            return Self::off();
        }
        let (inbox, messages) = channel();
        let (tell, stopped) = channel();
        let mut sampler = Sampler::new(level, sources, allocator, Arc::new(SystemClock::start()), &inbox);
        sampler.publish();
        let latest = sampler.latest();
        let thread = std::thread::Builder::new().name("telemetry".into()).spawn(move || {
            sampler.run(&messages);
            // Who waited may have lost patience.
            let _ = tell.send(());
        });
        match thread {
            Ok(_) => Self { level, latest, inbox: Some(inbox), stopped: Some(stopped), told: Arc::default() },
            Err(e) => {
                let mut snapshot = Snapshot { level, ..Snapshot::default() };
                snapshot.health.notices.push(format!("no thread for telemetry: {e}"));
                Self { level, latest: Latest::fixed(snapshot), inbox: None, stopped: None, told: Arc::default() }
            }
        }
    }

    /// From now on nothing is looked at, or, with `false`, everything again: what is measured without instruments needs
    /// none that are at work. For a recording under way this time is none.
    pub fn rest(&self, rests: bool) {
        if let Some(inbox) = &self.inbox {
            // A sampler that has ended rests.
            let _ = inbox.send(Message::Rest(rests));
        }
    }

    /// How much is watched.
    pub fn level(&self) -> Level {
        self.level
    }

    /// What the instruments say, for any number of readers.
    pub fn latest(&self) -> Latest {
        self.latest.clone()
    }

    /// Begins to record an execution of a trial: a new one, or one that goes on from `before`. `series`: where its readings
    /// go, at [`Level::Full`]; at others those of executions before it stay there. There is one recording at a time: another
    /// one ends it. Where nothing is watched, what the readings before came to stays as it is.
    pub fn record(&self, before: Option<Tally>, series: Option<Series>) -> Recording {
        let tally = match &self.inbox {
            Some(_) => Some(Tally::begin(self.level, before)),
            None => before,
        };
        let mut recording = Recording {
            tally: tally.map(|tally| Arc::new(Mutex::new(tally))),
            latest: self.latest(),
            told: Arc::clone(&self.told),
            inbox: None,
            series: None,
            notices: Vec::new(),
        };
        let is_full = self.level == Level::Full;
        let mut sender = None;
        if let Some(Series { path, resumes }) = series.filter(|s| is_full || s.resumes && is_series(&s.path)) {
            match SeriesWriter::start(path, resumes) {
                Ok((writer, end)) => (recording.series, sender) = (Some(writer), is_full.then_some(end)),
                Err(e) => recording.notices.push(format!("no thread for the series of readings: {e}")),
            }
        }
        if let (Some(inbox), Some(tally)) = (&self.inbox, &recording.tally) {
            let recorder = Recorder { tally: Arc::clone(tally), series: sender };
            recording.inbox = inbox.send(Message::Begin(recorder)).is_ok().then(|| inbox.clone());
        }
        recording
    }
}

/// Stops the threads, unless a driver hangs: then its thread is left behind.
impl Drop for Telemetry {
    fn drop(&mut self) {
        if let (Some(inbox), Some(stopped)) = (self.inbox.take(), self.stopped.take()) {
            let _ = inbox.send(Message::Stop);
            let _ = stopped.recv_timeout(LAST_READINGS);
        }
    }
}

/// The recording of one execution of a trial.
pub struct Recording {
    /// Absent where nothing is watched, and nothing was before.
    tally: Option<Arc<Mutex<Tally>>>,
    latest: Latest,
    told: Arc<AtomicUsize>,
    /// Absent where nothing is watched.
    inbox: Option<Sender<Message>>,
    series: Option<SeriesWriter>,
    notices: Vec<String>,
}

impl Recording {
    /// What the readings come to so far, after `images` training images of the trial that were watched, for a checkpoint;
    /// absent where nothing was watched. Takes microseconds.
    pub fn so_far(&self, images: u64) -> Option<Tally> {
        let mut tally = self.tally.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if self.inbox.is_some() {
            tally.images = images;
        }
        Some(tally)
    }

    /// Takes the last readings: none come any more. Waits for them no longer than half a second.
    pub fn settle(&self) {
        let Some(inbox) = &self.inbox else { return };
        let (tell, told) = channel();
        if inbox.send(Message::End(tell)).is_ok() && told.recv_timeout(LAST_READINGS).is_err() {
            // Without the last readings, those before them have to do.
            let _ = inbox.send(Message::Release);
        }
    }

    /// Ends the recording after `images` training images of the trial that were watched, with fresh readings. Waits for
    /// these no longer than half a second, and for the series no longer than five. The summary is absent where nothing
    /// was watched; beside it is what a user should know: the sampler's notices that no recording has told before, and
    /// what became of the series.
    pub fn finish(self, images: u64) -> (Option<TelemetrySummary>, Vec<String>) {
        let (summary, _, notices) = self.pause(images);
        (summary, notices)
    }

    /// Like [`Recording::finish`], of what will go on: also what the readings come to, the last ones included, for the next
    /// recording to go on from.
    pub fn pause(mut self, images: u64) -> (Option<TelemetrySummary>, Option<Tally>, Vec<String>) {
        self.settle();
        let Some(tally) = self.so_far(images) else { return (None, None, self.notices) };
        let mut summary = tally.summary();
        match self.series.map(|series| series.finish(LAST_ROWS)) {
            Some(Ok(file)) => {
                if file.lost > 0 {
                    let SeriesFile { file, lost, .. } = &file;
                    self.notices.push(format!("{file} lacks {lost} readings: the disk was too slow, or full"));
                }
                summary.series = Some(file);
            }
            Some(Err(why)) => self.notices.push(why),
            None => {}
        }
        let said = &self.latest.get().health.notices;
        let before = self.told.fetch_max(said.len(), Ordering::Relaxed);
        self.notices.extend(said.iter().skip(before).cloned());
        (Some(summary), Some(tally), self.notices)
    }
}

#[cfg(test)]
#[path = "handle_tests.rs"]
mod tests;
