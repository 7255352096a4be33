//! A bound on the memory of a trial on the CPU, so that running out of it is an error and not the end of the process.
//!
//! Linux promises more memory than it has and kills a process that takes it at its word: no record says so, and the same
//! command would be killed again for ever. Below `RLIMIT_DATA` an allocation that cannot be kept fails at once, libtorch
//! says so, and the trial ends as out of memory. The limit counts what is promised, used or not, so it is set to
//!
//! - what the process uses now, after unused memory went back,
//! - and what it had promised before its first trial and never used, such as stacks of threads,
//! - and what is available: on the machine, and in each control group,
//! - less a reserve for page tables, the kernel's caches and other processes.
//!
//! Two processes that train at once each count what is available when their trials begin; the reserve is all that is
//! between them and the kernel. Elsewhere than on Linux nothing is bounded.

use super::memory::GROWTH;
use crate::telemetry::{Footprint, available_memory};
use crate::units::Bytes;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use tch::Device;

/// Of what is available, a sixteenth stays free, within these amounts.
const RESERVE: (u64, u64) = (64 << 20, 1 << 30);

/// Rust ends the process where an allocation fails; so much is kept for its own, which are small beside the tensors.
const HEADROOM: u64 = 32 << 20;

/// The limit to which [`Allocator`] may lift the bound under way; 0: none.
static LIFT: AtomicU64 = AtomicU64::new(0);

/// The bound of a trial; dropping it puts the process's own limit back.
#[derive(Debug)]
pub(super) struct Bound {
    before: libc::rlimit,
}

impl Bound {
    /// Bounds the process while it trains on `device`, unless that has its own memory or the system does not say what is
    /// available. Memory that was freed should have gone back to the system before.
    pub fn set(device: Device) -> Option<Self> {
        if device != Device::Cpu {
            return None;
        }
        Self::with(available_memory()?)
    }

    /// The same where so much is available. A limit that is stricter already stays, less the headroom.
    fn with(available: Bytes) -> Option<Self> {
        static UNUSED: OnceLock<u64> = OnceLock::new();
        let Footprint { promised, used } = Footprint::read().value()?;
        let unused = *UNUSED.get_or_init(|| promised.0.saturating_sub(used.0));
        let before = limit()?;
        let bound = before.rlim_cur.min(used.0 + unused + affordable(available.0));
        LIFT.store(bound, Ordering::Relaxed);
        set_limit(libc::rlimit { rlim_cur: bound.saturating_sub(HEADROOM), ..before }).then_some(Self { before })
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        LIFT.store(0, Ordering::Relaxed);
        set_limit(self.before);
    }
}

/// What a trial may take of what is available.
fn affordable(available: u64) -> u64 {
    available.saturating_sub((available / 16).clamp(RESERVE.0, RESERVE.1))
}

/// Memory that an allocation could still have: within the limit of the process, up to the last growth of the heap that
/// fits, and within its control groups and the machine.
pub(super) fn memory_left() -> Option<Bytes> {
    let below = limit().filter(|l| l.rlim_cur != libc::RLIM_INFINITY).and_then(|limit| {
        let promised = Footprint::read().value()?.promised;
        Some(Bytes(limit.rlim_cur.saturating_sub(promised.0 + GROWTH as u64)))
    });
    below.into_iter().chain(available_memory()).min()
}

fn limit() -> Option<libc::rlimit> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the call only writes to the structure.
    (unsafe { libc::getrlimit(libc::RLIMIT_DATA, &raw mut limit) } == 0).then_some(limit)
}

/// True where the system took it.
fn set_limit(limit: libc::rlimit) -> bool {
    // SAFETY: the call only reads the structure; a soft limit never harms what is allocated already.
    unsafe { libc::setrlimit(libc::RLIMIT_DATA, &raw const limit) == 0 }
}

