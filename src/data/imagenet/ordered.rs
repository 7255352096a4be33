//! Work of several threads, taken in order.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// What the threads share.
struct Window<T> {
    /// The number of the next piece of work that nobody has begun.
    next: usize,
    /// Pieces that are done and not taken.
    done: BTreeMap<usize, T>,
    /// The number of the next piece to take.
    wanted: usize,
    stopped: bool,
}

/// Calls `work(0)`, `work(1)` … `work(pieces - 1)` on `threads` threads and `take` with their results, in this order, on
/// this one. No more than `ahead` pieces are begun and not taken. Ends early where `take` fails.
///
/// # Errors
/// The first of `take`.
///
/// # Panics
/// Where `work` does.
pub(super) fn in_order<T: Send, E>(
    pieces: usize,
    (threads, ahead): (usize, usize),
    work: impl Fn(usize) -> T + Sync,
    mut take: impl FnMut(usize, T) -> Result<(), E>,
) -> Result<(), E> {
    let window = Mutex::new(Window { next: 0, done: BTreeMap::new(), wanted: 0, stopped: false });
    let changed = Condvar::new();
    std::thread::scope(|scope| {
        let run = || {
            // Where it panics, nobody waits for it.
            let _end = Stop { window: &window, changed: &changed, always: false };
            loop {
                let mut seen = lock(&window);
                while !seen.stopped && seen.next < pieces && seen.next >= seen.wanted + ahead.max(1) {
                    seen = changed.wait(seen).unwrap_or_else(PoisonError::into_inner);
                }
                if seen.stopped || seen.next >= pieces {
                    return;
                }
                let piece = seen.next;
                seen.next += 1;
                drop(seen);
                let result = work(piece);
                lock(&window).done.insert(piece, result);
                changed.notify_all();
            }
        };
        for _ in 0..threads.clamp(1, pieces.max(1)) {
            scope.spawn(run);
        }
        let _end = Stop { window: &window, changed: &changed, always: true };
        for piece in 0..pieces {
            let mut seen = lock(&window);
            let result = loop {
                match seen.done.remove(&piece) {
                    Some(result) => break result,
                    // A thread has panicked: the scope says so.
                    None if seen.stopped => return Ok(()),
                    None => seen = changed.wait(seen).unwrap_or_else(PoisonError::into_inner),
                }
            };
            seen.wanted = piece + 1;
            drop(seen);
            changed.notify_all();
            take(piece, result)?;
        }
        Ok(())
    })
}

/// Lets every thread end, at the end of this one: always, or where it panics.
struct Stop<'a, T> {
    window: &'a Mutex<Window<T>>,
    changed: &'a Condvar,
    always: bool,
}

impl<T> Drop for Stop<'_, T> {
    fn drop(&mut self) {
        if self.always || std::thread::panicking() {
            lock(self.window).stopped = true;
            self.changed.notify_all();
        }
    }
}

fn lock<T>(mutex: &Mutex<Window<T>>) -> MutexGuard<'_, Window<T>> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn results_come_in_order_and_no_thread_runs_far_ahead() {
        for threads in [1, 3, 8] {
            let (begun, taken) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let mut results = Vec::new();
            let work = |piece: usize| {
                let begun = begun.fetch_add(1, Ordering::SeqCst) + 1;
                assert!(begun <= taken.load(Ordering::SeqCst) + 4);
                // Later pieces are often done first.
                std::thread::sleep(std::time::Duration::from_micros((piece as u64 * 7919) % 300));
                piece * piece
            };
            let take = |piece: usize, result: usize| {
                taken.store(piece + 1, Ordering::SeqCst);
                results.push(result);
                Ok::<(), ()>(())
            };
            in_order(200, (threads, 3), work, take).unwrap();
            assert_eq!(results, (0..200).map(|n| n * n).collect::<Vec<_>>());
        }
        in_order(0, (2, 2), |_| (), |_, ()| Err(())).unwrap();
    }

    #[test]
    fn the_first_error_ends_all() {
        let begun = AtomicUsize::new(0);
        let work = |piece| {
            begun.fetch_add(1, Ordering::SeqCst);
            piece
        };
        let ended = in_order(1_000_000, (4, 8), work, |_, piece| if piece == 5 { Err("five") } else { Ok(()) });
        assert_eq!(ended, Err("five"));
        assert!(begun.load(Ordering::SeqCst) < 100);
    }

    #[test]
    #[should_panic(expected = "a scoped thread panicked")]
    fn a_panic_of_a_thread_is_passed_on() {
        let _ = in_order(10, (2, 2), |piece| assert_ne!(piece, 3), |_, ()| Ok::<(), ()>(()));
    }
}
