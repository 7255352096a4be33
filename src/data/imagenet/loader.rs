//! Batches that threads make ahead of a training.

use super::bad_files::{BadFiles, TooManyBad};
use super::batch::Sheet;
use super::crop::View;
use super::examine::guarded;
use super::photos::Photos;
use super::resample::{Form, Order, Resampler};
use super::unread::Unread;
use crate::scenario::Normalisation;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use tch::{Device, Kind, Tensor};

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

/// A pass over pictures. What its batches hold depends on these alone: not on threads, their speed, or which batch comes
/// first.
#[derive(Debug, Clone)]
pub struct PhotoPass {
    /// The pictures.
    pub photos: Arc<Photos>,
    /// Their numbers in the order of the pass.
    pub order: Vec<u32>,
    /// The places in `order` that make a batch each.
    pub batches: Vec<Range<usize>>,
    /// What is seen of each.
    pub view: View,
    /// Of the levels of each channel.
    pub normalisation: Normalisation,
}

/// Threads that make the batches of passes, one pass after the other. The first batches of a pass are made while the last
/// ones of that before are used.
pub struct Loader {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    /// Batches that were not taken yet: of the pass under way, and of each after it.
    left: VecDeque<usize>,
}

/// What the threads share.
struct Shared {
    making: Making,
    state: Mutex<State>,
    /// There is room for another batch, or another pass, or the end has come.
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
    /// A thread could not go on, as without memory for a batch, or where the storage fails.
    #[error("{0}")]
    Ended(String),
}

struct State {
    /// Passes with batches that nobody has begun, and the number of the next of these.
    passes: VecDeque<(Arc<PhotoPass>, usize)>,
    /// The number, over all passes, of the first of `open`.
    first: usize,
    open: VecDeque<Filling>,
    /// Why no thread goes on.
    ended: Option<String>,
}

/// A batch in the making.
struct Filling {
    pass: Arc<PhotoPass>,
    form: Arc<Form>,
    range: Range<usize>,
    sheet: Arc<Sheet>,
    /// Places that somebody has begun.
    begun: usize,
    /// Places that are not done.
    left: usize,
    /// Places whose picture is bad, and why.
    bad: Vec<(usize, String)>,
}

/// A picture to be made an input.
struct Job {
    pass: Arc<PhotoPass>,
    form: Arc<Form>,
    /// The number of its batch over all passes.
    batch: usize,
    /// Its place there.
    place: usize,
    /// Its number in the data set.
    number: usize,
    /// Where its numbers go.
    sheet: Arc<Sheet>,
}

impl Loader {
    /// Starts the threads, which wait for a pass.
    pub fn new(making: Making) -> Self {
        let state = State { passes: VecDeque::new(), first: 0, open: VecDeque::new(), ended: None };
        let shared = Arc::new(Shared { making, state: Mutex::new(state), room: Condvar::new(), full: Condvar::new() });
        let threads = (0..making.threads.max(1)).map(|_| {
            let shared = shared.clone();
            std::thread::spawn(move || shared.work())
        });
        Self { threads: threads.collect(), shared, left: VecDeque::new() }
    }

    /// Adds a pass behind those that there are.
    ///
    /// # Panics
    /// Where a batch is empty or exceeds the order.
    pub fn then(&mut self, pass: PhotoPass) {
        let sound = |range: &Range<usize>| !range.is_empty() && range.end <= pass.order.len();
        assert!(pass.batches.iter().all(sound), "batches lie within the order");
        self.left.push_back(pass.batches.len());
        self.shared.lock().passes.push_back((Arc::new(pass), 0));
        self.shared.room.notify_all();
    }

    /// Goes on to the pass after the one under way; false where batches of that are left, or there is none after it.
    pub fn go_on(&mut self) -> bool {
        let may = self.left.len() > 1 && self.left[0] == 0;
        if may {
            self.left.pop_front();
        }
        may
    }