/// Gives the headroom of the bound under way free; true once a bound.
fn lift() -> bool {
    let to = LIFT.swap(0, Ordering::Relaxed);
    to > 0 && limit().is_some_and(|limit| set_limit(libc::rlimit { rlim_cur: to, ..limit }))
}

/// The system's allocator, which lifts the bound of the trial under way by its headroom rather than fail.
/// libtorch's tensors do not come here: theirs fail, and libtorch says so.
#[derive(Debug, Clone, Copy)]
pub struct Allocator;

impl Allocator {
    fn try_twice(size: usize, allocate: impl Fn() -> *mut u8) -> *mut u8 {
        let pointer = allocate();
        if pointer.is_null() && size as u64 <= HEADROOM && lift() { allocate() } else { pointer }
    }
}

// SAFETY: every call goes to the system's allocator with the same arguments; after a failure, which changes nothing, it may
// go there again.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        Self::try_twice(layout.size(), || unsafe { System.alloc(layout) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        Self::try_twice(layout.size(), || unsafe { System.alloc_zeroed(layout) })
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above; a block that could not grow is still the caller's.
        Self::try_twice(size, || unsafe { System.realloc(pointer, layout, size) })
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::super::failure::catch;
    use super::super::memory::{release_unused, tune_host_allocator};
    use super::*;
    use crate::event::Outcome;
    use tch::{Kind, Tensor};

    #[test]
    fn a_reserve_stays_within_its_bounds() {
        assert_eq!(affordable(1 << 20), 0);
        assert_eq!(affordable(1 << 30), (1 << 30) - (64 << 20));
        assert_eq!(affordable(8 << 30), (8 << 30) - (512 << 20));
        assert_eq!(affordable(64 << 30), 63 << 30);
    }

    /// Limits belong to the process, and other tests share this one: the test runs itself again, alone.
    #[test]
    fn memory_that_adds_up_fails_below_the_bound_and_is_free_after_it() {
        const ALONE: &str = "NDBENCH_TEST_ALONE";
        if std::env::var_os(ALONE).is_some() {
            return add_up();
        }
        let name = "train::bound::tests::memory_that_adds_up_fails_below_the_bound_and_is_free_after_it";
        let alone = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name])
            .env(ALONE, "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&alone.stdout);
        assert!(alone.status.success() && said.contains("1 passed"), "{said}");
    }

    /// So many blocks of 64 MiB; they are never touched, so they cost nothing but the promise.
    fn blocks(count: usize) -> Result<Vec<Tensor>, Outcome> {
        let block = |_| Tensor::empty([64 << 20], (Kind::Uint8, Device::Cpu));
        catch(|| (0..count).map(block).collect())
    }

    fn add_up() {
        tune_host_allocator();
        let own = limit().unwrap();
        for _ in 0..2 {
            release_unused();
            let bound = Bound::with(Bytes(1 << 30)).unwrap();
            assert!(blocks(4).is_ok(), "a quarter of what is available");
            let Err(Outcome::Oom { requested, .. }) = blocks(32) else { panic!("twice what is available was given") };
            assert_eq!(requested, Some(Bytes(64 << 20)));
            let tight = limit().unwrap().rlim_cur;
            assert!(lift() && limit().unwrap().rlim_cur == tight + HEADROOM && !lift(), "the headroom, once");
            drop(bound);
            assert_eq!(limit().unwrap().rlim_cur, own.rlim_cur);
            assert!(blocks(32).is_ok(), "the bound is gone");
        }
        let strict = libc::rlimit { rlim_cur: Footprint::read().value().unwrap().promised.0 + (256 << 20), ..own };
        assert!(set_limit(strict));
        let bound = Bound::with(Bytes(8 << 30)).unwrap();
        assert_eq!(limit().unwrap().rlim_cur, strict.rlim_cur - HEADROOM, "a stricter limit is not raised");
        drop(bound);
        assert_eq!(limit().unwrap().rlim_cur, strict.rlim_cur);
    }
}
