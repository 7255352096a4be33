//! A bound on the memory of a trial on the CPU, so that running out of it is an error and not the end of the process.
//!
//! Linux promises more memory than it has and kills a process that takes it at its word: no record says so, and the same
//! command would be killed again for ever. Below a bound, libtorch's tensors fail in time, libtorch says so, and the
//! trial ends as out of memory. What is promised counts, used or not, so the process may be promised
//!
//! - what it uses now, after unused memory went back,
//! - and what it had been promised before its first trial and never used, such as stacks of threads,
//! - and what is available: on the machine, and in each control group,
//! - less a reserve for page tables, the kernel's caches and other processes,
//! - and never more than its own limits (`ulimit -d`, `ulimit -v`) less a headroom.
//!
//! Reserve and headroom are for what is no tensor: oneDNN's scratchpads, whose allocation nobody checks, and Rust's own
//! allocations, which end the process where they fail. Two processes that train at once each count what is available when
//! their trials begin; the reserve is all that is between them and the kernel. Elsewhere than on Linux nothing is bounded.

use super::memory;
use crate::native;
use crate::telemetry::{Footprint, available_memory};
use crate::units::Bytes;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use tch::Device;

/// Of what is available, a sixteenth stays free, within these amounts.
const RESERVE: (u64, u64) = (64 << 20, 1 << 30);

/// Below the process's own limits this stays for what is no tensor: the heap's last growth, and for each thread that
/// computes oneDNN's copy of the largest weight of the ten networks (512 x 512 x 3 x 3) with its gradient.
const HEADROOM: u64 = memory::GROWTH as u64;
const HEADROOM_PER_THREAD: u64 = 2 * 512 * 512 * 9 * 4;

/// The bounds under way: of private memory, and of the address space.
static BOUNDS: [AtomicU64; 2] = [AtomicU64::new(u64::MAX), AtomicU64::new(u64::MAX)];

/// The bound of a trial; dropping it ends it.
#[derive(Debug)]
pub(super) struct Bound;

impl Bound {
    /// Bounds the tensors of the process while it trains on `device`, unless that has its own memory or the system does
    /// not say what is available. Memory that was freed should have gone back to the system before.
    pub fn set(device: Device) -> Option<Self> {
        if device != Device::Cpu {
            return None;
        }
        Self::with(available_memory()?)
    }

    /// The same where so much is available.
    fn with(available: Bytes) -> Option<Self> {
        static UNUSED: OnceLock<u64> = OnceLock::new();
        let Footprint { promised, used, .. } = Footprint::read().value()?;
        let unused = *UNUSED.get_or_init(|| promised.0.saturating_sub(used.0));
        let headroom = HEADROOM + HEADROOM_PER_THREAD * u64::from(tch::get_num_threads().unsigned_abs());
        let below = |resource| limit(resource).map_or(u64::MAX, |limit| limit.saturating_sub(headroom));
        let machine = used.0 + unused + affordable(available.0);
        bound(machine.min(below(libc::RLIMIT_DATA)), below(libc::RLIMIT_AS));
        Some(Self)
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        bound(u64::MAX, u64::MAX);
    }
}

fn bound(data: u64, address_space: u64) {
    for (bound, to) in BOUNDS.iter().zip([data, address_space]) {
        bound.store(to, Ordering::Relaxed);
    }
    native::bound_host_memory(data, address_space);
}

/// What a trial may take of what is available.
fn affordable(available: u64) -> u64 {
    available.saturating_sub((available / 16).clamp(RESERVE.0, RESERVE.1))
}

/// Memory that a tensor could still have: within the bounds under way, the control groups and the machine.
pub(super) fn memory_left() -> Option<Bytes> {
    let [data, address_space] = [&BOUNDS[0], &BOUNDS[1]].map(|bound| bound.load(Ordering::Relaxed));
    let within = Footprint::read()
        .value()
        .map(|now| Bytes(data.saturating_sub(now.promised.0).min(address_space.saturating_sub(now.address_space.0))));
    within.into_iter().chain(available_memory()).min()
}

/// The limit that the user, or who started the process, has set on `resource`; `None` where there is none.
fn limit(resource: libc::__rlimit_resource_t) -> Option<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the call only writes to the structure.
    let known = unsafe { libc::getrlimit(resource, &raw mut limit) } == 0;
    (known && limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::super::failure::{catch, with_memory_left};
    use super::super::memory::{release_unused, tune_host_allocator};
    use super::*;
    use crate::event::Outcome;
    use crate::testing::in_own_process;
    use tch::{Kind, Tensor};

    #[test]
    fn a_reserve_stays_within_its_bounds() {
        assert_eq!(affordable(1 << 20), 0);
        assert_eq!(affordable(1 << 30), (1 << 30) - (64 << 20));
        assert_eq!(affordable(8 << 30), (8 << 30) - (512 << 20));
        assert_eq!(affordable(64 << 30), 63 << 30);
    }

    /// So many blocks of 64 MiB; they are never touched, so they cost nothing but the promise.
    fn blocks(count: usize) -> Result<Vec<Tensor>, Outcome> {
        let block = |_| Tensor::empty([64 << 20], (Kind::Uint8, Device::Cpu));
        catch(|| (0..count).map(block).collect())
    }

    #[test]
    fn memory_that_adds_up_fails_below_the_bound_and_is_free_after_it() {
        in_own_process("train::bound::tests::memory_that_adds_up_fails_below_the_bound_and_is_free_after_it", || {
            tune_host_allocator();
            for _ in 0..2 {
                release_unused();
                let bound = Bound::with(Bytes(1 << 30)).unwrap();
                assert_eq!(blocks(14).map(|blocks| blocks.len()), Ok(14), "896 of 960 MiB");
                let outcome = blocks(16).expect_err("more than what is available was given");
                let Outcome::Oom { requested, free, .. } = with_memory_left(outcome, Device::Cpu) else { panic!() };
                assert_eq!(requested, Some(Bytes(64 << 20)));
                // All but what the heap lost at its end.
                assert!(free.is_some_and(|free| free.0 < 65 << 20), "{free:?}");
                drop(bound);
                assert!(blocks(32).is_ok(), "the bound is gone");
            }
        });
    }

    #[test]
    fn a_limit_of_the_user_leaves_room_for_what_is_no_tensor() {
        in_own_process("train::bound::tests::a_limit_of_the_user_leaves_room_for_what_is_no_tensor", || {
            tune_host_allocator();
            for resource in [libc::RLIMIT_DATA, libc::RLIMIT_AS] {
                let now = Footprint::read().value().unwrap();
                let now = if resource == libc::RLIMIT_DATA { now.promised } else { now.address_space };
                let strict = libc::rlimit { rlim_cur: now.0 + (512 << 20), rlim_max: libc::RLIM_INFINITY };
                // SAFETY: the call only reads the structure; a soft limit never harms what is allocated already.
                assert_eq!(unsafe { libc::setrlimit(resource, &raw const strict) }, 0);
                let bound = Bound::with(Bytes(8 << 30)).unwrap();
                assert!(blocks(4).is_ok(), "half of the limit");
                assert!(matches!(blocks(7), Err(Outcome::Oom { .. })), "into the headroom");
                // What nobody checks still has its room.
                let scratch = std::hint::black_box(vec![1_u8; 48 << 20]);
                drop((bound, scratch));
                let none = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
                // SAFETY: as above.
                assert_eq!(unsafe { libc::setrlimit(resource, &raw const none) }, 0);
            }
        });
    }
}
