//! Batches that threads make ahead of a training.

use super::bad_files::{BadFiles, TooManyBad};
use super::batch::Sheet;
use super::crop::View;
use super::examine::guarded;
use super::photos::Photos;
use super::resample::{Form, Order, Resampler};
use crate::scenario::Normalisation;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use tch::{Device, TchError, Tensor};

/// How batches are made; nothing of it changes what is in them but `scaled`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Making {
    /// Threads that read and decode.
    pub threads: usize,
    /// Batches in memory, in the making or waiting, besides the one under way.
    pub ahead: usize,
    /// How the numbers of a batch lie.
    pub order: Order,
    /// Where batches go; to a CUDA device through pinned memory.
    pub device: Device,
    /// JPEGs of which more is seen than a network needs are decoded at a half, a quarter or an eighth of their size.
    pub scaled: bool,
}

/// Images, normalised, and their labels, on the device.
#[derive(Debug)]
pub struct Batch {
    /// float32, `[N, 3, 224, 224]`.
    pub pixels: Tensor,
    /// int64, `[N]`.
    pub labels: Tensor,
}

/// A pass over pictures, batch by batch. What a batch holds depends on the order, the view and the pictures alone: not on
/// threads, their speed, or which batch comes first.
pub struct Loader {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// What the threads work on.
struct Shared {
    photos: Arc<Photos>,
    form: Form,
    /// The numbers of the pictures, batch after batch.
    order: Vec<u32>,
    batches: Vec<Range<usize>>,
    making: Making,
    state: Mutex<State>,
    /// There is room for another batch, or the end has come.
    room: Condvar,
    /// A batch is full, or a thread has died.
    full: Condvar,
}

/// Why there is no next batch.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// More pictures are bad than may be.
    #[error(transparent)]
    TooManyBad(#[from] TooManyBad),
    /// A thread could not go on, as without memory for a batch.
    #[error("{0}")]
    Ended(String),
}

struct State {
    /// The place in the order that nobody has begun.
    next: usize,
    /// Of the first of `open`.
    first: usize,
    open: VecDeque<Filling>,
    /// Why no thread goes on.
    ended: Option<String>,
}

/// A batch in the making.
struct Filling {
    sheet: Arc<Sheet>,
    /// Places that are not done.
    left: usize,
    /// Places whose picture is bad, and why.
    bad: Vec<(usize, String)>,
}

impl Loader {
    /// Starts the threads. `order` has the numbers of the pictures in `photos`, and `batches` the places in it that make a batch
    /// each, one behind the other; what lies before the first, as after a resumption, is not read.
    ///
    /// # Panics
    /// Where batches leave gaps or exceed the order.
    pub fn new(
        photos: Arc<Photos>,
        order: Vec<u32>,
        batches: Vec<Range<usize>>,
        (view, normalisation): (View, &Normalisation),
        making: Making,
    ) -> Self {
        assert!(batches.windows(2).all(|pair| pair[0].end == pair[1].start), "batches follow each other");
        assert!(batches.last().is_none_or(|last| last.end <= order.len()), "batches lie within the order");
        let next = batches.first().map_or(0, |first| first.start);
        let shared = Arc::new(Shared {
            photos,
            form: Form::new(view, making.order, making.scaled, normalisation),
            order,
            batches,
            making,
            state: Mutex::new(State { next, first: 0, open: VecDeque::new(), ended: None }),
            room: Condvar::new(),
            full: Condvar::new(),
        });
        let threads = (0..making.threads.max(1)).map(|_| {
            let shared = shared.clone();
            std::thread::spawn(move || shared.work())
        });
        Self { threads: threads.collect(), shared }
    }

