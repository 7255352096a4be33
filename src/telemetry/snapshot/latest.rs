//! The way from the sampler to its readers.

use super::Snapshot;
use std::sync::{Arc, Mutex, PoisonError, TryLockError};

/// The latest snapshot, for any number of readers on any thread. Cheap to clone and to ask: a reader takes a reference,
/// and the sampler never waits for one.
#[derive(Debug, Clone, Default)]
pub struct Latest(Arc<Mutex<Arc<Snapshot>>>);

impl Latest {
    /// A handle that always says the same, for tests of readers.
    pub fn fixed(snapshot: Snapshot) -> Self {
        Self(Arc::new(Mutex::new(Arc::new(snapshot))))
    }

    /// The snapshot that was published last; an empty one before the first.
    pub fn get(&self) -> Arc<Snapshot> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The other end of a [`Latest`].
#[derive(Debug, Default)]
pub struct Publisher(Latest);

impl Publisher {
    /// The end for readers.
    pub fn latest(&self) -> Latest {
        self.0.clone()
    }

    /// Puts `snapshot` in place of the one before; where a reader is taking that one just now, the next call does.
    pub fn publish(&self, snapshot: Snapshot) {
        let snapshot = Arc::new(snapshot);
        match self.0.0.try_lock() {
            Ok(mut held) => *held = snapshot,
            Err(TryLockError::Poisoned(held)) => *held.into_inner() = snapshot,
            Err(TryLockError::WouldBlock) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Seconds;

    #[test]
    fn readers_see_the_latest_and_never_hold_up_the_sampler() {
        let publisher = Publisher::default();
        let latest = publisher.latest();
        assert_eq!(*latest.get(), Snapshot::default());
        let at = |seconds| Snapshot { at: Seconds(seconds), ..Snapshot::default() };
        publisher.publish(at(1.0));
        let kept = latest.get();
        let reading = latest.0.lock().unwrap();
        publisher.publish(at(2.0));
        drop(reading);
        assert_eq!((kept.at, latest.get().at), (Seconds(1.0), Seconds(1.0)));
        publisher.publish(at(3.0));
        assert_eq!((kept.at, latest.clone().get().at), (Seconds(1.0), Seconds(3.0)));
    }
}
