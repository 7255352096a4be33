//! Peak memory of a trial, and the host's allocator.

use super::native;
use crate::event::{MemoryPeak, Outcome};
use crate::telemetry::{PeakResident, available_memory};
use tch::Device;

/// Keeps glibc from handing freed memory back to the kernel.
///
/// With glibc's defaults every tensor above 128 KiB to 32 MiB is a mapping of its own: each step of a training maps its
/// activations anew, and the kernel clears them page by page, which takes as long as the arithmetic of small layers. After
/// this, memory freed by one step is used again by the next. Call it once, before the first tensor; elsewhere than on
/// glibc it does nothing. It leaves alone what the user set in the environment (`MALLOC_…_`, `GLIBC_TUNABLES`).
pub fn tune_host_allocator() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        let set = |name: &str| std::env::var_os(name).is_some();
        if set("MALLOC_MMAP_THRESHOLD_") || set("MALLOC_TRIM_THRESHOLD_") || set("GLIBC_TUNABLES") {
            return;
        }
        // SAFETY: mallopt only changes numbers of the allocator; it fails by returning 0, and then all stays as it was.
        unsafe {
            // Never a mapping of its own, never trimmed, grown by large pieces.
            libc::mallopt(libc::M_MMAP_MAX, 0);
            libc::mallopt(libc::M_TRIM_THRESHOLD, -1);
            libc::mallopt(libc::M_TOP_PAD, 64 << 20);
            // One heap for all threads: as fast here, since the threads of an operation allocate little, and a tenth less
            // memory in MobileNet v2.
            libc::mallopt(libc::M_ARENA_MAX, 1);
        }
    }
}

/// Gives the allocator's unused memory back to the kernel, so that a trial's peak is its own.
fn release_unused() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: malloc_trim only releases memory that nobody holds.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Watches peak memory from its start on: CUDA's allocator on CUDA, the resident set of the process on the CPU.
#[derive(Debug)]
pub(super) enum Meter {
    Cuda(usize),
    Host(PeakResident),
}

impl Meter {
    /// Gives back what earlier trials left unused and starts a new peak.
    pub fn start(device: Device) -> Self {
        match device {
            Device::Cuda(index) => {
                // A device that cannot be asked now yields no figure at the end either.
                let _ = native::reset_cuda_memory(index);
                Self::Cuda(index)
            }
            _ => {
                release_unused();
                Self::Host(PeakResident::start())
            }
        }
    }

    /// The largest amounts since the start.
    pub fn peak(&self) -> MemoryPeak {
        match self {
            Self::Cuda(index) => {
                let peak = native::cuda_memory_peak(*index).ok();
                MemoryPeak { allocated: peak.map(|p| p.0), reserved: peak.map(|p| p.1), resident: None }
            }
            Self::Host(peak) => MemoryPeak { resident: peak.bytes().value(), ..MemoryPeak::default() },
        }
    }
}

/// Adds what the host has free to an out-of-memory outcome of the CPU, whose allocator does not say.
pub(super) fn with_free_memory(outcome: Outcome, device: Device) -> Outcome {
    match outcome {
        Outcome::Oom { requested, free: None, message } if device == Device::Cpu => {
            Outcome::Oom { requested, free: available_memory(), message }
        }
        other => other,
    }
}