    /// The next batch of the pass under way, once it is full; `None` after the last. A picture that cannot be read or
    /// decoded is noted in `bad`, and the batch is smaller by it; it may be empty.
    ///
    /// # Errors
    /// More bad pictures than `bad` allows, no memory for a batch, or storage that fails.
    ///
    /// # Panics
    /// Where libtorch fails.
    pub fn next(&mut self, bad: &mut BadFiles) -> Result<Option<Batch>, LoadError> {
        match self.left.front_mut() {
            None | Some(0) => return Ok(None),
            Some(left) => *left -= 1,
        }
        let Filling { pass, range, sheet, bad: mut found, .. } = self.shared.full_batch()?;
        let number = |place: usize| pass.order[range.start + place] as usize;
        found.sort_unstable();
        for (place, why) in &found {
            bad.add(pass.photos.path(number(*place)), why)?;
        }
        let is_good = |place: &usize| found.binary_search_by_key(place, |(bad, _)| *bad).is_err();
        let good: Vec<usize> = (0..range.len()).filter(is_good).collect();
        let labels: Vec<i64> = good.iter().map(|place| pass.photos.label(number(*place))).collect();
        let labels = Tensor::from_slice(&labels);
        let sheet = Arc::into_inner(sheet).expect("threads let go of a sheet before they say that it is full");
        let device = self.shared.making.device;
        Ok(Some(Batch {
            pixels: sheet.into_tensor(&good, device),
            // From memory that is not pinned the host would wait until the device has done the step before.
            labels: if device.is_cuda() {
                labels.pin_memory(device).to_device_(device, Kind::Int64, true, false)
            } else {
                labels
            },
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

    /// The next batch, once it is full, which makes room for another.
    ///
    /// # Errors
    /// No thread goes on.
    fn full_batch(&self) -> Result<Filling, LoadError> {
        let mut state = self.lock();
        let filling = loop {
            match state.open.pop_front() {
                Some(filling) if filling.left == 0 => break filling,
                Some(filling) => state.open.push_front(filling),
                None => {}
            }
            if let Some(why) = &state.ended {
                return Err(LoadError::Ended(why.clone()));
            }
            state = self.full.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        state.first += 1;
        drop(state);
        self.room.notify_all();
        Ok(filling)
    }

    /// Makes inputs of pictures, one after the other, until the end.
    fn work(&self) {
        let _end = StopOnPanic(self);
        let mut resampler = Resampler::new();
        let take = || {
            self.take().unwrap_or_else(|e| {
                self.end(e);
                None
            })
        };
        while let Some(Job { pass, form, batch, place, number, sheet }) = take() {
            let result = match pass.photos.bytes(number) {
                Ok(bytes) => {
                    sheet.fill(place, |numbers| guarded(|| resampler.input(bytes, number as u64, &form, numbers)))
                }
                Err(Unread::Picture(why)) => Err(why),
                // A training that left out what lies there would train on something else.
                Err(Unread::Storage(why)) => return self.end(format!("{}: {why}", pass.photos.path(number))),
            };
            drop(sheet);
            self.done(batch, place, result);
        }
    }

    /// The next picture. Waits for a pass, and until there is room for its batch; `None` at the end.
    ///
    /// # Errors
    /// No memory for its batch.
    fn take(&self) -> Result<Option<Job>, String> {
        let mut state = self.lock();
        while state.ended.is_none() {
            if let Some(job) = state.next_picture() {
                return Ok(Some(job));
            }
            if state.open.len() < self.making.ahead.max(1) && state.open_batch(&self.making)? {
                continue;
            }
            state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(None)
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

impl State {
    /// The next picture of the newest batch; those before it have been begun whole.
    fn next_picture(&mut self) -> Option<Job> {
        let batch = self.first + self.open.len().checked_sub(1)?;
        let Filling { pass, form, range, sheet, begun, .. } = self.open.back_mut()?;
        let place = *begun;
        let number = *pass.order[range.clone()].get(place)? as usize;
        *begun += 1;
        Some(Job { pass: pass.clone(), form: form.clone(), batch, place, number, sheet: sheet.clone() })
    }

    /// Opens the next batch; false where there is none.
    ///
    /// # Errors
    /// No memory for it.
    fn open_batch(&mut self, making: &Making) -> Result<bool, String> {
        while let Some((pass, next)) = self.passes.front_mut() {
            let Some(range) = pass.batches.get(*next).cloned() else {
                self.passes.pop_front();
                continue;
            };
            let sheet = Arc::new(Sheet::new(range.len(), making.order, making.device)?);
            let form = match self.open.back() {
                Some(before) if Arc::ptr_eq(&before.pass, pass) => before.form.clone(),
                _ => Arc::new(Form::new(pass.view, making.order, making.scaled, &pass.normalisation)),
            };
            *next += 1;
            let (pass, left) = (pass.clone(), range.len());
            self.open.push_back(Filling { pass, form, range, sheet, begun: 0, left, bad: Vec::new() });
            return Ok(true);
        }
        Ok(false)
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