    /// The next batch, once it is full; `None` after the last. A picture that cannot be read or decoded is noted in `bad`, and the
    /// batch is smaller by it; it may be empty.
    ///
    /// # Errors
    /// More bad pictures than `bad` allows, or no memory for a batch.
    ///
    /// # Panics
    /// Where libtorch fails.
    pub fn next(&mut self, bad: &mut BadFiles) -> Result<Option<Batch>, LoadError> {
        let shared = &self.shared;
        let mut state = shared.lock();
        let Some(range) = shared.batches.get(state.first).cloned() else { return Ok(None) };
        let mut filling = loop {
            match state.open.pop_front() {
                Some(filling) if filling.left == 0 => break filling,
                Some(filling) => state.open.push_front(filling),
                None => {}
            }
            if let Some(why) = &state.ended {
                return Err(LoadError::Ended(why.clone()));
            }
            state = shared.full.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        state.first += 1;
        drop(state);
        shared.room.notify_all();
        filling.bad.sort_unstable();
        for (place, why) in &filling.bad {
            bad.add(shared.photos.path(shared.order[range.start + place] as usize), why)?;
        }
        let good: Vec<i64> = (0..range.len())
            .filter(|place| filling.bad.binary_search_by_key(place, |(bad, _)| *bad).is_err())
            .map(|place| place as i64)
            .collect();
        let label = |place: &i64| shared.photos.label(shared.order[range.start + *place as usize] as usize);
        let labels: Vec<i64> = good.iter().map(label).collect();
        let sheet = Arc::into_inner(filling.sheet).expect("threads let go of a sheet before they say that it is full");
        let device = shared.making.device;
        Ok(Some(Batch {
            pixels: sheet.into_tensor(&good, device),
            labels: Tensor::from_slice(&labels).to_device(device),
        }))
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        self.shared.end("it is dropped");
        for thread in self.threads.drain(..) {
            // A panic has been told, and `next` has failed.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets nobody work, or wait, any more.
    fn end(&self, why: impl Into<String>) {
        self.lock().ended.get_or_insert(why.into());
        self.room.notify_all();
        self.full.notify_all();
    }

    /// Takes pictures, one after the other, until there are none left.
    fn work(&self) {
        let _end = StopOnPanic(self);
        let mut resampler = Resampler::new();
        let take = || {
            self.take().unwrap_or_else(|e| {
                self.end(e.to_string());
                None
            })
        };
        while let Some((batch, place, sheet)) = take() {
            let number = self.order[self.batches[batch].start + place] as usize;
            let result = self.photos.bytes(number).and_then(|bytes| {
                sheet.fill(place, |numbers| guarded(|| resampler.input(bytes, number as u64, &self.form, numbers)))
            });
            drop(sheet);
            self.done(batch, place, result);
        }
    }

    /// The next picture: its batch, its place there, and where its numbers go. Waits until there is room for its batch; `None`
    /// at the end.
    ///
    /// # Errors
    /// No memory for its batch.
    fn take(&self) -> Result<Option<(usize, usize, Arc<Sheet>)>, TchError> {
        let mut state = self.lock();
        loop {
            let newest = state.first + state.open.len();
            let wanted = self.batches.partition_point(|range| range.end <= state.next);
            let Some(range) = self.batches.get(wanted).filter(|_| state.ended.is_none()) else { return Ok(None) };
            if wanted < newest {
                let place = state.next - range.start;
                state.next += 1;
                let sheet = state.open[wanted - state.first].sheet.clone();
                return Ok(Some((wanted, place, sheet)));
            }
            if state.open.len() < self.making.ahead.max(1) {
                let sheet = Arc::new(Sheet::new(range.len(), self.making.order, self.making.device)?);
                state.open.push_back(Filling { sheet, left: range.len(), bad: Vec::new() });
                continue;
            }
            state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn done(&self, batch: usize, place: usize, result: Result<(), String>) {
        let mut state = self.lock();
        let first = state.first;
        let filling = &mut state.open[batch - first];
        filling.left -= 1;
        if let Err(why) = result {
            filling.bad.push((place, why));
        }
        if filling.left == 0 {
            self.full.notify_all();
        }
    }
}

/// Lets nobody wait for a thread that panics.
struct StopOnPanic<'a>(&'a Shared);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.end("a thread of the loader has died");
        }
    }
}

#[cfg(test)]
#[path = "loader_tests.rs"]
mod tests;
