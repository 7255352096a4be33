//! What unit tests share.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Tests are threads of one process, and a process has one generator of libtorch and one memory peak: whoever seeds or
/// draws from the one, or starts the other anew, holds this meanwhile.
pub fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}
